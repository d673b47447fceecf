"""The evaluation as one HTML page with plots, to look at before an adapter goes live.

Self-contained: plots are inline SVG, nothing is fetched. Knows the evaluation's data and the training log, no
model. Called by the pipeline.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.evaluation.calibration import BINS, SURE, THRESHOLD, bin_of, confidences
from training.evaluation.results import ADAPTER, UNSEEN, Evaluation, Headline, JudgedAnswer, Verdict
from training.evaluation.slices import MIN_EXAMPLES, Slice, by_category, by_length, class_pairs, confusion
from training.html import render, svg
from training.tasks import training_task
from training.tasks.contract import TrainingTask

SHOWN = 20  # wrong answers, categories, and pairs of confused labels
LONGEST = 500  # characters of a request or an answer


def write(run: Path, task: str, evaluation: Evaluation, verdict: Verdict) -> Path:
    """Write `report.html` into the run's folder; the training curves are read from its `train.json`."""
    training = training_task(task)
    log = run / "train.json"
    answers, wrong = evaluation.answers, [answer for answer in evaluation.answers if not answer.right]
    headlines = [
        (source, side, by_source[source])
        for source in evaluation.headlines[ADAPTER]
        for side, by_source in evaluation.headlines.items()
    ]
    html = render(
        Path(__file__).with_name("report.html"),
        task=task,
        run=run.name,
        figure=training.headline_figure,
        verdict=verdict,
        headlines=headlines,
        tables=[_table(source, evaluation) for source in evaluation.figures[ADAPTER]],
        unseen=evaluation.unseen_means(),
        unseen_sources=evaluation.unseen,
        reliability=evaluation.confidence,
        plots=_plots(training, headlines, evaluation, json.loads(log.read_text())["log"] if log.exists() else []),
        wrong=sorted(wrong, key=lambda answer: -answer.confidence)[:SHOWN],
        classes=[
            (source, sorted(figures.items(), key=lambda item: -item[1]["examples"]))
            for source, figures in evaluation.classes.items()
            if figures
        ],
        confused=Counter(class_pairs(wrong)).most_common(SHOWN) if training.line_starts_with_class else [],
        matrix=confusion(answers) if training.line_starts_with_class else None,
        right_when=training.right_when,
        adapter=ADAPTER,
        sure=SURE,
        threshold=THRESHOLD,
        shortened=_shortened,
    )
    file = run / "report.html"
    file.write_text(html, encoding="utf-8")
    return file


def _table(source: str, evaluation: Evaluation) -> tuple[str, list[str], list[Any]]:
    """A source's name, its figures' names, and a row of figures for each side."""
    rows = [(side, by_source[source]) for side, by_source in evaluation.figures.items()]
    return source, list(rows[0][1]), rows


def _plots(
    training: TrainingTask,
    headlines: Sequence[tuple[str, str, Headline]],
    evaluation: Evaluation,
    log: list[dict[str, Any]],
) -> list[tuple[str, str]]:
    """(title, SVG) of each plot that there is data for."""
    answers, unseen, reliability = evaluation.answers, evaluation.unseen, evaluation.confidence
    worst = by_category(training, answers)[:SHOWN]
    rows = [(f"{source}: {side}", h.value, h.low, h.high, side == ADAPTER) for source, side, h in headlines]
    plots = [("Main figure by side, with 95% interval", _intervals(rows, "main figure", "sides"))]
    for name in reliability:
        confidence, right = confidences([a for a in answers if (a.source in unseen) == (name == UNSEEN)])
        title = f"Reliability of the confidence, {name} (ECE {reliability[name].error:.3f})"
        plots.append((title, _reliability(confidence, right)))
    if answers:
        plots += [
            ("Error among the answers kept, surest first; dot: those without needs_review", _risk_coverage(answers)),
            ("Right answers by length of the input", _slices(by_length(answers), "lengths")),
        ]
    if worst:
        title = f"Right answers by category, lowest first, of {MIN_EXAMPLES} examples or more"
        plots.append((title, _slices(worst, "categories")))
    if any("loss" in entry for entry in log):
        plots.append(("Loss and learning rate", _curves(log)))
    return plots


def _slices(slices: Sequence[Slice], name: str) -> str:
    rows = [(f"{s.name} (n = {s.examples:,})", s.share, s.low, s.high, True) for s in slices]
    return _intervals(rows, "share right, with 95% interval", name)


def _intervals(rows: Sequence[tuple[str, float, float, float, bool]], xlabel: str, name: str) -> str:
    """A line for each row: label, value, low, high, and whether it is the adapter's."""
    figure = Figure(figsize=(4.9, 0.7 + 0.26 * len(rows)), layout="constrained")
    axes = figure.add_subplot(xlabel=xlabel)
    for y, (_, value, low, high, is_adapter) in enumerate(rows):
        color = "tab:blue" if is_adapter else "dimgray"
        axes.plot([low, high], [y, y], color=color)
        axes.plot([value], [y], "o", color=color)
    axes.set_yticks(range(len(rows)), [label for label, *_ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x", alpha=0.3)
    return svg(figure, name)


def _reliability(confidence: NDArray[np.float64], right: NDArray[np.float64]) -> str:
    bins = bin_of(confidence)
    members = [bins == b for b in range(BINS) if (bins == b).any()]
    figure, axes = _square("confidence (dot size: share of answers)", "share right")
    axes.plot([0, 1], [0, 1], "--", color="lightgray")
    sizes = [20 + 200 * chosen.mean() for chosen in members]
    axes.scatter([confidence[m].mean() for m in members], [right[m].mean() for m in members], s=sizes)
    return svg(figure, "reliability")


def _risk_coverage(answers: Sequence[JudgedAnswer]) -> str:
    """The error among the answers of highest confidence, by how many are kept.

    El-Yaniv and Wiener 2010, https://jmlr.org/papers/v11/el-yaniv10a.html.
    """
    ordered = sorted(answers, key=lambda answer: -answer.confidence)
    wrong = np.cumsum([not a.right for a in ordered])
    coverage = np.arange(1, len(ordered) + 1)
    figure, axes = _square("share of answers kept", "share of these that are wrong", None)
    axes.plot(coverage / len(ordered), wrong / coverage)
    if sure := sum(answer.confidence >= THRESHOLD for answer in ordered):
        axes.plot([sure / len(ordered)], [wrong[sure - 1] / sure], "o")
    return svg(figure, "risk")


def _curves(log: list[dict[str, Any]]) -> str:
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="loss")
    for name, label in (("loss", "training"), ("eval_loss", "validation")):
        if points := [(e["epoch"], float(e[name])) for e in log if name in e]:
            axes.plot(*zip(*points, strict=True), label=label, marker="." if len(points) < 9 else "")
    rates = [(e["epoch"], float(e["learning_rate"])) for e in log if "learning_rate" in e]
    rate_axes = axes.twinx()
    rate_axes.plot(*zip(*rates, strict=True), color="lightgray")
    rate_axes.set_ylabel("learning rate")
    axes.legend()
    return svg(figure, "curves")


def _shortened(value: Any) -> str:
    if isinstance(value, dict):
        value = "; ".join(f"{name}: {field}" for name, field in value.items())
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def _square(xlabel: str, ylabel: str, top: float | None = 1.0) -> tuple[Figure, Any]:
    figure = Figure(figsize=(4.4, 3.3), layout="constrained")
    axes = figure.add_subplot(xlabel=xlabel, ylabel=ylabel)
    axes.set_xlim(0, 1)
    if top is not None:
        axes.set_ylim(0, top)
    return figure, axes
