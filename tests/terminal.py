"""The command `shoplora`, run in this process."""

from __future__ import annotations

import re

from typer.testing import CliRunner

from shoplora import app


def run(*arguments: str, status: int = 0) -> str:
    """The command's output without colours, after a check that it ended with that status and without a traceback."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return re.sub(r"\x1b\[[\d;]*m", "", result.output)
