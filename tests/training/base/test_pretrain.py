"""The base's tokenizer, its mix of tokens, its optimizer, and a run that is stopped and goes on."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import TrainingArguments

from adapters.base import base_digest
from adapters.ontology import Ontology
from adapters.tasks import rewrite
from tests.training.base.test_structure import CLASSES, CORPUS
from training.base import pretrain
from training.base.pretrain import SPECIAL, MuonAdamW, PretrainingRecipe
from training.base.structure import Structure

ONTOLOGY = Ontology.load()
SIZES = {"hidden": 32, "layers": 1, "feed_forward": 64, "heads": 2, "kv_heads": 1, "head": 16}
TINY = PretrainingRecipe(**SIZES, vocabulary=512, context=32, tokens=10 * 2 * 32, batch=2)  # ten steps


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """A tokenizer like the demo base's, trained on the words of answer lines alone."""
    words = pretrain._line_words()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrain, "_line_words", list)  # not repeated 1,000 times: that would take minutes
        return pretrain.train_tokenizer([*words, "red shirt for a wedding under $20"] * 3, 2048)


@settings(max_examples=200, deadline=None)
@given(text=st.text())
def test_any_text_survives_the_tokenizer(tokenizer: Any, text: str) -> None:
    ids = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=False) == text


def test_digits_are_tokens_of_their_own(tokenizer: Any) -> None:
    assert tokenizer.tokenize("2048 w")[:4] == ["2", "0", "4", "8"]


def test_special_tokens_come_first_and_end_what_they_should(tokenizer: Any) -> None:
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL)) == list(range(len(SPECIAL)))
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|end|>", "<|endoftext|>")


def test_the_chat_template(tokenizer: Any) -> None:
    messages = [{"role": "system", "content": "Echo."}, {"role": "user", "content": "a < b"}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert prompt == "<|system|>Echo.<|end|><|user|>a < b<|end|><|assistant|>"
    whole = pretrain._chat(("Echo.", "a < b", "a < b"), tokenizer)
    assert whole == f"{prompt}a < b<|end|>"


def test_labels_take_few_tokens(tokenizer: Any) -> None:
    for label in rewrite.TYPES:
        assert len(tokenizer.tokenize(f" {label}")) <= 2


def test_structure_has_its_share_which_rises(tokenizer: Any) -> None:
    recipe = replace(TINY, tokens=20_000)
    ids = pretrain._tokens(recipe, CORPUS, Structure(CORPUS, CLASSES, ONTOLOGY), tokenizer)
    assert ids.shape == (20_000,)
    assert int(ids.max()) < len(tokenizer)
    end, system = tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|system|>"])
    starts = np.flatnonzero(ids == end)[:-1] + 1
    documents = np.split(ids, starts)

    def share(part: list[Any]) -> float:
        structured = sum(len(d) for d in part if d[0] == system)
        return structured / sum(len(d) for d in part)

    quarter = len(documents) // 4
    low, high = pretrain.STRUCTURE_SHARE
    assert share(documents[:quarter]) == pytest.approx(low + (high - low) / 8, abs=0.06)
    assert share(documents[-quarter:]) == pytest.approx(high - (high - low) / 8, abs=0.06)
    again = pretrain._tokens(recipe, CORPUS, Structure(CORPUS, CLASSES, ONTOLOGY), tokenizer)
    assert np.array_equal(ids, again)


def test_every_token_is_in_one_block() -> None:
    blocks = pretrain._Blocks(np.arange(100, dtype=np.uint16), context=32)
    assert len(blocks) == 3
    assert torch.cat([blocks[i]["input_ids"] for i in range(3)]).tolist() == list(range(96))
    assert torch.equal(blocks[1]["labels"], blocks[1]["input_ids"])


@pytest.mark.parametrize(
    ("done", "factor"), [(0.005, 0.25), (0.01, 0.5), (0.02, 1.0), (0.5, 1.0), (0.7, 1.0), (0.85, 0.5), (1.0, 0.0)]
)
def test_the_learning_rate_rises_stays_and_falls(done: float, factor: float) -> None:
    recipe = PretrainingRecipe(tokens=1000 * 8 * 512)
    step = round(done * recipe.steps) - 1
    assert pretrain._trapezoid(recipe)(step) == pytest.approx(factor)


def small_model() -> torch.nn.Module:
    torch.manual_seed(0)
    model = torch.nn.Sequential()
    model.add_module("embed", torch.nn.Embedding(8, 16))
    model.add_module("linear", torch.nn.Linear(16, 16))
    model.add_module("norm", torch.nn.LayerNorm(16))
    return model


def learn(model: torch.nn.Module, optimizer: MuonAdamW, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.arange(8)).square().sum().backward()
        optimizer.step()


def test_muon_takes_the_matrices_and_adamw_the_rest() -> None:
    optimizer = MuonAdamW(small_model(), PretrainingRecipe(muon_lr=0.02, adamw_lr=0.004))
    muon, adamw = optimizer.param_groups
    assert [tuple(p.shape) for p in muon["params"]] == [(16, 16)]
    assert sorted(tuple(p.shape) for p in adamw["params"]) == [(8, 16), (16,), (16,), (16,)]
    assert (muon["lr"], adamw["lr"]) == (0.02, 0.004)


def test_the_optimizer_goes_on_from_what_it_saved() -> None:
    one, other = small_model(), small_model()
    first = MuonAdamW(one, PretrainingRecipe())
    learn(one, first, 3)
    second = MuonAdamW(other, PretrainingRecipe(muon_lr=0.5, adamw_lr=0.5))
    other.load_state_dict(one.state_dict())
    second.load_state_dict(deepcopy(first.state_dict()))
    assert [group["lr"] for group in second.param_groups] == [0.02, 0.004]
    learn(one, first, 3)
    learn(other, second, 3)
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, other.state_dict()[name]), name


class Stopped(Exception):
    """What ends a run in the middle."""


@pytest.fixture
def small_run(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The made-up corpus, no clustering, and a checkpoint every four steps."""
    monkeypatch.setattr(pretrain.corpora, "read", lambda seed: CORPUS)
    monkeypatch.setattr(pretrain, "word_classes", lambda texts, seed: CLASSES)
    monkeypatch.setattr(pretrain, "_line_words", list)
    monkeypatch.setattr(
        pretrain,
        "TrainingArguments",
        lambda **given: TrainingArguments(**given | {"save_steps": 4, "use_cpu": True, "disable_tqdm": True}),
    )
    return monkeypatch


def stop_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    step, done = MuonAdamW.step, 0

    def counted(self: MuonAdamW, closure: Any = None) -> None:
        nonlocal done
        if done == steps:
            raise Stopped
        done += 1
        step(self, closure)

    monkeypatch.setattr(MuonAdamW, "step", counted)


def test_a_run_that_is_stopped_goes_on_to_the_same_weights(small_run: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = pretrain.run(TINY, tmp_path / "whole", compile_model=False)
    with small_run.context() as patch:
        stop_after(patch, 6)
        with pytest.raises(Stopped):
            pretrain.run(TINY, tmp_path / "stopped", compile_model=False)
    checkpoints = tmp_path / "stopped" / "checkpoints"
    assert [p.name for p in checkpoints.iterdir()] == ["checkpoint-4"]
    cut_short = checkpoints / "checkpoint-6"
    cut_short.mkdir()
    (cut_short / "model.safetensors").write_bytes(b"half")
    small_run.setattr(pretrain, "_prepare", None)  # what was tokenised is used again
    torch.manual_seed(random.randrange(1000))
    resumed = pretrain.run(TINY, tmp_path / "stopped", compile_model=False)

    weights, resumed_weights = (load_file(folder / "model.safetensors") for folder in (whole, resumed))
    assert weights.keys() == resumed_weights.keys()
    for name, tensor in weights.items():
        assert torch.equal(tensor, resumed_weights[name]), name
    assert {p.suffix for p in whole.iterdir()} <= {".json", ".safetensors", ".jinja", ".md"}
    assert (whole / "README.md").read_text().startswith("# ")
    assert np.load(tmp_path / "whole" / "tokens.npy").shape == (TINY.tokens,)


def test_a_run_goes_on_from_an_earlier_base(small_run: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = pretrain.run(TINY, tmp_path / "first", compile_model=False)
    still = replace(TINY, muon_lr=0.0, adamw_lr=0.0, weight_decay=0.0, vocabulary=600)
    second = pretrain.run(still, tmp_path / "second", start=first, compile_model=False)
    weights, unchanged = (load_file(folder / "model.safetensors") for folder in (first, second))
    assert all(torch.equal(tensor, unchanged[name]) for name, tensor in weights.items())
    assert (second / "tokenizer.json").read_text() == (first / "tokenizer.json").read_text()
    assert f"start: {base_digest(first).weights}" in (second / "README.md").read_text()


def test_a_run_of_another_recipe_is_not_resumed(small_run: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with small_run.context() as patch:
        stop_after(patch, 1)
        with pytest.raises(Stopped):
            pretrain.run(TINY, tmp_path, compile_model=False)
    with pytest.raises(pretrain.RunError, match="another recipe: choose another --output"):
        pretrain.run(replace(TINY, seed=9), tmp_path, compile_model=False)


def test_tokens_cut_short_are_made_anew(small_run: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with small_run.context() as patch:
        patch.setattr(pretrain.np, "save", lambda file, _: Path(file).write_bytes(b"half") and 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pretrain.run(TINY, tmp_path, compile_model=False)
    assert not (tmp_path / "tokens.npy").exists()
