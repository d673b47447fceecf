"""The command `shoplora` as somebody at a terminal meets it."""

from __future__ import annotations

import re

from typer.testing import CliRunner

from shoplora import app


def run(*arguments: str, status: int = 0) -> str:
    """What it says, without colours; it ends with that status and never with a traceback."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return re.sub(r"\x1b\[[\d;]*m", "", result.output)
