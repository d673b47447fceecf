"""What `shoplora serve` sets before it starts uvicorn."""

import os
import subprocess
import sys

import pytest
import typer

from adapters.preload import GUARD
from server.cli import SHUTDOWN, serve
from server.settings import Settings

SERVE = """
import importlib.util, sys, uvicorn
options = {}
uvicorn.run = lambda *args, **given: options.update(given)
import server.cli
server.cli.serve()
assert 0 < options["timeout_graceful_shutdown"] < 30
assert not any(importlib.util.find_spec(name) for name in server.cli.LEFT_OUT)
import server.app
from transformers.utils import is_scipy_available, is_sklearn_available
assert not is_sklearn_available() and not is_scipy_available()
"""


def test_the_server_ends_in_bounded_time_and_does_not_see_the_libraries_of_training() -> None:
    environment = {**os.environ, GUARD: "1"}
    command = [sys.executable, "-c", SERVE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_time_for_a_body_ends_before_the_time_for_requests_in_flight() -> None:
    assert Settings().body_timeout < SHUTDOWN


def test_settings_out_of_range_are_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(GUARD, "1")
    monkeypatch.setenv("SHOPLORA_MAX_NUM_SEQS", "0")
    monkeypatch.setenv("SHOPLORA_DTYPE", "int4")
    with pytest.raises(typer.Exit) as ended:
        serve()
    assert ended.value.exit_code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "SHOPLORA_MAX_NUM_SEQS: Input should be greater than 0" in line and "SHOPLORA_DTYPE" in line
