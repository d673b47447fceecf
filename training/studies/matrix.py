"""Every adapter on every task: what each is worth where, and that none changes another.

Knows decoding, metrics and the check of `training.studies.isolation`, nothing of the store. Called by
`training.studies.cli`; tells a table, JSON and one HTML page.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from adapters.ontology import Ontology
from adapters.tasks import task as find_task
from training.evaluation.decoding import Decoder
from training.evaluation.evaluate import SEED, single_answers
from training.evaluation.metrics import headline, main_figure
from training.evaluation.significance import interval, ratio
from training.examples import Example
from training.html import render, svg
from training.studies.isolation import BASE, disturbed


@dataclass(frozen=True, slots=True)
class Cell:
    """One adapter's main figure on one task, with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Matrix:
    """`cells`: adapter, or the base alone -> task -> figure; `changed`: who answers otherwise when
    all are loaded."""

    examples: dict[str, int]
    cells: dict[str, dict[str, Cell]]
    changed: list[str]


def sample(task: str, examples: Sequence[Example], count: int) -> list[Example]:
    """`count` test examples of the task's main source, always the same ones."""
    test = [e for e in examples if e.split == "test"]
    source = main_figure(task)[0]
    test = [e for e in test if e.source == source] or test
    return random.Random(SEED).sample(test, min(count, len(test)))


def run(
    base: Path, adapters: Mapping[str, Path], samples: Mapping[str, Sequence[Example]], ontology: Ontology
) -> Matrix:
    """The base and each adapter on each task's sample, one answer each, without the fallback."""
    cells: dict[str, dict[str, Cell]] = {}
    for name, folder in ({BASE: None} | dict(adapters)).items():
        decoder = Decoder(base, folder, ontology)
        cells[name] = {t: _cell(t, own, decoder, ontology) for t, own in samples.items()}
    prompts = [find_task(t).prompt(e.request, ontology) for t, own in samples.items() for e in own[:2]]
    return Matrix({t: len(own) for t, own in samples.items()}, cells, disturbed(base, adapters, prompts))


def _cell(task: str, own: Sequence[Example], decoder: Decoder, ontology: Ontology) -> Cell:
    terms = headline(task, own, single_answers(find_task(task), own, decoder, ontology), ontology)
    return Cell(ratio(terms), *interval(terms))


def verdict(found: Matrix) -> str:
    """The first line of table and page."""
    if found.changed:
        return f"With all adapters loaded, {', '.join(found.changed)} answers otherwise than alone."
    return "With all adapters loaded, the base and each adapter give the logits, to the bit, that they give alone."


def write(found: Matrix, file: Path) -> None:
    """The page."""
    told = render(
        Path(__file__).with_name("matrix.html"),
        verdict=verdict(found),
        changed=found.changed,
        examples=found.examples,
        figures={task: main_figure(task)[1] for task in found.examples},
        cells=found.cells,
        plot=_plot(found),
    )
    file.write_text(told, encoding="utf-8")


def _plot(found: Matrix) -> str:
    rows, columns = list(found.cells), list(found.examples)
    values: list[list[Any]] = [[found.cells[row][task].value for task in columns] for row in rows]
    figure = Figure(figsize=(1.6 + 1.2 * len(columns), 1 + 0.4 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(values, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            color = "white" if value > 0.6 else "black"
            axes.text(x, y, f"{value:.2f}", ha="center", va="center", color=color)
    return svg(figure, "matrix")
