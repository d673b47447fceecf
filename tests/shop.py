"""The server on the shipped base and adapters, started as a user starts it, once a test session.

Knows the command line and `/ready`, nothing of what is asked. Used by test_readme and test_shipped.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

START_LIMIT = 600.0  # seconds
STOP_LIMIT = 30.0

_URL = pytest.StashKey[str]()


def served(config: pytest.Config, folder: Path) -> str:
    """The server's address; the first test that asks waits until it is ready."""
    if _URL not in config.stash:
        config.stash[_URL] = _start(config, folder)
    return config.stash[_URL]


def _start(config: pytest.Config, folder: Path) -> str:
    port, log = _free_port(), folder / "serve.log"
    kept = {name: v for name, v in os.environ.items() if not name.startswith("SHOPLORA_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("shoplora"), "serve", "--port", str(port)],
            env={**kept, "SHOPLORA_STORE": str(folder / "store")},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    config.add_cleanup(lambda: _stop(process))
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + START_LIMIT
    while not _ready(url):
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(f"the server is not ready:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.5)
    return url


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=60).status_code == 200
    except httpx.TransportError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_LIMIT)
    with suppress(ProcessLookupError):  # what is left of the engine
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_LIMIT)
