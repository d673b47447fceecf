"""What `shoplora serve` settles before it hands over to uvicorn."""

import os
import subprocess
import sys

from server.engine.preload import GUARD

SERVE = """
import importlib.util, sys, uvicorn
uvicorn.run = lambda *args, **options: None
import server.cli
server.cli.serve()
assert not any(importlib.util.find_spec(name) for name in server.cli.LEFT_OUT)
import server.app
from transformers.utils import is_scipy_available, is_sklearn_available
assert not is_sklearn_available() and not is_scipy_available()
"""


def test_to_a_server_the_libraries_of_training_are_not_installed() -> None:
    environment = {**os.environ, GUARD: "1"}
    command = [sys.executable, "-c", SERVE]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
