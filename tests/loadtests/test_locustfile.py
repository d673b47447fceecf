"""Locust, run as its users run it, against a stub of the server on loopback.

In a process of its own, since importing Locust patches the standard library.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).parents[2]
CARRIED: dict[str, Any] = {
    "request_id": "r-1",
    "usage": {"prompt_tokens": 30, "completion_tokens": 5},
    "confidence": 0.9,
    "needs_review": False,
}
ANSWERS: dict[str, dict[str, Any]] = {
    "rewrite": {
        **CARRIED,
        "model": "rewrite@1",
        "product_type": "dress",
        "category": None,
        "filters": {"color": ["red"]},
        "price": None,
        "keywords": [],
    },
    "classify": {
        **CARRIED,
        "model": "classify@1",
        "category": {"id": "shirts", "path": ["Apparel", "Topwear", "Shirts"]},
        "attributes": {"color": "navy blue"},
    },
}


@contextmanager
def stub(
    answers: dict[str, dict[str, Any]] = ANSWERS, delays: dict[str, float] | None = None, status: int = 200
) -> Iterator[str]:
    """The address of a server that gives each task one answer."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            job = self.path.removeprefix("/v1/")
            time.sleep((delays or {}).get(job, 0))
            body = json.dumps(answers[job]).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def locust(host: str, nowhere: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Two seconds of load, with targets that even a busy machine meets."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "LD_PRELOAD"))}
    environment |= {"SHOPLORA_MIRROR": str(nowhere), "SHOPLORA_CACHE": str(nowhere)}
    command = [sys.executable, "-m", "locust", "--config", "loadtests/locust.conf", "--host", host]
    command += ["--users", "4", "--spawn-rate", "20", "--run-time", "2s"]
    command += ["--p95-rewrite-ms", "5000", "--p95-classify-ms", "5000", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=240)


def test_passes_where_answers_are_fast_and_whole(tmp_path: Path) -> None:
    with stub() as host:
        done = locust(host, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "inputs from training/samples" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    told = {row[0]: row[1:] for row in rows if row and row[0] in ANSWERS and len(row) == 7}
    assert told.keys() == ANSWERS.keys()
    assert all(int(row[0]) > 0 and row[1] == "0.0%" for row in told.values())
    assert "MISSED" not in done.stdout


def test_fails_where_a_p95_target_is_missed(tmp_path: Path) -> None:
    with stub(delays={"rewrite": 0.3}) as host:
        done = locust(host, tmp_path, "--p95-rewrite-ms", "200")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "MISSED rewrite: p95 is" in done.stdout
    assert "MISSED classify" not in done.stdout


def test_fails_where_an_answer_lacks_a_field(tmp_path: Path) -> None:
    part = {key: value for key, value in ANSWERS["classify"].items() if key != "category"}
    with stub({**ANSWERS, "classify": part}) as host:
        done = locust(host, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "MISSED classify: 100.0% failed" in done.stdout
    assert "malformed answer: category: missing" in done.stdout + done.stderr
    assert "MISSED rewrite" not in done.stdout


def test_fails_on_errors_and_only_for_the_users_that_were_asked_for(tmp_path: Path) -> None:
    with stub(status=503) as host:
        done = locust(host, tmp_path, "SearchUser")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "MISSED rewrite: 100.0% failed" in done.stdout
    assert "classify" not in done.stdout


def test_make_runs_it_against_host_and_port() -> None:
    command = ["make", "--dry-run", "HOST=127.0.0.9", "PORT=8123", "loadtest"]
    told = subprocess.check_output(command, cwd=ROOT, text=True)
    assert "locust --config loadtests/locust.conf --host http://127.0.0.9:8123" in told
