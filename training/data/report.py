"""A check's report as one self-contained HTML page with SVG plots. Called by `cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.data.check import Report
from training.html import render, svg

SHOWN = 25  # bars of a plot
CASES = 10  # of each finding; the JSON has more
COLOR = "#3b6ea5"


def page(report: Report) -> str:
    """The HTML page."""
    plots = {}
    if report.labels:
        plots["Labels"] = _bars(dict(list(report.labels.items())[:SHOWN]), "labels")
    if report.lengths:
        plots["Length of the input in characters"] = _histogram(report.lengths)
    if len(report.languages) > 1:  # the language of every short title is unsure
        plots["Languages of the inputs"] = _bars(report.languages, "languages")
    return render(
        Path(__file__).with_name("report.html"),
        report=report,
        cases=CASES,
        plots=plots,
        hidden=max(0, len(report.labels) - SHOWN),
    )


def _bars(counts: dict[str, int], name: str) -> str:
    figure, axes = _figure(0.7 + 0.26 * len(counts))
    positions = range(len(counts))
    axes.barh(positions, list(counts.values()), color=COLOR)
    axes.set_yticks(positions, [label[:40] for label in counts])
    axes.invert_yaxis()
    axes.set_xlabel("examples" if name == "labels" else "texts")
    return svg(figure, name)


def _histogram(lengths: dict[int, int]) -> str:
    figure, axes = _figure(2.6)
    axes.hist(list(lengths), bins=min(40, len(lengths)), weights=list(lengths.values()), color=COLOR)
    axes.set_xlabel("characters")
    axes.set_ylabel("examples")
    return svg(figure, "lengths")


def _figure(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
