"""What a core is started with, and its end: with the process that started it, even if that is killed."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.cpu_lora.plugin import register
from server.engine.process import without_launcher

ROOT = Path(__file__).parents[3]
SLEEP = 600.0  # seconds


def core() -> None:
    register()  # as vLLM does in its processes
    print("started", flush=True)
    time.sleep(SLEEP)


def start_core() -> None:
    multiprocessing.get_context("spawn").Process(target=core).start()
    time.sleep(SLEEP)


def test_a_core_is_started_without_what_a_launcher_sets_for_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    launched = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0"}
    launched |= {"ROLE_RANK": "0", "ROLE_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}
    launched |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RUN_ID": "none"}
    kept = {"VLLM_DP_RANK": "0", "RANKED": "1", "CUDA_VISIBLE_DEVICES": "0"}
    for name, value in (launched | kept).items():
        monkeypatch.setenv(name, value)
    with without_launcher():
        assert not launched.keys() & os.environ.keys() and kept.keys() <= os.environ.keys()
    assert launched.items() <= os.environ.items()


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
