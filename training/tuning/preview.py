"""`shoplora train --dry-run`: prints examples as the model sees them, counts, and an estimated time.

The time is measured on a few steps; nothing is saved. Called by `training.cli`.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.ontology import Ontology
from adapters.tasks.contract import Task
from training.examples import Example
from training.tuning.finetune import trainer_of
from training.tuning.recipe import Recipe

SHOWN, TIMED = 3, 3  # examples; steps
IGNORED = -100  # label of a token without loss
console = Console()


def show(task: Task[Any, Any], examples: list[Example], recipe: Recipe, base: Path, ontology: Ontology) -> None:
    """Print what a run of this recipe would train, on what and how long.

    Raises:
        TrainingError: no training example is left.
    """
    with TemporaryDirectory() as folder:
        trainer = trainer_of(task, examples, recipe, base, Path(folder), ontology)
        rows, tokenizer = trainer.train_dataset, trainer.processing_class
        for row in rows.select(range(min(SHOWN, len(rows)))):
            console.print(_as_the_model_sees_it(row, tokenizer))
        tokens = sum(len(row["input_ids"]) for row in rows)
        learnt_tokens = sum(label != IGNORED for row in rows for label in row["labels"])
        steps = -(-len(rows) // recipe.batch) * recipe.epochs
        seconds = _seconds_a_step(trainer) * steps
    table = Table(show_header=False)
    trainable, parameters = trainer.model.get_nb_trainable_parameters()
    for name, value in {
        "training examples": f"{len(rows):,}",
        "tokens read in an epoch": f"{tokens:,}",
        "tokens learnt (the lines)": f"{learnt_tokens:,}",
        "trainable parameters": f"{trainable:,} of {parameters:,} ({trainable / parameters:.2%})",
        "steps": f"{steps:,.0f} of {recipe.batch} examples",
        "estimated time here": f"{seconds / 60:,.1f} minutes, without evaluation",
    }.items():
        table.add_row(name, value)
    console.print(table)


def _as_the_model_sees_it(row: dict[str, Any], tokenizer: Any) -> Text:
    """The prompt, and in green the tokens that are learnt."""
    text = Text()
    for token, label in zip(row["input_ids"], row["labels"], strict=True):
        text.append(tokenizer.decode([token]), style="dim" if label == IGNORED else "bold green")
    return text.append("\n")


def _seconds_a_step(trainer: Any) -> float:
    """Median time of a few real steps, forward and backward."""
    seconds = []
    for _, batch in zip(range(TIMED), trainer.get_train_dataloader(), strict=False):
        start = time.perf_counter()
        with trainer.compute_loss_context_manager():
            loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
        seconds.append(time.perf_counter() - start)
    return median(seconds)
