"""Ablation: one adapter for each choice of modules or number of examples, its quality and its cost.

All are trained on the same split, evaluated with a confidence interval, and served on the real engine to
measure their speed. Called by `training.studies.cli`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console

from adapters.adapter_folder import WEIGHTS
from adapters.base import base_digest
from adapters.manifest import Draft
from adapters.ontology import Ontology
from adapters.store import Store
from adapters.tasks import task as find_task
from adapters.tasks.contract import Task
from training.evaluation import answers
from training.evaluation.evaluate import single_answers
from training.evaluation.significance import interval, p_value, ratio
from training.examples import Example
from training.html import render, svg
from training.studies import local_server
from training.studies.sampling import sample_test_split
from training.tasks import training_task
from training.tasks.figures import Terms
from training.tuning import finetune
from training.tuning.recipe import Recipe, TrainingError

QKV = ("q_proj", "k_proj", "v_proj")
CLOSE = 0.01  # of the main figure: the cheapest choice that is so close to the best is recommended
TESTED = 1_000  # of the test split, always the same: enough for differences that matter
console = Console()


@dataclass(frozen=True, slots=True)
class Choice:
    """One run: what was chosen, its main figure, and what it costs."""

    name: str
    figure: float
    low: float
    high: float
    p: float  # against the best
    megabytes: float
    train_seconds: float
    answers_per_second: float | None  # at 32 in flight
    median_ms: float | None  # of one request at a time


def modules_by_choice(names: str) -> dict[str, tuple[str, ...]]:
    """The modules of each choice in `o_proj,o_proj+down_proj,qkv,all-linear`."""
    choices = filter(None, (part.strip() for part in names.split(",")))
    return {name: QKV if name == "qkv" else tuple(name.split("+")) for name in choices}


def planned(recipe: Recipe, choices: str | None, counts: Sequence[int] = ()) -> dict[str, tuple[Recipe, int | None]]:
    """Each choice of modules with each number of training examples, by name; None: the recipe's modules."""
    runs: dict[str, tuple[Recipe, int | None]] = {}
    train_counts: list[int | None] = [*sorted(counts)] or [None]
    for name, modules in (modules_by_choice(choices) if choices else {"": recipe.modules}).items():
        for count in train_counts:
            parts = [f"{count:,}"] if count and (len(counts) > 1 or not name) else []
            runs[" of ".join([*parts, *filter(None, [name])])] = replace(recipe, modules=modules), count
    return runs


def run(
    task: Task[Any, Any],
    examples: list[Example],
    runs: dict[str, tuple[Recipe, int | None]],
    base: Path,
    output: Path,
    ontology: Ontology,
    serve: bool = True,
) -> list[Choice]:
    """Train and serve each run, then evaluate them in one engine; what `output` has of an earlier call is not repeated.

    Raises:
        TrainingError: there is nothing to train on.
        EvaluationError: it is one of several processes, or there is no vLLM.
        ServingError: the server does not start.
    """
    answers.check_alone()
    answers.check_possible(base)
    test = sample_test_split(task.name, examples, TESTED)
    folders: dict[str, Path] = {}
    costs: dict[str, dict[str, Any]] = {}
    for name, (recipe, count) in runs.items():
        console.rule(name)
        folders[name] = folder = output / name.replace(",", "")
        subset = _with_train_count(examples, count, recipe.seed)
        began = time.monotonic()
        adapter = finetune.run(task, subset, recipe, base, folder, ontology)
        seconds = _first_seconds(folder, time.monotonic() - began)
        rate = median = None
        if serve:
            rate, median = _served_speed(task, test, adapter, base, ontology)
        costs[name] = {
            "megabytes": (adapter / WEIGHTS).stat().st_size / 1e6,
            "train_seconds": seconds,
            "answers_per_second": rate,
            "median_ms": median,
        }
    terms = _headline_terms(folders, task, test, base, ontology)
    best = max(terms, key=lambda name: ratio(terms[name]))
    choices = [
        Choice(name, ratio(t), *interval(t), p_value(terms[best], t), **costs[name]) for name, t in terms.items()
    ]
    (output / "ablation.json").write_text(json.dumps([asdict(choice) for choice in choices], indent=1))
    return choices


def recommended(choices: Sequence[Choice]) -> Choice:
    """The smallest adapter within CLOSE of the best, or not significantly below it."""
    best = max(choice.figure for choice in choices)
    near = [c for c in choices if c.figure >= best - CLOSE or c.p >= 0.05]
    return min(near, key=lambda choice: choice.megabytes)


def table(choices: Sequence[Choice]) -> str:
    """A Markdown table, one row for each choice."""
    lines = [
        "| | figure | 95% interval | p against the best | MB | training s | answers/s | ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for c in choices:
        rate = "-" if c.answers_per_second is None else f"{c.answers_per_second:.1f}"
        median = "-" if c.median_ms is None else f"{c.median_ms:.0f}"
        lines.append(
            f"| {c.name} | {c.figure:.3f} | {c.low:.3f} to {c.high:.3f} | {c.p:.2g} | "
            f"{c.megabytes:.2f} | {c.train_seconds:.0f} | {rate} | {median} |"
        )
    return "\n".join(lines)


def plots(task: str, by: str, choices: Sequence[Choice]) -> list[tuple[str, str]]:
    """Title and SVG of each plot of quality against cost."""
    if by == "examples":
        titles = {"Learning curve": ("training examples", [float(c.name.replace(",", "")) for c in choices])}
    else:
        titles = {"Quality and size": ("adapter, MB", [c.megabytes for c in choices])}
        rates = [c.answers_per_second for c in choices if c.answers_per_second is not None]
        if len(rates) == len(choices):
            titles["Quality and speed"] = ("answers per second, 32 in flight", rates)
    return [(title, _plot(choices, xs, xlabel, _figure(task), by)) for title, (xlabel, xs) in titles.items()]


def page(task: str, by: str, choices: Sequence[Choice]) -> str:
    """The HTML page: the recommendation, the table and the plots."""
    return render(
        Path(__file__).with_name("ablation.html"),
        task=task,
        by=by,
        choices=choices,
        figure=_figure(task),
        plots=plots(task, by, choices),
        close=CLOSE,
        tested=TESTED,
        best=recommended(choices) if by == "modules" else None,
    )


def _figure(task: str) -> str:
    """The main figure's name; of one sample, where the task ranks several."""
    name = training_task(task).headline_figure.replace("_", " ")
    return f"{name}, one sample" if find_task(task).samples > 1 else name


def _plot(choices: Sequence[Choice], xs: Sequence[float], xlabel: str, ylabel: str, by: str) -> str:
    figure = Figure(figsize=(4.9, 3.6), layout="constrained")
    axes = figure.add_subplot(xlabel=xlabel, ylabel=ylabel)
    if by == "examples":
        errors = [[c.figure - c.low for c in choices], [c.high - c.figure for c in choices]]
        axes.errorbar(xs, [c.figure for c in choices], errors, fmt="o-", capsize=3)
        axes.set_xscale("log")
        axes.set_xticks(xs, [c.name for c in choices])
        axes.minorticks_off()
    else:
        for x, c in zip(xs, choices, strict=True):
            errors = [[c.figure - c.low], [c.high - c.figure]]
            axes.errorbar([x], [c.figure], errors, fmt="o", capsize=3, label=c.name)
        axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    return svg(figure, xlabel)


def _with_train_count(examples: list[Example], count: int | None, seed: int) -> list[Example]:
    """`count` of the training examples, always the same first ones, and all of the other splits."""
    if count is None:
        return examples
    train = [e for e in examples if e.split == "train"]
    if count > len(train):
        raise TrainingError(f"there are {len(train):,} training examples, not {count:,}")
    random.Random(seed).shuffle(train)
    return [*train[:count], *(e for e in examples if e.split != "train")]


def _first_seconds(folder: Path, seconds: float) -> float:
    """The seconds that training took the first time: a finished run takes none."""
    file = folder / "seconds.json"
    if not file.exists():
        file.write_text(json.dumps(seconds), encoding="utf-8")
    return float(json.loads(file.read_text(encoding="utf-8")))


def _headline_terms(
    folders: dict[str, Path], task: Task[Any, Any], test: list[Example], base: Path, ontology: Ontology
) -> dict[str, Terms]:
    """Of single samples, as in the quality gate: ranking and fallback would flatter every choice alike."""
    files = {name: folder / "terms.npy" for name, folder in folders.items()}
    if missing := {name: folders[name] / "adapter" for name, file in files.items() if not file.exists()}:
        with answers.loaded(base, missing, ontology, [task.name]) as models:
            for name in missing:
                labels = single_answers(task, test, models, name, ontology)
                np.save(files[name], training_task(task.name).headline_terms(test, labels, ontology))
    return {name: np.load(file) for name, file in files.items()}


def _served_speed(
    task: Task[Any, Any], test: list[Example], adapter: Path, base: Path, ontology: Ontology
) -> tuple[float, float]:
    """Answers per second at 32 in flight, and the median ms of one request at a time."""
    with TemporaryDirectory() as folder:
        draft = Draft(task=task.name, base_digest=base_digest(base), ontology_digest=ontology.digest)
        Store(Path(folder), shipped=None).publish(adapter, draft, card="")
        bodies = [e.request.model_dump(mode="json", exclude_defaults=True) for e in test]
        settings = {"SHOPLORA_BASE": str(base), "SHOPLORA_STORE": folder, "SHOPLORA_DEMO_ADAPTERS": "false"}
        with local_server.server({**os.environ, **settings}) as url:
            return asyncio.run(local_server.speed(url, task.name, bodies))
