"""A check's report as one page that needs nothing else: plots are SVG inside it.

Knows how a report looks. Called by `cli`.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from training.data.check import Report

SHOWN = 25  # bars
COLOR = "#3b6ea5"


def page(report: Report) -> str:
    """The HTML page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=folder, autoescape=True, undefined=StrictUndefined)
    plots = {
        "Labels": _bars(dict(list(report.labels.items())[:SHOWN]), "labels"),
        "Length of the input in characters": _histogram(report.lengths),
        "Languages of the inputs": _bars(report.languages, "languages"),
    }
    told: str = environment.get_template("report.html").render(
        report=report, plots={name: plot for name, plot in plots.items() if plot},
        hidden=max(0, len(report.labels) - SHOWN),
    )  # fmt: skip
    return told


def _bars(counts: dict[str, int], name: str) -> str:
    if not counts:
        return ""
    figure, axes = _figure(0.7 + 0.26 * len(counts))
    labels = [label[:40] for label in counts]
    places = range(len(labels))
    axes.barh(places, list(counts.values()), color=COLOR)
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.set_xlabel("examples")
    return _svg(figure, name)


def _histogram(lengths: dict[int, int]) -> str:
    if not lengths:
        return ""
    figure, axes = _figure(2.6)
    axes.hist(list(lengths), bins=min(40, len(lengths)), weights=list(lengths.values()),
              color=COLOR)  # fmt: skip
    axes.set_xlabel("characters")
    axes.set_ylabel("examples")
    return _svg(figure, "lengths")


def _figure(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any, name: str) -> str:
    """The picture without its head, which would name a server, its text left to the browser."""
    import matplotlib

    settings = {"svg.fonttype": "none", "svg.hashsalt": name, "text.parse_math": False,
                "font.family": "sans-serif"}  # fmt: skip
    with matplotlib.rc_context(settings), io.StringIO() as out, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that only the browser has
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None,
                                                    "Type": None})  # fmt: skip
        drawn = out.getvalue()
    return drawn[drawn.index("<svg") :]
