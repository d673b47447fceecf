"""The server on the default base and the shipped adapters, started once a test session.

Started by the command `shoplora serve`. Used by test_readme, test_shipped and test_typed.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from training.studies.local_server import server

_URL = pytest.StashKey[str]()


def served(config: pytest.Config, folder: Path) -> str:
    """The server's address; the first call starts it and returns when it is ready."""
    if _URL not in config.stash:
        config.stash[_URL] = _start(config, folder)
    return config.stash[_URL]


def _start(config: pytest.Config, folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHOPLORA_")}
    running = ExitStack()
    config.add_cleanup(running.close)
    return running.enter_context(server({**environment, "SHOPLORA_STORE": str(folder / "store")}))
