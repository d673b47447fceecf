"""One adapter a choice of modules, or a number of examples: what each is worth and what it costs.

Trains each on the same split, evaluates each with a confidence interval, and serves each on the
real engine to measure it. Called by `training.studies.cli`.
"""

from __future__ import annotations

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
from adapters.manifest import Draft
from adapters.ontology import Ontology
from adapters.store import Store, base_digest
from adapters.tasks import tasks
from adapters.tasks.contract import Task
from training.evaluation.decoding import Decoder
from training.evaluation.evaluate import single_answers
from training.evaluation.metrics import headline, main_figure
from training.evaluation.significance import Terms, interval, p_value, ratio
from training.examples import Example
from training.html import render, svg
from training.studies import local_server as serving
from training.tuning import finetune
from training.tuning.finetune import ALL_LINEAR, Recipe, TrainingError

QKV = ("q_proj", "k_proj", "v_proj")
NAMED = {"qkv": QKV, "all-linear": ALL_LINEAR}
CLOSE = 0.01  # of the main figure: the cheapest choice that is so close to the best is recommended
TESTED = 1_000  # of the test split, always the same: enough for differences that matter
console = Console()


@dataclass(frozen=True, slots=True)
class Choice:
    """One run: what was chosen, how good it is, and what it costs."""

    name: str
    figure: float
    low: float
    high: float
    p: float  # against the best
    megabytes: float
    train_seconds: float
    answers_per_second: float | None  # at 32 in flight
    median_ms: float | None  # of one request at a time


def choices(named: str) -> dict[str, tuple[str, ...]]:
    """`o_proj,o_proj+down_proj,qkv,all-linear` as modules by name.

    Raises:
        TrainingError: a module that there is not.
    """
    found = {}
    for name in filter(None, (part.strip() for part in named.split(","))):
        modules = NAMED.get(name) or tuple(name.split("+"))
        if unknown := [m for m in modules if m not in ALL_LINEAR]:
            known = ", ".join([*ALL_LINEAR, *NAMED])
            raise TrainingError(f"no module {', '.join(unknown)}; there are {known}")
        found[name] = modules
    return found


def planned(recipe: Recipe, named: str | None, counts: Sequence[int] = ()) -> dict[str, tuple[Recipe, int | None]]:
    """Each choice of modules with each number of training examples; the recipe's modules if None.

    Raises:
        TrainingError: a module that there is not.
    """
    runs: dict[str, tuple[Recipe, int | None]] = {}
    numbers: list[int | None] = [*sorted(counts)] or [None]
    for name, modules in (choices(named) if named else {"": recipe.modules}).items():
        for count in numbers:
            told = [name] if name else []
            if count and (len(counts) > 1 or not name):
                told.append(f"{count:,}")
            runs[" of ".join(reversed(told))] = replace(recipe, modules=modules), count
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
    """Train, evaluate and serve each; what is trained and evaluated is not so again.

    Raises:
        TrainingError: nothing to train on.
        serving.ServingError: the server does not start.
    """
    test = [e for e in examples if e.split == "test"]
    source = main_figure(task.name)[0]
    test = [e for e in test if e.source == source] or test
    test = random.Random(0).sample(test, min(len(test), TESTED))
    terms: dict[str, Terms] = {}
    costs: dict[str, dict[str, Any]] = {}
    for name, (recipe, count) in runs.items():
        console.rule(name)
        folder = output / name.replace(",", "")
        kept = _some(examples, count, recipe.seed)
        began = time.monotonic()
        adapter = finetune.run(task, kept, recipe, base, folder, ontology)
        seconds = _remembered(folder, time.monotonic() - began)
        terms[name] = _evaluated(folder, task, test, adapter, base, ontology)
        rate = median = None
        if serve:
            rate, median = _served(task, test, adapter, base, ontology)
        costs[name] = {
            "megabytes": (adapter / WEIGHTS).stat().st_size / 1e6,
            "train_seconds": seconds,
            "answers_per_second": rate,
            "median_ms": median,
        }
    best = max(terms, key=lambda name: ratio(terms[name]))
    found = [
        Choice(name, ratio(own), *interval(own), p_value(terms[best], own), **costs[name])
        for name, own in terms.items()
    ]
    (output / "ablation.json").write_text(json.dumps([asdict(c) for c in found], indent=1))
    return found


def recommended(found: Sequence[Choice]) -> Choice:
    """The smallest adapter within CLOSE of the best, or not significantly below it."""
    best = max(choice.figure for choice in found)
    near = [c for c in found if c.figure >= best - CLOSE or c.p >= 0.05]
    return min(near, key=lambda choice: choice.megabytes)


def table(found: Sequence[Choice]) -> str:
    """Markdown."""
    lines = [
        "| | figure | 95% interval | p against the best | MB | training s | answers/s | ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for c in found:
        speed = (
            ("-", "-")
            if c.answers_per_second is None or c.median_ms is None
            else (f"{c.answers_per_second:.1f}", f"{c.median_ms:.0f}")
        )
        lines.append(
            f"| {c.name} | {c.figure:.3f} | {c.low:.3f} to {c.high:.3f} | {c.p:.2g} | "
            f"{c.megabytes:.2f} | {c.train_seconds:.0f} | {speed[0]} | {speed[1]} |"
        )
    return "\n".join(lines)


def plots(task: str, by: str, found: Sequence[Choice]) -> list[tuple[str, str]]:
    """Title and SVG of quality against what it costs."""
    if by == "examples":
        titles = {"Learning curve": ("training examples", [_number(c.name) for c in found])}
    else:
        titles = {"Quality and size": ("adapter, MB", [c.megabytes for c in found])}
        rates = [c.answers_per_second for c in found if c.answers_per_second is not None]
        if len(rates) == len(found):
            titles["Quality and speed"] = ("answers per second, 32 in flight", rates)
    return [(title, _plot(found, xs, xlabel, _figure(task), by)) for title, (xlabel, xs) in titles.items()]


def page(task: str, by: str, found: Sequence[Choice]) -> str:
    """The HTML page: what is recommended, the table and the plots."""
    return render(
        Path(__file__).with_name("ablation.html"),
        task=task,
        by=by,
        found=found,
        figure=_figure(task),
        plots=plots(task, by, found),
        close=CLOSE,
        tested=TESTED,
        best=recommended(found) if by == "modules" else None,
    )


def _figure(task: str) -> str:
    """The main figure's name, and that it is of one sample where an answer is chosen among some."""
    name = main_figure(task)[1].replace("_", " ")
    return f"{name}, one sample" if tasks()[task].samples > 1 else name


def _number(name: str) -> float:
    return float(name.replace(",", ""))


def _plot(found: Sequence[Choice], xs: Sequence[float], xlabel: str, ylabel: str, by: str) -> str:
    figure = Figure(figsize=(4.9, 3.6), layout="constrained")
    axes = figure.add_subplot(xlabel=xlabel, ylabel=ylabel)
    if by == "examples":
        errors = [[c.figure - c.low for c in found], [c.high - c.figure for c in found]]
        axes.errorbar(xs, [c.figure for c in found], errors, fmt="o-", capsize=3)
        axes.set_xscale("log")
        axes.set_xticks(xs, [c.name for c in found])
        axes.minorticks_off()
    else:
        for x, c in zip(xs, found, strict=True):
            errors = [[c.figure - c.low], [c.high - c.figure]]
            axes.errorbar([x], [c.figure], errors, fmt="o", capsize=3, label=c.name)
        axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    return svg(figure, xlabel)


def _some(examples: list[Example], count: int | None, seed: int) -> list[Example]:
    """`count` of the training examples, always the same first ones; the other splits whole."""
    if count is None:
        return examples
    train = [e for e in examples if e.split == "train"]
    if count > len(train):
        raise TrainingError(f"there are {len(train):,} training examples, not {count:,}")
    random.Random(seed).shuffle(train)
    return [*train[:count], *(e for e in examples if e.split != "train")]


def _remembered(folder: Path, seconds: float) -> float:
    """The seconds that training took the first time: a finished run takes none."""
    file = folder / "seconds.json"
    if not file.exists():
        file.write_text(json.dumps(seconds), encoding="utf-8")
    return float(json.loads(file.read_text(encoding="utf-8")))


def _evaluated(
    folder: Path, task: Task[Any, Any], test: list[Example], adapter: Path, base: Path, ontology: Ontology
) -> Terms:
    file = folder / "terms.npy"
    if not file.exists():
        # As in the gate: a choice among samples, and a fallback, flatter every side alike.
        said = single_answers(task, test, Decoder(base, adapter, ontology), ontology)
        np.save(file, headline(task.name, test, said, ontology))
    terms: Terms = np.load(file)
    return terms


def _served(
    task: Task[Any, Any], test: list[Example], adapter: Path, base: Path, ontology: Ontology
) -> tuple[float, float]:
    """Answers a second at 32 in flight, and the median ms of one at a time."""
    with TemporaryDirectory() as folder:
        draft = Draft(task=task.name, base_digest=base_digest(base), ontology_digest=ontology.digest)
        Store(Path(folder), shipped=None).publish(adapter, draft, card="")
        bodies = [e.request.model_dump(mode="json", exclude_defaults=True) for e in test]
        settings = {"SHOPLORA_BASE": str(base), "SHOPLORA_STORE": folder, "SHOPLORA_DEMO_ADAPTERS": "false"}
        with serving.server({**os.environ, **settings}) as url:
            return serving.speed(url, task.name, bodies)
