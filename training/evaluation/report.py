"""The evaluation as one HTML page with plots: look at it before an adapter goes live.

Self-contained: plots are inline SVG, nothing is fetched. Knows the figures of `training.evaluation.evaluate`
and the log of `training.tuning.finetune`; called by `training.cli`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from training.evaluation.evaluate import ADAPTER, THRESHOLD, Evaluation, Judged
from training.evaluation.metrics import BINS, bin_of, calibration_error, main_figure
from training.evaluation.slices import FEWEST, Slice, by_category, by_length, class_of, confusion
from training.html import render, svg
from training.release import gate

SHOWN = 20  # wrong answers, categories, and pairs of confused labels
LONG = 500  # characters of a request or an answer
CLASSED = ("classify", "extract")  # tasks whose lines begin with one of some classes
RIGHT = {
    "classify": "its category is the wanted one",
    "rewrite": "the label of every word is the wanted one",
    "extract": "its overall sentiment is the wanted one",
    "copywrite": "it has no loop, claims nothing beyond the facts and leaves out a third at most",
}


def write(run: Path, task: str, evaluation: Evaluation) -> Path:
    """Write `report.html` into the run's folder; the training curves are read from there."""
    log = run / "train.json"
    told = render(
        Path(__file__).with_name("report.html"),
        task=task,
        run=run.name,
        figure=main_figure(task)[1],
        verdict=gate.verdict(task, evaluation),
        refusals=gate.refusals(task, evaluation),
        editing=gate.editing(evaluation),
        headlines=[
            (source, side, by_source[source])
            for source in evaluation.headlines[ADAPTER]
            for side, by_source in evaluation.headlines.items()
        ],
        tables=[_table(source, evaluation) for source in evaluation.figures[ADAPTER]],
        plots=_plots(task, evaluation, json.loads(log.read_text())["log"] if log.exists() else []),
        wrong=_worst(evaluation.answers),
        classes=[
            (source, sorted(own.items(), key=lambda item: -item[1]["examples"]))
            for source, own in evaluation.classes.items()
            if own
        ],
        confused=_confused(evaluation.answers) if task == "classify" else [],
        matrix=confusion(evaluation.answers) if task in CLASSED else None,
        right=RIGHT.get(task),
        adapter=ADAPTER,
        shortened=_shortened,
    )
    file = run / "report.html"
    file.write_text(told, encoding="utf-8")
    return file


def _table(source: str, evaluation: Evaluation) -> tuple[str, list[str], list[Any]]:
    """A source's name, its figures' names, and a row of figures for each side."""
    rows = [(side, by_source[source]) for side, by_source in evaluation.figures.items()]
    return source, list(rows[0][1]), rows


def _worst(answers: Sequence[Judged]) -> list[Judged]:
    """The wrong answers that the model was surest of."""
    wrong = [answer for answer in answers if not answer.right]
    return sorted(wrong, key=lambda answer: -answer.confidence)[:SHOWN]


def _confused(answers: Sequence[Judged]) -> list[tuple[str, str, int]]:
    """The commonest pairs of a wanted and another said leaf."""
    pairs = Counter((class_of(answer.wanted), class_of(answer.said)) for answer in answers if not answer.right)
    return [(wanted, said, n) for (wanted, said), n in pairs.most_common(SHOWN)]


def _plots(task: str, evaluation: Evaluation, log: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(title, SVG) of each plot that there is data for."""
    answers = evaluation.answers
    worst = by_category(task, answers)[:SHOWN]
    plots = [("Main figure by side, with 95% interval", _sides(evaluation))]
    if own := [a for a in answers if a.by == "model"]:
        error = calibration_error([a.confidence for a in own], [a.right for a in own])
        told = f"Reliability of the confidence, of the model's own answers (ECE {error:.3f})"
        plots.append((told, _reliability(own)))
    if answers:
        plots += [
            ("Error among the answers kept, surest first; dot: those without needs_review", _risk_coverage(answers)),
            ("Right answers by length of the input", _slices(by_length(answers), "lengths")),
        ]
    if worst:
        title = f"Right answers by category, lowest first, of {FEWEST} examples or more"
        plots.append((title, _slices(worst, "categories")))
    if any("loss" in entry for entry in log):
        plots.append(("Loss and learning rate", _curves(log)))
    return plots


def _sides(evaluation: Evaluation) -> str:
    told = [
        (f"{source}: {side}", by_source[source], side == ADAPTER)
        for source in evaluation.headlines[ADAPTER]
        for side, by_source in evaluation.headlines.items()
    ]
    return _intervals(
        [(name, each.value, each.low, each.high, own) for name, each, own in told], "main figure", "sides"
    )


def _slices(slices: Sequence[Slice], name: str) -> str:
    rows = [(f"{s.name} (n = {s.examples:,})", s.share, s.low, s.high, True) for s in slices]
    return _intervals(rows, "share right, with 95% interval", name)


def _intervals(rows: Sequence[tuple[str, float, float, float, bool]], xlabel: str, name: str) -> str:
    """A line each: label, value, low, high, and whether it is the adapter's."""
    figure = Figure(figsize=(4.9, 0.7 + 0.26 * len(rows)), layout="constrained")
    axes = figure.add_subplot(xlabel=xlabel)
    for place, (_, value, low, high, own) in enumerate(rows):
        color = "tab:blue" if own else "dimgray"
        axes.plot([low, high], [place, place], color=color)
        axes.plot([value], [place], "o", color=color)
    axes.set_yticks(range(len(rows)), [label for label, *_ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x", alpha=0.3)
    return svg(figure, name)


def _reliability(answers: Sequence[Judged]) -> str:
    told = np.array([a.confidence for a in answers])
    hits = np.array([a.right for a in answers], dtype=float)
    placed = bin_of(told)
    used = [b for b in range(BINS) if (placed == b).any()]
    figure, axes = _square("confidence (dot size: share of answers)", "share right")
    axes.plot([0, 1], [0, 1], "--", color="lightgray")
    means = [told[placed == b].mean() for b in used]
    sizes = [20 + 200 * (placed == b).mean() for b in used]
    axes.scatter(means, [hits[placed == b].mean() for b in used], s=sizes)
    return svg(figure, "reliability")


def _risk_coverage(answers: Sequence[Judged]) -> str:
    """El-Yaniv and Wiener 2010, https://jmlr.org/papers/v11/el-yaniv10a.html."""
    ordered = sorted(answers, key=lambda answer: -answer.confidence)
    wrong = np.cumsum([not a.right for a in ordered])
    kept = np.arange(1, len(ordered) + 1)
    figure, axes = _square("share of answers kept", "share of these that are wrong", None)
    axes.plot(kept / len(ordered), wrong / kept)
    if sure := sum(answer.confidence >= THRESHOLD for answer in ordered):
        axes.plot([sure / len(ordered)], [wrong[sure - 1] / sure], "o")
    return svg(figure, "risk")


def _curves(log: list[dict[str, Any]]) -> str:
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="loss")
    for name, label in (("loss", "training"), ("eval_loss", "validation")):
        points = [(e["epoch"], float(e[name])) for e in log if name in e]
        if points:
            axes.plot(*zip(*points, strict=True), label=label, marker="." if len(points) < 9 else "")
    rates = [(e["epoch"], float(e["learning_rate"])) for e in log if "learning_rate" in e]
    right = axes.twinx()
    right.plot(*zip(*rates, strict=True), color="lightgray")
    right.set_ylabel("learning rate")
    axes.legend()
    return svg(figure, "curves")


def _shortened(value: Any) -> str:
    if isinstance(value, dict):
        value = "; ".join(f"{name}: {said}" for name, said in value.items())
    text = str(value)
    return text if len(text) <= LONG else f"{text[:LONG]} ..."


def _square(xlabel: str, ylabel: str, top: float | None = 1.0) -> tuple[Figure, Any]:
    figure = Figure(figsize=(4.4, 3.3), layout="constrained")
    axes = figure.add_subplot(xlabel=xlabel, ylabel=ylabel)
    axes.set_xlim(0, 1)
    if top is not None:
        axes.set_ylim(0, top)
    return figure, axes
