"""`shoplora fetch`, `train` and `evaluate` as somebody at a terminal meets them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.terminal import run
from training.examples import SAMPLES
from training.public import sources


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data, no store of one's own, and a terminal of a fixed width."""
    monkeypatch.setenv("SHOPLORA_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("SHOPLORA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SHOPLORA_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("SHOPLORA_ONTOLOGY", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", ["fetch", "pretrain", "train", "evaluate", "matrix"])
def test_help_shows_examples(command: str) -> None:
    said = run(command, "--help")
    assert "Examples" in said
    assert f"shoplora {command}" in said.rpartition("Examples")[2]


def test_train_without_data_says_what_to_do() -> None:
    said = " ".join(run("train", "classify", status=1).split())
    assert "run `shoplora fetch`" in said
    assert "--data FILE" in said
    assert str(SAMPLES / "classify.jsonl") in said


def test_an_unknown_task_is_named_with_those_there_are() -> None:
    said = run("train", "sort", status=1)
    assert "no task 'sort'; there are churn, classify, copywrite, extract, rewrite, support" in said


@pytest.mark.parametrize(
    ("task", "variant", "reason"),
    [
        ("classify", "streetwear", "classify has no variants"),
        ("copywrite", "Street Wear", "is no variant's name"),
        ("copywrite", "streetwear", "no public data has examples of copywrite/streetwear"),
    ],
)
def test_a_variant_that_cannot_be(task: str, variant: str, reason: str) -> None:
    said = " ".join(run("train", task, "--variant", variant, status=1).split())
    assert reason in said


def test_an_unknown_module_is_named() -> None:
    data = str(SAMPLES / "classify.jsonl")
    said = run("train", "classify", "--data", data, "--modules", "o_proj,oproj", status=1)
    assert "no module oproj; there are q_proj" in said
    assert "all-linear" in said


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("rank: 0", "rank: Input should be greater than or equal to 1"),
        ("ranks: 8", "ranks: Unexpected"),
        ("modules: [o_proj, fc2]", "no module fc2"),
        ("- rank", "no mapping"),
        ("rank: [", "recipe: "),
    ],
)
def test_a_bad_recipe_is_told(written: str, reason: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(written)
    data = str(SAMPLES / "classify.jsonl")
    said = run("train", "classify", "--data", data, "--recipe", str(recipe), status=1)
    assert reason in " ".join(said.split())


def test_a_dry_run_shows_examples_counts_and_time(tiny_base: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("modules: all-linear\nrank: 4\nepochs: 2\n")
    data, runs = str(SAMPLES / "rewrite.jsonl"), tmp_path / "runs"
    said = run(
        "train",
        "rewrite",
        "--data",
        data,
        "--base",
        str(tiny_base),
        "--recipe",
        str(recipe),
        "--batch",
        "16",
        "--output",
        str(runs),
        "--dry-run",
    )
    assert "Write one type for each word" in said
    assert "6 of 16 examples" in said  # 48 examples, two epochs
    assert "minutes" in said
    assert not runs.exists()


def test_a_bad_line_is_named_with_its_reason(tmp_path: Path) -> None:
    file = tmp_path / "shop.jsonl"
    file.write_text(json.dumps({"request": {"title": "a [/b] shirt"}, "labels": {"colour": "red"}}))
    said = run("train", "classify", "--data", str(file), status=1)
    assert "shop.jsonl:1: category: Field required; colour: Extra inputs are not permitted" in said


def test_brackets_in_a_message_are_shown_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "shop.jsonl"
    labels = {"category": "[/b] [red]x[/]"}
    file.write_text(json.dumps({"request": {"title": "shirt"}, "labels": labels}))
    assert "[/b] [red]x[/]" in run("train", "classify", "--data", str(file), status=1)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = run("train", "classify", "--data", str(tmp_path / "absent.jsonl"), status=1)
    assert "absent.jsonl" in said


def test_a_base_without_weights_is_named(tmp_path: Path) -> None:
    data = str(SAMPLES / "classify.jsonl")
    empty = tmp_path / "empty"
    empty.mkdir()
    said = run("train", "classify", "--data", data, "--base", str(empty), status=1)
    assert f"{empty} holds no *.safetensors" in said


def test_evaluate_without_an_adapter_says_how_to_get_one() -> None:
    assert "classify@99" in run("evaluate", "classify", "--adapter", "classify@99", status=1)


def test_a_download_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "RAW_FILES", "http://127.0.0.1:1")
    said = " ".join(run("fetch", status=1).split())
    assert "Run the command again to resume" in said


def test_a_width_that_the_heads_do_not_divide_is_refused() -> None:
    assert "--hidden" in run("pretrain", "--hidden", "32", status=2)


def test_a_small_file_of_ones_own_becomes_a_version(tiny_base: Path, tmp_path: Path) -> None:
    """From a dozen lines to a published version with figures, and the same figures again."""
    file = tmp_path / "shop.jsonl"
    lines = [
        {"request": {"title": f"{color} {leaf} {n}"}, "labels": {"category": leaf}}
        for n, color in enumerate(("red", "blue", "green", "black", "white", "pink", "grey"))
        for leaf in ("Shirts", "Jeans", "Dresses")
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    shared = ("--data", str(file), "--base", str(tiny_base))
    training = ("--epochs", "1", "--rank", "2", "--modules", "o_proj", "--output", str(tmp_path))
    said = " ".join(run("train", "classify", *shared, *training, status=1).split())
    assert "not significantly above the prompted base" in said
    (folder,) = tmp_path.glob("classify-*")
    said = run("publish", str(folder), "--force", "a first try")
    assert "Loaded with no other adapter: the base and each adapter gave the logits" in said
    version = re.search(r"(classify@\d+) is published", said)
    assert version is not None
    figures = tmp_path / "figures.json"
    run("evaluate", "classify", "--adapter", version[1], *shared, "--json", str(figures))
    told = json.loads(figures.read_text())
    (manifest,) = (tmp_path / "store").rglob("manifest.json")
    published = json.loads(manifest.read_text())
    assert told["figures"]["adapter"] == published["metrics"]
    assert published["forced"] == "a first try" and published["refusals"]
    assert "a first try" in (manifest.parent / "README.md").read_text()
    sides = {"adapter", "prompted base", "prompted base, few-shot", "TF-IDF + logistic regression"}
    assert told["figures"].keys() == sides
    assert told["classes"].keys() == {"shop"}
