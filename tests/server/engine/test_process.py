"""A core that is spawned, not forked, ends with the process that started it, even if that is killed."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.cpu_lora.plugin import register

ROOT = Path(__file__).parents[3]
SLEEP = 600.0  # seconds


def core() -> None:
    register()  # as vLLM does in its processes
    print("started", flush=True)
    time.sleep(SLEEP)


def start_core() -> None:
    multiprocessing.get_context("spawn").Process(target=core).start()
    time.sleep(SLEEP)


@pytest.mark.engine
def test_a_spawned_core_is_gone_when_its_parent_was_killed() -> None:
    command = "from tests.server.engine.test_process import start_core; start_core()"
    parent = subprocess.Popen([sys.executable, "-c", command], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    with parent.stdout:
        assert parent.stdout.readline() == "started\n"
        parent.kill()
        began = time.monotonic()
        assert parent.stdout.read() == ""  # which ends when the core no longer has it open
    assert parent.wait() and time.monotonic() - began < SLEEP / 2
