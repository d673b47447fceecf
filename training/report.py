"""The evaluation as one HTML page with plots: look at it before an adapter goes live.

Self-contained: plots are inline SVG, nothing is fetched. Knows the figures of `training.evaluate`
and the log of `training.finetune`; called by `training.cli`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from training import gate
from training.evaluate import ADAPTER, THRESHOLD, Evaluation, Judged
from training.metrics import BINS, HEADLINE, bin_of, calibration_error
from training.pages import render, svg

SHOWN = 20  # wrong answers, and pairs of confused labels
LENGTHS = ((0, 5), (5, 8), (8, 12), (12, 30), (30, 10**6))  # words of the input


def write(run: Path, task: str, evaluation: Evaluation) -> Path:
    """Write `report.html` into the run's folder; the training curves are read from there."""
    log = run / "train.json"
    told = render(
        Path(__file__).with_name("report.html"),
        task=task,
        run=run.name,
        figure=HEADLINE.get(task, ("", "exact"))[1],
        verdict=gate.verdict(task, evaluation),
        refusals=gate.refusals(task, evaluation),
        editing=gate.editing(evaluation),
        headlines=[
            (source, side, told)
            for side, by_source in evaluation.headlines.items()
            for source, told in by_source.items()
        ],
        tables=[_table(source, evaluation) for source in evaluation.figures[ADAPTER]],
        plots=_plots(evaluation, json.loads(log.read_text())["log"] if log.exists() else []),
        wrong=_worst(evaluation.answers),
        classes=[
            (source, sorted(own.items(), key=lambda item: -item[1]["examples"]))
            for source, own in evaluation.classes.items()
            if own
        ],
        confused=_confused(evaluation.answers) if task == "classify" else [],
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
    pairs = Counter(
        (answer.wanted.split("; ")[0], answer.said.split("; ")[0])
        for answer in answers
        if not answer.right
    )
    return [(wanted, said, n) for (wanted, said), n in pairs.most_common(SHOWN)]


def _plots(evaluation: Evaluation, log: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(title, SVG) of each plot that there is data for."""
    answers = evaluation.answers
    plots = [("Main figure by side, with 95% interval", _sides(evaluation))]
    if answers:
        error = calibration_error([a.confidence for a in answers], [a.right for a in answers])
        plots += [
            (f"Reliability of the confidence (ECE {error:.3f})", _reliability(answers)),
            (
                "Error among the answers kept, surest first; dot: those without needs_review",
                _risk_coverage(answers),
            ),
            ("Right answers by length of the input", _lengths(answers)),
        ]
    if any("loss" in entry for entry in log):
        plots.append(("Loss and learning rate", _curves(log)))
    return plots


def _sides(evaluation: Evaluation) -> str:
    sides, sources = list(evaluation.headlines), list(evaluation.headlines[ADAPTER])
    height = 0.6 + 0.28 * len(sides) * max(1, len(sources))
    figure = Figure(figsize=(6, height), layout="constrained")
    axes = figure.add_subplot()
    names, row = [], 0
    for source in sources:
        for side in sides:
            told = evaluation.headlines[side][source]
            color = "tab:blue" if side == ADAPTER else "tab:gray"
            axes.plot([told.low, told.high], [row, row], color=color)
            axes.plot([told.value], [row], "o", color=color)
            names.append(f"{source}: {side}")
            row += 1
    axes.set_yticks(range(row), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.grid(axis="x", alpha=0.3)
    return svg(figure, "sides")


def _reliability(answers: Sequence[Judged]) -> str:
    told = np.array([a.confidence for a in answers])
    hits = np.array([a.right for a in answers], dtype=float)
    placed = bin_of(told)
    used = [b for b in range(BINS) if (placed == b).any()]
    figure, axes = _square("confidence", "share right")
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
    figure, axes = _square("share of answers kept", "share of these that are wrong")
    axes.plot(kept / len(ordered), wrong / kept)
    if sure := sum(answer.confidence >= THRESHOLD for answer in ordered):
        axes.plot([sure / len(ordered)], [wrong[sure - 1] / sure], "o")
    return svg(figure, "risk")


def _lengths(answers: Sequence[Judged]) -> str:
    figure, axes = _square("words of the input", "share right")
    labels, shares = [], []
    for low, high in LENGTHS:
        own = [a.right for a in answers if low < len(_text(a).split()) <= high]
        if own:
            labels.append(f"{low + 1}-{high}" if high < 10**6 else f"over {low}")
            shares.append(sum(own) / len(own))
    axes.bar(labels, shares)
    return svg(figure, "lengths")


def _curves(log: list[dict[str, Any]]) -> str:
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="loss")
    for name, label in (("loss", "training"), ("eval_loss", "validation")):
        points = [(e["epoch"], float(e[name])) for e in log if name in e]
        if points:
            axes.plot(
                *zip(*points, strict=True), label=label, marker="." if len(points) < 9 else ""
            )
    rates = [(e["epoch"], float(e["learning_rate"])) for e in log if "learning_rate" in e]
    right = axes.twinx()
    right.plot(*zip(*rates, strict=True), color="lightgray")
    right.set_ylabel("learning rate")
    axes.legend()
    return svg(figure, "curves")


def _text(answer: Judged) -> str:
    return str(next(iter(answer.request.values()), ""))


def _square(xlabel: str, ylabel: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.add_subplot(xlabel=xlabel, ylabel=ylabel)
    axes.set_ylim(0, 1)
    return figure, axes
