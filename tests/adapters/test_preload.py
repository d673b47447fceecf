import os
from pathlib import Path

import pytest

from adapters import preload


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preload, "find_tcmalloc", lambda: Path("/lib/libtcmalloc_minimal.so.4"))
    monkeypatch.setattr(preload, "find_openmp", lambda: Path("/venv/lib/libiomp5.so"))
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    monkeypatch.delenv(preload.GUARD, raising=False)


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    executed: list[dict[str, str]] = []
    monkeypatch.setattr(os, "execve", lambda path, argv, env: executed.append(env))
    return executed


def test_libraries_that_are_preloaded_already_stay_first_and_come_once(
    installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/x/own.so /venv/lib/libiomp5.so")
    assert preload.ld_preload() == ("/x/own.so:/venv/lib/libiomp5.so:/lib/libtcmalloc_minimal.so.4")


def test_the_process_starts_itself_again_once(
    installed: None, environments: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    preload.ensure_preloaded()
    assert len(environments) == 1
    for name, value in environments[0].items():
        monkeypatch.setenv(name, value)
    preload.ensure_preloaded()
    assert len(environments) == 1
    assert preload.preload_status() == ["tcmalloc preloaded", "Intel OpenMP preloaded"]


def test_without_libraries_nothing_is_started_again(
    installed: None, environments: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preload, "find_tcmalloc", lambda: None)
    monkeypatch.setattr(preload, "find_openmp", lambda: None)
    preload.ensure_preloaded()
    assert environments == []
    assert preload.preload_status() == ["tcmalloc not found: install libtcmalloc-minimal4 for faster allocation"]
