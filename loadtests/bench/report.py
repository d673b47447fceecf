"""A benchmark's figures as Markdown tables and as a plot. Pure; `loadtests.bench.cli` calls it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from loadtests.bench.ratios import TARGETS
from training.html import svg

NAMES = {
    "typed": "typed endpoints",
    "engine": "AsyncLLM in process",
    "plain": "plain vLLM, JSON",
    "peft": "transformers + PEFT",
}


def markdown(report: Mapping[str, Any]) -> str:
    """The machine and versions, the targets, each side at each load, the arrivals, start and memory, agreement."""
    sides, ratios = report["sides"], report["ratios"]
    reached = [
        (t.name, f"{ratios[t.name]:.2f}", str(t), "yes" if t.met(ratios[t.name]) else "no")
        for t in TARGETS
        if t.name in ratios
    ]
    loads, arrivals = [], []
    for name, side in sides.items():
        for level in side["levels"]:
            speed = [NAMES[name], f"{level['answers_per_second']:.1f}", *_times(level)]
            if level["in_flight"]:
                tokens = f"{level['tokens_per_answer']:.1f}"
                loads.append((level["workload"], level["in_flight"], *speed, tokens, level["failed"]))
            else:
                arrivals.append((f"{level['rate']:g}", *speed, f"{level['in_time']:.0%}", level["failed"]))
    loads.sort(key=lambda row: (list(report["workloads"]).index(row[0]), row[1]))
    arrivals.sort(key=lambda row: float(row[0]))
    starts = [(NAMES[name], f"{side['start_seconds']:.0f}", f"{side['memory_mb']:.0f}") for name, side in sides.items()]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    times = ("p50 ms", "p95 ms", "p99 ms", "TTFT ms")
    blocks = [
        "# Bench",
        f"`{report['command']}`: {report['seconds']} s on {report['machine']}; {versions}.",
        _table(("ratio", "measured", "target", "met"), reached),
        _table(("workload", "in flight", "side", "answers/s", *times, "tokens", "failed"), loads),
        _table(("arrivals/s", "side", "answers/s", *times, "in 0.5 s", "failed"), arrivals),
        _table(("side", "s to start", "MB at most"), starts),
        _table(("agrees with the typed side", "share"), [(n, f"{s:.2f}") for n, s in report["agreement"].items()]),
    ]
    return "\n\n".join(blocks) + "\n"


def _times(level: Mapping[str, Any]) -> list[str]:
    return ["-" if level[t] is None else f"{level[t]:.0f}" for t in ("p50", "p95", "p99", "ttft")]


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def plot(report: Mapping[str, Any]) -> str:
    """SVG: answers a second over requests in flight, a panel a workload."""
    workloads = report["workloads"]
    figure = Figure(figsize=(3.1 * len(workloads), 3.4), layout="constrained")
    panels = figure.subplots(1, len(workloads), sharey=True, squeeze=False)[0]
    for axes, workload in zip(panels, workloads, strict=True):
        for name, side in report["sides"].items():
            points = [
                (level["in_flight"], level["answers_per_second"])
                for level in side["levels"]
                if level["workload"] == workload and level["in_flight"]
            ]
            axes.plot(*zip(*points, strict=True), "o-", markersize=4, label=NAMES[name])
        axes.set(title=workload, xlabel="requests in flight", xscale="log", yscale="log")
        axes.set_xticks(report["in_flight"], [str(n) for n in report["in_flight"]])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("answers a second")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return svg(figure, "bench")
