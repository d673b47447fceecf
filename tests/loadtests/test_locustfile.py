"""Locust as a command, against a stub of the server on loopback.

In a process of its own, since importing Locust patches the standard library. A run ends when the stub has answered
enough requests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE, STDOUT
from threading import Event, Thread
from typing import Any

from adapters.tasks.contract import Answered
from tests.loadtests.test_targets import ANSWER

ROOT = Path(__file__).parents[2]
COMMON_FIELDS = {name: ANSWER[name] for name in ANSWER.keys() & Answered.model_fields}
QUERY = {"product_type": "dress", "category": None, "filters": {"color": ["red"]}, "exclude": {}}
QUERY |= {"price": None, "keywords": []}
ANSWERS: dict[str, dict[str, Any]] = {"rewrite": {**COMMON_FIELDS, "model": "rewrite@1", **QUERY}, "classify": ANSWER}
USERS = 4


class Stub(ThreadingHTTPServer):
    """Gives each task one answer, after some seconds; `enough` is set when Locust has one for each of `jobs`."""

    def __init__(
        self,
        answers: dict[str, dict[str, Any]] = ANSWERS,
        delays: dict[str, float] | None = None,
        status: int = 200,
        jobs: Collection[str] = ANSWERS.keys(),
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.delays, self.status, self.jobs = answers, delays or {}, status, jobs
        self.counts: Counter[str] = Counter()
        self.enough = Event()

    def count(self, job: str) -> None:
        self.counts[job] += 1
        if all(self.counts[job] > USERS for job in self.jobs):  # each user waits for one answer at most
            self.enough.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        job = self.path.removeprefix("/v1/")
        time.sleep(self.server.delays.get(job, 0))
        body = json.dumps(self.server.answers[job]).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.count(job)

    def log_message(self, *_: Any) -> None:
        pass


def locust(stub: Stub, folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit status and output of a run, with targets that only an answer over Locust's own time limit would miss."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "LD_PRELOAD"))}
    environment |= {"SHOPLORA_MIRROR": str(folder), "SHOPLORA_CACHE": str(folder)}
    command = [sys.executable, "-m", "locust", "--config", "loadtests/locust.conf"]
    command += ["--host", f"http://127.0.0.1:{stub.server_port}", "--users", str(USERS), "--spawn-rate", "20"]
    command += ["--p95-rewrite-ms", "20000", "--p95-classify-ms", "20000", *arguments]
    thread = Thread(target=stub.serve_forever, daemon=True)
    thread.start()
    with stub, subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=PIPE, stderr=STDOUT) as process:
        ended = stub.enough.wait(240)
        process.terminate()
        output, _ = process.communicate()
        stub.shutdown()
    assert ended, output
    return process.returncode, output


def test_passes_where_answers_are_fast_and_complete(tmp_path: Path) -> None:
    status, output = locust(Stub(), tmp_path)
    assert status == 0, output
    assert "payloads from training/samples" in output
    lines = [line.split() for line in output.splitlines()]
    rows = {line[0]: line[1:] for line in lines if line and line[0] in ANSWERS and len(line) == 7}
    assert rows.keys() == ANSWERS.keys()
    assert all(int(row[0]) > 0 and row[1] == "0.0%" for row in rows.values())
    assert "MISSED" not in output


def test_fails_where_a_p95_target_is_missed(tmp_path: Path) -> None:
    status, output = locust(Stub(delays={"rewrite": 0.3}), tmp_path, "--p95-rewrite-ms", "200")
    assert status == 1, output
    assert "MISSED rewrite: p95 is" in output
    assert "MISSED classify" not in output


def test_fails_where_an_answer_lacks_a_field(tmp_path: Path) -> None:
    part = {key: value for key, value in ANSWERS["classify"].items() if key != "category"}
    status, output = locust(Stub({**ANSWERS, "classify": part}), tmp_path)
    assert status == 1, output
    assert "MISSED classify: 100.0% failed" in output
    assert "malformed answer: category: missing" in output
    assert "MISSED rewrite" not in output


def test_fails_on_errors_and_only_for_the_chosen_users(tmp_path: Path) -> None:
    status, output = locust(Stub(status=503, jobs=["rewrite"]), tmp_path, "SearchUser")
    assert status == 1, output
    assert "MISSED rewrite: 100.0% failed" in output
    assert "classify" not in output


def test_make_runs_it_against_host_and_port() -> None:
    command = ["make", "--dry-run", "HOST=127.0.0.9", "PORT=8123", "loadtest"]
    output = subprocess.check_output(command, cwd=ROOT, text=True)
    assert "locust --config loadtests/locust.conf --host http://127.0.0.9:8123" in output
