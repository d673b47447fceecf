"""Transfer: training on all shops but one, and the figures on that one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.ontology import Ontology
from adapters.tasks import classify, task
from tests.fake_models import evaluation_answers
from training import examples
from training.evaluation import cards, results
from training.evaluation.answers import EvaluationError
from training.evaluation.results import ADAPTER, UNSEEN
from training.examples import Example
from training.studies import transfer
from training.tasks.synthesis import SOURCE as GENERATED
from training.tuning.recipe import Recipe, TrainingError


def title(text: str, source: str, split: str = "train") -> Example:
    return Example(split, source, classify.Request(title=text), classify.Labels(category="Shirts"))


SHOPS = [
    title("red shirt", "north"),
    title("blue shirt", "north", "validation"),
    title("green shirt", "north", "test"),
    title("white shirt", "south"),
    title("Red Shirt!", "south"),
    title("black shirt", "south-outlet", "test"),
    title("a shirt", GENERATED),
]


def test_the_generated_examples_are_of_no_shop_and_a_shops_branches_are_one() -> None:
    assert transfer.shops_of(SHOPS) == ["north", "south"]


def test_all_of_the_unseen_shop_is_tested_and_none_of_its_texts_is_trained_on() -> None:
    subset = transfer.without("north", SHOPS, None, seed=0)
    titles = {split: {e.request.title for e in subset if e.split == split} for split in examples.SPLITS}
    assert titles == {
        "train": {"white shirt", "a shirt"},
        "validation": set(),
        "test": {"red shirt", "blue shirt", "green shirt"},
    }


def test_a_limit_is_of_the_training_examples() -> None:
    many = [*SHOPS, *(title(f"shirt {n}", "south") for n in range(50))]
    subset = transfer.without("north", many, 10, seed=0)
    assert sum(e.split == "train" for e in subset) == 10
    assert subset == transfer.without("north", many, 10, seed=0)
    assert subset != transfer.without("north", many, 10, seed=1)


def test_each_shop_is_evaluated_once_by_an_adapter_of_the_others(
    tiny_base: Path, ontology: Ontology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = evaluation_answers("shirts; -; -", monkeypatch)
    samples = examples.load("classify", examples.SAMPLES / "classify.jsonl", ontology)
    samples = [replace(e, labels=SHOPS[0].labels) for e in samples]  # TF-IDF warns of as many classes as texts
    shops = [replace(e, source=("north", "south")[i % 2]) for i, e in enumerate(samples)]
    arguments = (task("classify"), shops, Recipe(rank=2, epochs=1, batch=16), tiny_base, tmp_path, ontology)
    evaluation = transfer.run(*arguments)
    assert {source: figures["examples"] for source, figures in evaluation.figures[ADAPTER].items()} == {
        "north": len(samples[::2]),
        "south": len(samples[1::2]),
    }
    assert evaluation.unseen == ["north", "south"] and evaluation.confidence.keys() == {UNSEEN}
    page = cards.study_page("classify", evaluation, count=500)
    assert "shoplora study transfer classify --examples 500" in page and "| south | adapter |" in page
    jobs = len(engine.jobs)
    assert transfer.run(*arguments) == evaluation == results.read(tmp_path)
    assert len(engine.jobs) == jobs > 0


def test_one_source_has_nothing_to_transfer_from(tiny_base: Path, ontology: Ontology, tmp_path: Path) -> None:
    one = [e for e in SHOPS if e.source == "north"]
    with pytest.raises(TrainingError, match="the examples of two shops or more"):
        transfer.run(task("classify"), one, Recipe(), tiny_base, tmp_path, ontology)


def test_several_processes_would_each_do_the_same_and_are_refused(
    tiny_base: Path, ontology: Ontology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(EvaluationError, match="only `shoplora train` uses several processes"):
        transfer.run(task("classify"), SHOPS, Recipe(), tiny_base, tmp_path, ontology)
