"""Fixtures that several tests of the training package use: the ontology, a tokenizer and a tiny base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.ontology import Ontology


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
def tokenizer() -> Any:
    """A tokenizer like the demo base's, trained on the words of answer lines alone."""
    from training.base import pretrain

    words = pretrain._line_words()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrain, "_line_words", list)  # not repeated 1,000 times: that would take minutes
        return pretrain.train_tokenizer([*words, "red shirt for a wedding under $20"] * 3, 2048)


@pytest.fixture(scope="session")
def tiny_base(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base with random weights and a context of 128 tokens."""
    import torch
    from transformers import Qwen3ForCausalLM

    from training.base import pretrain

    recipe = pretrain.PretrainingRecipe(
        hidden=32, layers=2, feed_forward=64, heads=2, kv_heads=1, head=16, vocabulary=len(tokenizer), context=128
    )
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("base")
    Qwen3ForCausalLM(pretrain._config(recipe, tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
