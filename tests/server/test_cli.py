"""What `shoplora serve` sets before it starts uvicorn."""

import os
import subprocess
import sys

from adapters.preload import GUARD

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
