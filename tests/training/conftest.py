"""Fixtures that several tests of the training package use: the ontology, a tokenizer and a tiny base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.ontology import Ontology
from adapters.preload import GUARD
from tests.tiny import make_base, make_tokenizer


@pytest.fixture(autouse=True)
def no_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command `train` would replace the process of the tests by itself with libraries preloaded."""
    monkeypatch.setenv(GUARD, "1")


@pytest.fixture(scope="session")
def ontology() -> Ontology:
    return Ontology.load()


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that commands run in: an empty store, no settings, and a terminal of a fixed width."""
    for name in ("SHOPLORA_ONTOLOGY", "SHOPLORA_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOPLORA_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def tokenizer(ontology: Ontology) -> Any:
    return make_tokenizer(ontology)


@pytest.fixture(scope="session")
def tiny_base(ontology: Ontology, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base with random weights and a context of 128 tokens; models this small are faster on one thread."""
    import torch

    torch.set_num_threads(1)
    return make_base(tmp_path_factory.mktemp("base"), "qwen3", ontology, context=128)
