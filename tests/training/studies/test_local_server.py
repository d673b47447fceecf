"""A server as a subprocess: ready when it answers, ended afterwards, and its log in the error if it does not start."""

from __future__ import annotations

import os
import select
import sys

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


def test_a_server_and_all_that_it_started_end() -> None:
    with running([sys.executable, "-c", SERVER], os.environ, ready="/health") as url:
        processes = [os.pidfd_open(int(pid)) for pid in httpx.get(f"{url}/health").text.split()]
        assert select.select(processes, [], [], 0) == ([], [], [])  # both run
    for process in processes:
        select.select([process], [], [])  # until it has ended
        os.close(process)


def test_the_error_of_a_server_that_does_not_start_holds_its_log() -> None:
    command = [sys.executable, "-c", "print('no weights'); raise SystemExit(3)"]
    with pytest.raises(ServingError, match="no weights"), running(command, os.environ):
        pass
