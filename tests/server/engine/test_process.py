"""A core that is spawned, not forked, ends with the process that started it, even if that is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.cpu_lora.plugin import register

ROOT = Path(__file__).parents[3]


def core() -> None:
    register()  # as vLLM does in its processes
    print(os.getpid(), flush=True)
    time.sleep(600)


def start_core() -> None:
    multiprocessing.get_context("spawn").Process(target=core).start()
    time.sleep(600)


@pytest.mark.engine
def test_a_spawned_core_is_gone_when_its_parent_was_killed() -> None:
    command = "from tests.server.engine.test_process import start_core; start_core()"
    parent = subprocess.Popen([sys.executable, "-c", command], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    with parent.stdout:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert parent.stdout.read() == ""  # its end: no process has it open
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
