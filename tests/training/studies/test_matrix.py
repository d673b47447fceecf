"""The regression matrix: its scores, its page, and the command's output and status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.ontology import Ontology
from adapters.store import Store
from adapters.tasks import classify
from tests.fake_models import evaluation_answers
from tests.terminal import run
from tests.tiny import make_weights, publish_all
from training.examples import SAMPLES, Example
from training.studies import matrix
from training.studies.isolation import BASE
from training.studies.matrix import AdapterScore, RegressionMatrix
from training.studies.sampling import sample_test_split as sample

CELLS = {
    BASE: {"classify": AdapterScore(0.1, 0.05, 0.15), "rewrite": AdapterScore(0.2, 0.1, 0.3)},
    "classify@1": {"classify": AdapterScore(0.9, 0.8, 1.0), "rewrite": AdapterScore(0.15, 0.1, 0.2)},
}


def example(number: int, source: str, split: str = "test") -> Example:
    labels = classify.Labels(category="Shirts")
    return Example(split, source, classify.Request(title=f"shirt {number}"), labels)


def test_the_same_test_examples_of_the_main_source() -> None:
    examples = [example(n, source) for n in range(20) for source in ("fashion", "retail")]
    examples += [example(n, "fashion", "train") for n in range(20, 40)]
    chosen = sample("classify", examples, 5)
    assert chosen == sample("classify", examples, 5)
    assert len(chosen) == 5
    assert {(e.source, e.split) for e in chosen} == {("fashion", "test")}
    assert len(sample("classify", examples, 100)) == 20


def test_a_base_without_adapters_has_a_row(
    tiny_base: Path, ontology: Ontology, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation_answers("shirts; -; -", monkeypatch)
    result = matrix.run(tiny_base, {}, {"classify": [example(1, "shop")]}, ontology)
    assert result.examples == {"classify": 1}
    assert result.cells.keys() == {BASE}
    assert result.cells[BASE]["classify"].value == 1.0
    assert result.changed == []


@pytest.mark.parametrize(("changed", "phrase"), [([], "to the bit"), (["classify@1"], "classify@1 answers otherwise")])
def test_the_page_begins_with_the_verdict(changed: list[str], phrase: str, tmp_path: Path) -> None:
    file = tmp_path / "matrix.html"
    matrix.write(RegressionMatrix({"classify": 200, "rewrite": 20}, CELLS, changed), file)
    page = file.read_text(encoding="utf-8")
    assert phrase in page
    assert page.count("<svg") == 1
    assert "entity_f1, 20 examples" in page
    assert "0.900" in page and "0.050 to 0.150" in page


def test_the_command_without_adapters_of_the_base(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPLORA_STORE", str(tmp_path / "store"))
    output = run("study", "matrix", "--base", str(tiny_base), "--data", str(SAMPLES), status=1)
    assert "no live adapter is of the base" in " ".join(output.split())


def test_the_command_prints_the_verdict_and_writes_the_figures(
    ontology: Ontology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the adapters are evaluated with is replaced."""
    base, store = make_weights(tmp_path / "base"), Store(tmp_path / "store")
    publish_all(store, base, ontology, tmp_path / "staged", ("classify", "rewrite"))
    monkeypatch.setenv("SHOPLORA_STORE", str(store.root))
    monkeypatch.setenv("COLUMNS", "120")
    counts: dict[str, int] = {}

    def measured(
        base: Path, adapters: dict[str, Path], samples: dict[str, list[Example]], ontology: Ontology
    ) -> RegressionMatrix:
        counts.update({task: len(examples) for task, examples in samples.items()})
        scores = dict.fromkeys(counts, AdapterScore(0.5, 0.4, 0.6))
        return RegressionMatrix(counts, {BASE: scores}, ["rewrite@1"])

    monkeypatch.setattr(matrix, "run", measured)
    file = tmp_path / "matrix.json"
    output = run(
        "study", "matrix", "--base", str(base), "--data", str(SAMPLES), "--examples", "3", "--json", str(file), status=1
    )
    assert "rewrite@1 answers otherwise" in output
    assert counts["classify"] == 3
    figures = json.loads(file.read_text())
    assert figures["changed"] == ["rewrite@1"]
    assert figures["cells"][BASE]["classify"] == {"value": 0.5, "low": 0.4, "high": 0.6}
