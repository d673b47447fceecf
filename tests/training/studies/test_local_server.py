"""Servers for a moment: ready when they say so, gone afterwards, clear where they do not start."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import httpx
import pytest

from training.studies.local_server import ServingError, running

SERVER = """
import os, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(f"{os.getpid()} {child.pid}".encode())
HTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
"""


def runs(process: int) -> bool:
    """Whether there is such a process that is not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(process: int) -> bool:
    """Whether the process is gone soon: a killed one may take a moment where much else runs."""
    end = time.monotonic() + 30
    while runs(process) and time.monotonic() < end:
        time.sleep(0.05)
    return not runs(process)


def test_a_server_and_all_that_it_started_end() -> None:
    with running([sys.executable, "-c", SERVER], os.environ, ready="/health") as url:
        process, child = map(int, httpx.get(f"{url}/health").text.split())
        assert runs(process) and runs(child)
    assert not runs(process)
    assert ends(child)


def test_one_that_does_not_start_says_why() -> None:
    command = [sys.executable, "-c", "print('no weights'); raise SystemExit(3)"]
    with pytest.raises(ServingError, match="no weights"), running(command, os.environ):
        pass
