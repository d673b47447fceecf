"""Every adapter on every task: always the same examples, and a table, a page and a status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.ontology import Ontology
from adapters.tasks import classify
from tests.terminal import run
from training.examples import SAMPLES, Example
from training.studies import matrix
from training.studies.isolation import BASE
from training.studies.matrix import Cell, Matrix

CELLS = {
    BASE: {"classify": Cell(0.1, 0.05, 0.15), "rewrite": Cell(0.2, 0.1, 0.3)},
    "classify@1": {"classify": Cell(0.9, 0.8, 1.0), "rewrite": Cell(0.15, 0.1, 0.2)},
}


def example(number: int, source: str, split: str = "test") -> Example:
    labels = classify.Labels(category="Shirts")
    return Example(split, source, classify.Request(title=f"shirt {number}"), labels)


def test_the_same_test_examples_of_the_main_source() -> None:
    examples = [example(n, source) for n in range(20) for source in ("fashion", "retail")]
    examples += [example(n, "fashion", "train") for n in range(20, 40)]
    found = matrix.sample("classify", examples, 5)
    assert found == matrix.sample("classify", examples, 5)
    assert len(found) == 5
    assert {(e.source, e.split) for e in found} == {("fashion", "test")}
    assert len(matrix.sample("classify", examples, 100)) == 20


def test_a_base_without_adapters_has_a_row(tiny_base: Path, ontology: Ontology) -> None:
    found = matrix.run(tiny_base, {}, {"classify": [example(1, "shop")]}, ontology)
    assert found.examples == {"classify": 1}
    assert found.cells.keys() == {BASE}
    assert found.changed == []


@pytest.mark.parametrize(("changed", "said"), [([], "to the bit"), (["classify@1"], "classify@1 answers otherwise")])
def test_the_page_begins_with_the_verdict(changed: list[str], said: str, tmp_path: Path) -> None:
    found, file = Matrix({"classify": 200, "rewrite": 20}, CELLS, changed), tmp_path / "matrix.html"
    matrix.write(found, file)
    page = file.read_text(encoding="utf-8")
    assert said in page
    assert page.count("<svg") == 1
    assert "entity_f1, 20 examples" in page
    assert "0.900" in page and "0.050 to 0.150" in page


def test_the_command_without_adapters_of_the_base(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPLORA_STORE", str(tmp_path / "store"))
    assert "no live adapter is of the base" in " ".join(
        run("matrix", "--base", str(tiny_base), "--data", str(SAMPLES), status=1).split()
    )


def test_the_command_tells_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the shipped adapters, their work replaced: what is told, where, with which status."""
    monkeypatch.setenv("SHOPLORA_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "120")
    asked: dict[str, int] = {}

    def made(base: Path, adapters: dict[str, Path], samples: dict[str, list[Example]], ontology: Ontology) -> Matrix:
        asked.update({task: len(own) for task, own in samples.items()})
        return Matrix(asked, {BASE: dict.fromkeys(asked, Cell(0.5, 0.4, 0.6))}, ["rewrite@1"])

    monkeypatch.setattr(matrix, "run", made)
    file = tmp_path / "matrix.json"
    said = run("matrix", "--data", str(SAMPLES), "--examples", "3", "--json", str(file), status=1)
    assert "rewrite@1 answers otherwise" in said
    assert asked["classify"] == 3
    told = json.loads(file.read_text())
    assert told["changed"] == ["rewrite@1"]
    assert told["cells"][BASE]["classify"] == {"value": 0.5, "low": 0.4, "high": 0.6}
