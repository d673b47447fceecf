import os
from pathlib import Path

import pytest

from server.engine import preload


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preload, "find_tcmalloc", lambda: Path("/lib/libtcmalloc_minimal.so.4"))
    monkeypatch.setattr(preload, "find_openmp", lambda: Path("/venv/lib/libiomp5.so"))
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    monkeypatch.delenv(preload.GUARD, raising=False)


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    environments: list[dict[str, str]] = []
    monkeypatch.setattr(os, "execve", lambda path, argv, env: environments.append(env))
    return environments


def test_what_is_preloaded_already_stays_first_and_comes_once(found: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/x/own.so /venv/lib/libiomp5.so")
    assert preload.ld_preload() == ("/x/own.so:/venv/lib/libiomp5.so:/lib/libtcmalloc_minimal.so.4")


def test_starts_again_once(found: None, executed: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    preload.ensure_preloaded()
    assert len(executed) == 1
    for name, value in executed[0].items():
        monkeypatch.setenv(name, value)
    preload.ensure_preloaded()
    assert len(executed) == 1
    assert preload.preload() == ["tcmalloc preloaded", "Intel OpenMP preloaded"]


def test_without_libraries_nothing_is_started_again(
    found: None, executed: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preload, "find_tcmalloc", lambda: None)
    monkeypatch.setattr(preload, "find_openmp", lambda: None)
    preload.ensure_preloaded()
    assert executed == []
    assert preload.preload() == ["tcmalloc not found: install libtcmalloc-minimal4 for faster allocation"]
