"""Ablations: the choices, the recommendation among them, and a small ablation from end to end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.ontology import Ontology
from adapters.tasks import copywrite, task
from tests.fake_models import evaluation_answers
from tests.terminal import run
from training import examples
from training.examples import Example
from training.studies import ablate
from training.studies.ablate import Choice, modules_by_choice, page, recommended, table
from training.tuning.recipe import ALL_LINEAR, Recipe, TrainingError

SMALL = Choice("o_proj", 0.90, 0.88, 0.92, 0.04, 0.2, 60, 100.0, 50.0)
LARGE = Choice("all-linear", 0.93, 0.91, 0.95, 1.0, 1.8, 80, 60.0, 80.0)


def test_names_become_modules() -> None:
    assert modules_by_choice("o_proj, o_proj+down_proj,qkv,all-linear") == {
        "o_proj": ("o_proj",),
        "o_proj+down_proj": ("o_proj", "down_proj"),
        "qkv": ("q_proj", "k_proj", "v_proj"),
        "all-linear": ALL_LINEAR,
    }


@pytest.mark.parametrize(
    ("modules", "counts", "names"),
    [
        ("qkv,o_proj", [], ["qkv", "o_proj"]),
        (None, [500, 100], ["100", "500"]),
        (None, [2000], ["2,000"]),
        ("qkv,o_proj", [2000], ["qkv", "o_proj"]),
        ("qkv,o_proj", [200, 100], ["100 of qkv", "200 of qkv", "100 of o_proj", "200 of o_proj"]),
    ],
)
def test_each_choice_of_modules_meets_each_number_of_examples(
    modules: str | None, counts: list[int], names: list[str]
) -> None:
    assert list(ablate.planned(Recipe(), modules, counts)) == names


@pytest.mark.parametrize(
    ("choices", "name"),
    [
        ([SMALL, LARGE], "all-linear"),
        ([replace(SMALL, figure=0.925), LARGE], "o_proj"),  # close
        ([replace(SMALL, p=0.3), LARGE], "o_proj"),  # not significantly worse
        ([LARGE], "all-linear"),
    ],
)
def test_the_smallest_that_is_about_as_good_is_recommended(choices: list[Choice], name: str) -> None:
    assert recommended(choices).name == name


def test_the_table_has_a_row_each() -> None:
    rows = table([SMALL, replace(LARGE, answers_per_second=None, median_ms=None)]).splitlines()
    assert rows[2] == "| o_proj | 0.900 | 0.880 to 0.920 | 0.04 | 0.20 | 60 | 100.0 | 50 |"
    assert rows[3].endswith("| 1.80 | 80 | - | - |")


def test_the_page_begins_with_the_recommendation_which_a_learning_curve_has_not() -> None:
    html = page("classify", "modules", [SMALL, LARGE])
    assert html.index("Recommended: all-linear") < html.index("<table") < html.index("<svg")
    unmeasured = page("classify", "modules", [replace(SMALL, answers_per_second=None, median_ms=None), LARGE])
    curve = page("classify", "examples", [replace(SMALL, name="100"), replace(LARGE, name="1,000")])
    assert [text.count("<svg") for text in (html, unmeasured, curve)] == [2, 1, 1]
    assert "Recommended" not in curve


def test_runs_share_the_test_split_and_are_not_repeated(
    tiny_base: Path, ontology: Ontology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = evaluation_answers("other", monkeypatch)
    samples = examples.load("rewrite", examples.SAMPLES / "rewrite.jsonl", ontology)
    runs = ablate.planned(Recipe(rank=2, epochs=1, batch=16), None, [32, 16])
    arguments = (task("rewrite"), samples, runs, tiny_base, tmp_path, ontology)
    choices = ablate.run(*arguments, serve=False)
    assert [choice.name for choice in choices] == ["16", "32"]
    assert all(choice.train_seconds > 0 and choice.megabytes > 0 for choice in choices)
    saved = json.loads((tmp_path / "ablation.json").read_text())
    assert [choice["name"] for choice in saved] == ["16", "32"]
    assert engine.adapters == {name: tmp_path / name / "adapter" for name in ("16", "32")}  # one engine for both
    jobs = len(engine.jobs)
    assert ablate.run(*arguments, serve=False) == choices
    assert len(engine.jobs) == jobs > 0


def test_a_text_is_judged_without_the_fallback(
    tiny_base: Path, ontology: Ontology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation_answers("A thing.", monkeypatch)
    mug = copywrite.Request(name="Mug", attributes={"color": "red"})
    samples = [Example(split, "", mug, copywrite.Labels(description="A red mug.")) for split in ("train", "test")]
    runs = ablate.planned(Recipe(rank=2, epochs=1), None, [1])
    (choice,) = ablate.run(task("copywrite"), samples, runs, tiny_base, tmp_path, ontology, serve=False)
    assert choice.figure == 0.0  # it mentions nothing; the fallback has 1.0
    assert "attributes mentioned, one sample" in page("copywrite", "examples", [choice])


@pytest.mark.parametrize("counts", ["0", "16,-5", "1,000", "many"])
def test_numbers_of_examples_are_positive(counts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert "not a list of numbers from 1" in " ".join(
        run("study", "ablate", "rewrite", "--examples", counts, status=2).split()
    )


def test_more_examples_than_there_are(tiny_base: Path, ontology: Ontology, tmp_path: Path) -> None:
    samples = examples.load("rewrite", examples.SAMPLES / "rewrite.jsonl", ontology)
    runs = ablate.planned(Recipe(), None, [5000])
    with pytest.raises(TrainingError, match="there are 48 training examples, not 5,000"):
        ablate.run(task("rewrite"), samples, runs, tiny_base, tmp_path, ontology, serve=False)
