"""`shoplora fetch`, `train`, `evaluate` and `publish` at a terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from unittest.mock import Mock

import pytest

from adapters.tasks import rewrite
from tests.fake_models import evaluation_answers
from tests.terminal import run
from training import pipeline
from training.examples import SAMPLES
from training.public import sources
from training.release import gate


@pytest.fixture(autouse=True)
def no_public_data(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No public data either."""
    monkeypatch.setenv("SHOPLORA_MIRROR", str(empty_folder / "mirror"))
    monkeypatch.setenv("SHOPLORA_CACHE", str(empty_folder / "cache"))


@pytest.mark.parametrize("command", ["fetch", "train", "study matrix", "data import", "data check"])
def test_help_shows_examples(command: str) -> None:
    output = run(*command.split(), "--help")
    assert "Examples" in output
    assert f"shoplora {command}" in output.rpartition("Examples")[2]


def test_the_error_without_data_names_what_to_do() -> None:
    output = " ".join(run("train", "classify", status=1).split())
    assert "run `shoplora fetch`" in output
    assert "--data FILE" in output
    assert str(SAMPLES / "classify.jsonl") in output


def test_an_unknown_task_is_named_with_those_there_are() -> None:
    output = run("train", "sort", status=1)
    assert "no task 'sort'; there are churn, classify, copywrite, extract, rewrite, support" in output


@pytest.mark.parametrize(
    ("task", "variant", "reason"),
    [
        ("classify", "streetwear", "classify has no variants"),
        ("copywrite", "Street Wear", "is not a variant's name"),
        ("copywrite", "streetwear", "no public data has examples of copywrite/streetwear"),
    ],
)
def test_a_variant_that_cannot_be(task: str, variant: str, reason: str) -> None:
    output = " ".join(run("train", task, "--variant", variant, status=1).split())
    assert reason in output


@pytest.mark.parametrize(("text", "reason"), [("- rank", "is not a mapping"), ("rank: [", "recipe: ")])
def test_a_recipe_that_is_not_one_is_reported(text: str, reason: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    assert reason in " ".join(run(*DRY_RUN, "--recipe", str(recipe), status=1).split())


DRY_RUN = ("train", "rewrite", "--data", str(SAMPLES / "rewrite.jsonl"), "--dry-run")


def test_a_dry_run_shows_examples_counts_and_time(tiny_base: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("modules: all-linear\nrank: 4\nepochs: 2\n")
    runs = tmp_path / "runs"
    options = ("--base", str(tiny_base), "--recipe", str(recipe), "--batch", "16", "--output", str(runs))
    output = run(*DRY_RUN, *options)
    assert "Write one type for each word" in output
    assert "6 of 16 examples" in output  # 48 examples, two epochs
    assert "minutes" in output
    assert re.search(r"estimated peak memory\W+\d\.\d GB", output)
    assert not runs.exists()


def test_the_base_of_the_environment_is_trained_on(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLORA_BASE", str(tiny_base))
    assert "<|im_start|>system" in run(*DRY_RUN)


def test_the_option_wins_over_the_base_of_the_environment(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPLORA_BASE", str(tmp_path / "absent"))
    assert f"there is no base model in {tmp_path / 'absent'}" in run(*DRY_RUN, status=1)
    assert "<|im_start|>system" in run(*DRY_RUN, "--base", str(tiny_base))


def test_the_ontology_of_the_environment_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ontology = tmp_path / "shop.yaml"
    ontology.write_text("categories: 1\n")
    monkeypatch.setenv("SHOPLORA_ONTOLOGY", str(ontology))
    assert "shop.yaml" in run(*DRY_RUN, status=1)


def test_an_example_is_validated_once(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (SAMPLES / "rewrite.jsonl").read_text().count("\n")
    validated = Mock(wraps=rewrite.Labels.model_validate)
    monkeypatch.setattr(rewrite.Labels, "model_validate", validated)
    run(*DRY_RUN, "--base", str(tiny_base))
    assert validated.call_count == lines


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"colour": "red"}, "shop.jsonl:1: category: Field required; colour: Extra inputs are not permitted"),
        ({"category": "[/b] [red]x[/]"}, "[/b] [red]x[/]"),  # which is no markup
    ],
)
def test_a_bad_line_is_named_with_its_reason(labels: dict[str, str], reason: str) -> None:
    Path("shop.jsonl").write_text(json.dumps({"request": {"title": "shirt"}, "labels": labels}))
    assert reason in run("train", "classify", "--data", "shop.jsonl", status=1)


def test_a_base_without_weights_is_named(tmp_path: Path) -> None:
    data = str(SAMPLES / "classify.jsonl")
    empty = tmp_path / "empty"
    empty.mkdir()
    output = run("train", "classify", "--data", data, "--base", str(empty), status=1)
    assert f"{empty} holds no *.safetensors" in output


def test_evaluate_without_an_adapter_says_how_to_get_one() -> None:
    assert "classify@99" in run("evaluate", "classify", "--adapter", "classify@99", status=1)


def test_a_download_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "RAW_FILES", "http://127.0.0.1:1")
    output = " ".join(run("fetch", status=1).split())
    assert "Run the command again to resume" in output


def test_a_small_file_of_the_shop_becomes_a_version(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 21 lines to a published version with figures, and the same figures again."""
    file, store = tmp_path / "shop.jsonl", tmp_path / "other store"
    lines = [
        {"request": {"title": f"{color} {leaf} {n}"}, "labels": {"category": leaf}}
        for n, color in enumerate(("red", "blue", "green", "black", "white", "pink", "grey"))
        for leaf in ("Shirts", "Jeans", "Dresses")
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    shared = ("--data", str(file), "--base", str(tiny_base))
    training = ("--epochs", "1", "--batch", "8", "--rank", "2", "--modules", "o_proj", "--output", str(tmp_path))
    evaluation_answers("shirts; -; -", monkeypatch)
    judge, digest = Mock(wraps=gate.judge), Mock(wraps=pipeline.base_digest)
    monkeypatch.setattr(gate, "judge", judge)
    monkeypatch.setattr(pipeline, "base_digest", digest)
    output = " ".join(run("train", "classify", *shared, *training, status=1).split())
    assert (judge.call_count, digest.call_count) == (1, 1)  # a digest reads all of the base
    assert "The main figure, path_accuracy" in output
    assert "not significantly above the prompted base" in output
    (folder,) = tmp_path.glob("classify-*")
    assert (folder / "report.html").is_file()
    output = run("publish", str(folder), "--force", "a first try", "--store", str(store))
    assert "classify@1 is published" in output
    assert not (tmp_path / "store").exists()  # --store wins over SHOPLORA_STORE
    run("publish", str(folder), "--force", "a first try", "--base", str(tiny_base))
    figures = tmp_path / "figures.json"
    run("evaluate", "classify", "--adapter", "classify@1", *shared, "--json", str(figures))
    evaluation = json.loads(figures.read_text())
    (manifest,) = (tmp_path / "store").rglob("manifest.json")
    published = json.loads(manifest.read_text())
    assert evaluation["figures"]["adapter"] == published["metrics"]
    assert published["forced"] == "a first try" and published["refusals"]
    assert "a first try" in (manifest.parent / "README.md").read_text()
    sides = {"adapter", "prompted base", "prompted base, few-shot", "TF-IDF + logistic regression"}
    sides.add("words of the taxonomy")
    assert evaluation["figures"].keys() == sides
    assert evaluation["classes"].keys() == {"shop"}
