"""The regression matrix: every adapter's main figure on every task, and whether one changes another's answers.

Scores, and checks with `training.studies.isolation`; reads no store. Called by `training.studies.cli`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from adapters.ontology import Ontology
from adapters.tasks import task as find_task
from training.evaluation import answers
from training.evaluation.evaluate import single_answers
from training.evaluation.significance import interval, ratio
from training.examples import Example
from training.html import render, svg
from training.studies.isolation import BASE, disturbed
from training.tasks import training_task


@dataclass(frozen=True, slots=True)
class AdapterScore:
    """One adapter's main figure on one task, with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RegressionMatrix:
    """Every adapter on every task.

    `examples`: test examples by task. `cells`: scores by adapter (or the base alone) and task. `changed`: what
    answers otherwise when all adapters are loaded.
    """

    examples: dict[str, int]
    cells: dict[str, dict[str, AdapterScore]]
    changed: list[str]


def run(
    base: Path, adapters: Mapping[str, Path], samples: Mapping[str, Sequence[Example]], ontology: Ontology
) -> RegressionMatrix:
    """The base and each adapter on each task's sample, one answer each, without the fallback.

    Raises:
        EvaluationError: it is one of several processes, there is no vLLM, or it failed.
    """
    answers.check_alone()
    with answers.loaded(base, adapters, ontology, samples) as models:
        cells = {
            adapter or BASE: {
                task: _score(task, examples, models, adapter, ontology) for task, examples in samples.items()
            }
            for adapter in (None, *adapters)
        }
    prompts = [find_task(t).prompt(e.request, ontology) for t, examples in samples.items() for e in examples[:2]]
    counts = {task: len(examples) for task, examples in samples.items()}
    return RegressionMatrix(counts, cells, disturbed(base, adapters, prompts))


def _score(
    task: str, examples: Sequence[Example], models: answers.Models, adapter: str | None, ontology: Ontology
) -> AdapterScore:
    labels = single_answers(find_task(task), examples, models, adapter, ontology)
    terms = training_task(task).headline_terms(examples, labels, ontology)
    return AdapterScore(ratio(terms), *interval(terms))


def verdict(matrix: RegressionMatrix) -> str:
    """The first line of table and page."""
    if matrix.changed:
        return f"With all adapters loaded, {', '.join(matrix.changed)} answers otherwise than alone."
    return "With all adapters loaded, the base and each adapter give the logits, to the bit, that they give alone."


def write(matrix: RegressionMatrix, file: Path) -> None:
    """Write the HTML page."""
    html = render(
        Path(__file__).with_name("matrix.html"),
        verdict=verdict(matrix),
        changed=matrix.changed,
        examples=matrix.examples,
        figures={task: training_task(task).headline_figure for task in matrix.examples},
        cells=matrix.cells,
        plot=_plot(matrix),
    )
    file.write_text(html, encoding="utf-8")


def _plot(matrix: RegressionMatrix) -> str:
    rows, columns = list(matrix.cells), list(matrix.examples)
    values: list[list[Any]] = [[matrix.cells[row][task].value for task in columns] for row in rows]
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
