"""Transfer: how right an adapter is on a shop that it has not seen.

For each source of the examples an adapter is trained on all other sources and evaluated on that one. The figures of a
test split say how well an adapter knows the shops that it was trained on; these say what another shop may expect.
Called by `training.studies.cli`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from adapters.ontology import Ontology
from adapters.tasks.contract import Task
from training.evaluation import answers, results
from training.evaluation.calibration import calibrate, reliabilities
from training.evaluation.evaluate import evaluate
from training.evaluation.results import ADAPTER, Evaluation
from training.examples import Example, request_key
from training.tasks.synthesis import SOURCE as GENERATED
from training.tuning import finetune
from training.tuning.recipe import Recipe, TrainingError

console = Console()


def run(
    task: Task[Any, Any],
    examples: Sequence[Example],
    recipe: Recipe,
    base: Path,
    output: Path,
    ontology: Ontology,
    count: int | None = None,
) -> Evaluation:
    """The figures on each source of an adapter that was trained on the others; finished parts are not repeated.

    Args:
        output: the study's folder; the result is in its `evaluation.json`.
        count: training examples of each run, at most.

    Raises:
        TrainingError: the examples are of one source.
        EvaluationError: it is one of several processes, or there is no vLLM.
    """
    answers.check_alone()
    answers.check_possible(base)
    shops = shops_of(examples)
    if len(shops) < 2:
        raise TrainingError("the examples are of one source: transfer needs the examples of two shops or more")
    parts = []
    for shop in shops:
        console.rule(shop)
        folder = output / (f"{shop}-{count}" if count else shop)
        subset = without(shop, examples, count, recipe.seed)
        adapter = finetune.run(task, subset, recipe, base, folder, ontology)
        if not (folder / results.FILE).exists():
            with answers.loaded(base, {ADAPTER: adapter}, ontology, [task.name], folder / answers.LINES) as models:
                calibration = calibrate(task, subset, models, ontology)
                evaluation = evaluate(task, subset, models, {ADAPTER: calibration}, ontology)
            results.write(folder, evaluation)
        parts.append(results.read(folder))
    whole = joined(parts)
    results.write(output, whole)
    return whole


def folder_of(output: Path, task: str, key: str) -> Path:
    """The folder of a study in the folder of runs; `key`: that of a run with its recipe, examples and base."""
    return output / f"transfer-{task}-{key}"


def shops_of(examples: Sequence[Example]) -> list[str]:
    """The sources that have training examples, without the generated one: `dmaste-book` is of the shop `dmaste`."""
    return list(dict.fromkeys(e.shop for e in examples if e.split == "train" and e.source != GENERATED))


def without(shop: str, examples: Sequence[Example], count: int | None, seed: int) -> list[Example]:
    """Training and validation examples of all other shops, and all examples of this one as test examples.

    A text that the shop has too is not among the others.
    """
    tested = [e for e in examples if e.shop == shop]
    texts = {request_key(e) for e in tested}
    others = [e for e in examples if e.shop != shop and e.split != "test" and request_key(e) not in texts]
    train = [e for e in others if e.split == "train"]
    if count is not None and count < len(train):
        train = random.Random(seed).sample(train, count)
    held_out = [e for e in others if e.split == "validation"]
    return [*train, *held_out, *(replace(e, split="test") for e in tested)]


def joined(parts: Sequence[Evaluation]) -> Evaluation:
    """Evaluations of different sources as one."""
    whole = Evaluation({}, {})
    for part in parts:
        for side, figures in part.figures.items():
            whole.figures.setdefault(side, {}).update(figures)
        for side, headlines in part.headlines.items():
            whole.headlines.setdefault(side, {}).update(headlines)
        whole.answers.extend(part.answers)
        whole.classes.update(part.classes)
        whole.unseen.extend(part.unseen)
    whole.confidence.update(reliabilities(whole.answers, whole.unseen))
    return whole
