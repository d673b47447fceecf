"""`shoplora train --dry-run`: prints examples as the model sees them, counts, and the estimated time and memory.

Both are measured on a few steps; nothing is saved. Called by `training.cli`.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.ontology import Ontology
from adapters.tasks.contract import Task
from training.examples import Example
from training.tuning.finetune import trainer_of
from training.tuning.progress import peak_bytes
from training.tuning.recipe import Recipe
from training.tuning.rows import IGNORED
from training.tuning.trainer import Batch, LineTrainer, micro_batches

SHOWN = 3  # examples
TIMED = (0.1, 0.5, 0.9, 1.0)  # steps at these quantiles of their size
console = Console()


def show(task: Task[Any, Any], examples: list[Example], recipe: Recipe, base: Path, ontology: Ontology) -> None:
    """Print what a run of this recipe would train, on what and how long.

    Raises:
        TrainingError: no training example is left.
    """
    with TemporaryDirectory() as folder:
        trainer = trainer_of(task, examples, recipe, base, Path(folder), ontology)
        rows, tokenizer = trainer.train_dataset, trainer.processing_class
        for row in rows[:SHOWN]:
            console.print(_as_the_model_sees_it(row, tokenizer))
        tokens = sum(len(row["input_ids"]) for row in rows)
        learnt_tokens = sum(label != IGNORED for row in rows for label in row["labels"])
        steps = -(-len(rows) // recipe.batch) * recipe.epochs
        seconds = _seconds_an_epoch(trainer) * recipe.epochs
    table = Table(show_header=False)
    trainable, parameters = trainer.model.get_nb_trainable_parameters()
    for name, value in {
        "training examples": f"{len(rows):,}",
        "tokens read in an epoch": f"{tokens:,}",
        "tokens learnt (the lines)": f"{learnt_tokens:,}",
        "trainable parameters": f"{trainable:,} of {parameters:,} ({trainable / parameters:.2%})",
        "steps": f"{steps:,.0f} of {recipe.batch} examples",
        "longest example": f"{max(len(row['input_ids']) for row in rows):,} tokens",
        "estimated time here": f"{seconds / 60:,.1f} minutes, {tokens * recipe.epochs / seconds:,.0f} tokens/s",
        "estimated peak memory": f"{peak_bytes() / 1e9:,.1f} GB",
    }.items():
        table.add_row(name, value)
    console.print(table)


def _as_the_model_sees_it(row: dict[str, Any], tokenizer: Any) -> Text:
    """The prompt, and in green the tokens that are learnt."""
    text = Text()
    for token, label in zip(row["input_ids"], row["labels"], strict=True):
        text.append(tokenizer.decode([token]), style="dim" if label == IGNORED else "bold green")
    return text.append("\n")


def _seconds_an_epoch(trainer: LineTrainer) -> float:
    """From real steps of several sizes and the longest example; the validation loss is part of it."""

    def size(batch: Batch) -> int:
        return sum(
            part["input_ids"].numel() for part in micro_batches(batch, trainer.micro_batch, trainer.shares_beginnings)
        )

    batches = sorted(trainer.get_train_dataloader(), key=size)
    timed = [batches[round(share * (len(batches) - 1))] for share in TIMED]
    longest = max(batches, key=lambda batch: batch["labels"].shape[1])
    seconds = [_seconds_a_step(trainer, batch) for batch in [longest, *timed]][1:]  # the first warms up
    total = float(np.interp([size(batch) for batch in batches], [size(batch) for batch in timed], seconds).sum())
    for batch in trainer.get_eval_dataloader() if trainer.eval_dataset else []:
        few = {name: values[:: max(1, len(values) // 20)] for name, values in batch.items()}
        start = time.perf_counter()
        trainer.prediction_step(trainer.model.eval(), few, True)
        total += (time.perf_counter() - start) * size(batch) / size(few)
    return total


def _seconds_a_step(trainer: LineTrainer, batch: Batch) -> float:
    start = time.perf_counter()
    trainer.training_step(trainer.model, batch, batch["labels"].ne(IGNORED).sum())
    trainer.create_optimizer()
    trainer.optimizer.step()
    trainer.model.zero_grad()
    return time.perf_counter() - start
