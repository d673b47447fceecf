"""Training an adapter on a tiny base: which modules and tokens are trained, and what is written to disk."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import load_file

from adapters.base import base_digest
from adapters.fit import check_weights
from adapters.ontology import Ontology
from adapters.tasks import classify, extract, task
from training.examples import Example, typed
from training.tuning import finetune
from training.tuning.recipe import Recipe, TrainingError, recipe_for
from training.tuning.rows import IGNORED, Row
from training.tuning.rows import rows as rows_of

CLASSIFY = task("classify")
COLORS = ("red", "blue", "green", "black", "white", "yellow")
LEAVES = ("Shirts", "Jeans", "Dresses")


def title(text: str, leaf: str, split: str = "train", **attributes: str) -> Example:
    return Example(split, "shop", classify.Request(title=text), classify.Labels(category=leaf, attributes=attributes))


EXAMPLES = [
    title(f"{color} {leaf.lower()}", leaf, split, color=color)
    for color, split in zip(COLORS, [*["train"] * 5, "validation"], strict=True)
    for leaf in LEAVES
]
TOO_LONG = title("red shirt " * 29, "Shirts")


def trained(examples: Sequence[Example], recipe: Recipe, base: Path, output: Path, ontology: Ontology) -> Path:
    return finetune.run(CLASSIFY, list(examples), recipe, base, output, ontology)


@pytest.fixture(scope="module")
def run(tiny_base: Path, ontology: Ontology, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `o_proj` and `down_proj`."""
    output = tmp_path_factory.mktemp("run")
    recipe = Recipe(modules=("o_proj", "down_proj"), rank=4, lr=1e-2, epochs=6, batch=5)
    before = base_digest(tiny_base)
    trained(EXAMPLES, recipe, tiny_base, output, ontology)
    assert base_digest(tiny_base) == before
    return output


def test_the_adapter_holds_the_modules_of_the_recipe_only(run: Path) -> None:
    tensors = load_file(run / "adapter" / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    assert {name.split(".")[-3] for name in tensors} == {"o_proj", "down_proj"}
    assert len(tensors) == 2 * 2 * 2  # layers, modules, A and B
    assert all("lora_" in name for name in tensors)
    assert any(tensors[name].abs().max() > 0 for name in tensors if "lora_B" in name)
    config = json.loads((run / "adapter" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["bias"]) == (4, 32, "none")


def test_the_result_holds_no_pickle(run: Path) -> None:
    names = {p.name for p in (run / "adapter").iterdir()}
    assert names >= {"adapter_model.safetensors", "adapter_config.json"}
    assert {Path(name).suffix for name in names} <= {".safetensors", ".json", ".md", ".jinja"}


def test_training_lowers_the_loss(run: Path) -> None:
    log = json.loads((run / "train.json").read_text())["log"]
    losses = [entry["eval_loss"] for entry in log if "eval_loss" in entry]
    assert len(losses) >= 2
    assert losses == sorted(losses, reverse=True)
    assert losses[0] - losses[-1] > 0.1  # an adapter improves random weights only a little


def test_a_run_of_one_step_trains(tiny_base: Path, ontology: Ontology, tmp_path: Path) -> None:
    recipe = Recipe(rank=2, lr=1e-2, epochs=1, batch=len(EXAMPLES))
    check_weights(finetune.run(task("classify"), EXAMPLES, recipe, tiny_base, tmp_path, ontology))


def test_a_finished_run_is_not_trained_again(run: Path, tiny_base: Path, ontology: Ontology) -> None:
    before = load_file(run / "adapter" / "adapter_model.safetensors")
    recipe = Recipe(modules=("o_proj", "down_proj"), rank=4, lr=1e-2, epochs=6, batch=5)
    folder = trained(EXAMPLES, recipe, tiny_base, run, ontology)
    after = load_file(folder / "adapter_model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_too_long_examples_are_left_out_and_reported(
    tiny_base: Path, ontology: Ontology, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    validation = title("blue jeans " * 27, "Jeans", "validation")
    recipe = Recipe(rank=2, epochs=1, batch=2)
    trained([*EXAMPLES[:2], TOO_LONG, validation], recipe, tiny_base, tmp_path, ontology)
    output = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert re.search(r"1 of 3 examples left out: over 128 tokens; the longest has \d{3}", output)
    assert "2 examples, " in output


def test_max_length_leaves_out_what_the_base_could_hold(tiny_base: Path, ontology: Ontology, tmp_path: Path) -> None:
    longer = title("red shirt " * 9, "Shirts")
    lengths = []
    for max_length in (None, 90, 1_000):  # no more than the base's context of 128
        trainer = finetune.trainer_of(
            CLASSIFY, [*EXAMPLES, longer, TOO_LONG], Recipe(max_length=max_length), tiny_base, tmp_path, ontology
        )
        lengths.append(max(len(row["input_ids"]) for row in trainer.train_dataset))
    assert lengths[1] <= 90 < lengths[0] == lengths[2] <= 128


def test_the_base_is_held_in_bfloat16_and_the_adapter_in_float32(
    tiny_base: Path, ontology: Ontology, tmp_path: Path
) -> None:
    model = finetune.trainer_of(CLASSIFY, EXAMPLES, Recipe(), tiny_base, tmp_path, ontology).model
    types = {p.requires_grad: p.dtype for p in model.parameters()}
    assert types == {False: torch.bfloat16, True: torch.float32}


def test_the_record_of_a_run_holds_what_it_cost(run: Path) -> None:
    record = json.loads((run / "train.json").read_text())
    assert finetune.cost(run) == {name: record[name] for name in ("seconds", "tokens", "peak_bytes")}
    assert record["seconds"] > 0
    assert record["peak_bytes"] > 1e7
    assert record["tokens"] == record["log"][-1]["num_input_tokens_seen"]


def test_an_example_without_a_token_to_learn_ends_the_run_before_it_begins(
    tiny_base: Path, ontology: Ontology, tmp_path: Path
) -> None:
    nothing_known = replace(EXAMPLES[0], known_fields=0)
    with pytest.raises(TrainingError, match=r"no token to learn in the example .*red shirts"):
        trained([*EXAMPLES, nothing_known], Recipe(), tiny_base, tmp_path, ontology)


@pytest.mark.parametrize("examples", [[], [TOO_LONG], [title("red shirt", "Shirts", "test")]])
def test_nothing_to_train_on_is_an_error(
    examples: list[Example], tiny_base: Path, ontology: Ontology, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="no training example is left"):
        trained(examples, Recipe(), tiny_base, tmp_path, ontology)


def test_qlora_needs_a_gpu(
    tiny_base: Path, ontology: Ontology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="needs a GPU"):
        trained(EXAMPLES, recipe_for("classify", qlora=True), tiny_base, tmp_path, ontology)


@pytest.mark.parametrize("tracker", ["tensorboard", "mlflow"])
def test_a_tracker_that_is_not_installed_is_named(
    tracker: str, tiny_base: Path, ontology: Ontology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=rf"pip install -e '\.\[{tracker}\]'"):
        finetune.trainer_of(CLASSIFY, EXAMPLES, Recipe(), tiny_base, tmp_path, ontology, tracker)


@pytest.mark.parametrize(("processes", "per_process"), [("1", 8), ("4", 2), ("16", 1)])
def test_a_step_is_shared_among_the_processes(
    processes: str,
    per_process: int,
    tiny_base: Path,
    ontology: Ontology,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`accelerate launch` sets WORLD_SIZE to their number."""
    arguments: dict[str, Any] = {}
    monkeypatch.setattr(finetune, "TrainingArguments", lambda **options: arguments.update(options) or Mock())
    monkeypatch.setattr(finetune, "LineTrainer", Mock())
    monkeypatch.setenv("WORLD_SIZE", processes)
    finetune.trainer_of(CLASSIFY, EXAMPLES, Recipe(batch=8), tiny_base, tmp_path, ontology)
    assert arguments["per_device_train_batch_size"] == per_process


def rows(name: str, examples: list[Example], tokenizer: Any, ontology: Ontology) -> list[Row]:
    return rows_of(task(name), examples, tokenizer, ontology, 128)


def learnt_text(row: Row, tokenizer: Any) -> str:
    return str(tokenizer.decode([label for label in row["labels"] if label != IGNORED]))


def test_the_loss_is_counted_on_the_line_and_its_end(tokenizer: Any, ontology: Ontology) -> None:
    (row,) = rows("classify", [title("Red Shirt", "Shirts", color="red")], tokenizer, ontology)
    assert learnt_text(row, tokenizer) == "shirts; red; -<|im_end|>"
    prompt = row["labels"].count(IGNORED)
    assert row["labels"] == [IGNORED] * prompt + row["input_ids"][prompt:]
    assert tokenizer.decode(row["input_ids"]) == (
        "<|im_start|>system\nClassify the product: category; color; gender.<|im_end|>\n"
        "<|im_start|>user\nred shirt\nmaybe: shirts; sweatshirts; tshirts; nightdress; pet accessories<|im_end|>\n"
        "<|im_start|>assistant\nshirts; red; -<|im_end|>"
    )


@pytest.mark.parametrize(
    ("known_fields", "line"), [(1, "negative"), (2, "negative; no"), (3, "negative; no; beginner")]
)
def test_a_line_known_in_part_has_no_end(known_fields: int, line: str, tokenizer: Any, ontology: Ontology) -> None:
    labels = extract.Labels(overall_sentiment="negative", use_case="beginner")
    example = Example("train", "hatn", extract.Request(review="bad"), labels, known_fields)
    (row,) = rows("extract", [example], tokenizer, ontology)
    assert learnt_text(row, tokenizer) == line


def test_a_review_with_stars_only_teaches_its_sentiment_and_nothing_more(tokenizer: Any, ontology: Ontology) -> None:
    record = {
        "request": {"review": "Impossible to assemble"},
        "labels": {"overall_sentiment": "negative"},
        "partial": True,
    }
    (row,) = rows("extract", [typed(task("extract"), record, ontology)], tokenizer, ontology)
    assert learnt_text(row, tokenizer) == "negative"
