"""What a training run would do, without doing it: `shoplora train --dry-run`.

Shows examples as the model sees them, counts, and a time measured on a few steps.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.ontology import Ontology
from adapters.tasks.contract import Task
from training.examples import Example
from training.tuning.finetune import Recipe, trainer_of

SHOWN, TIMED = 3, 3  # examples; steps
IGNORED = -100  # label of a token without loss
console = Console()


def show(task: Task[Any, Any], examples: list[Example], recipe: Recipe, base: Path, ontology: Ontology) -> None:
    """Print it all.

    Raises:
        training.tuning.finetune.TrainingError: no training example is left.
    """
    with TemporaryDirectory() as nowhere:
        trainer = trainer_of(task, examples, recipe, base, Path(nowhere), ontology)
        rows, tokenizer = trainer.train_dataset, trainer.processing_class
        for row in rows.select(range(min(SHOWN, len(rows)))):
            console.print(_as_the_model_sees_it(row, tokenizer))
        read = sum(len(row["input_ids"]) for row in rows)
        learnt = sum(label != IGNORED for row in rows for label in row["labels"])
        steps = -(-len(rows) // recipe.batch) * recipe.epochs
        seconds = _seconds_a_step(trainer) * steps
    table = Table(show_header=False)
    trainable = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    whole = sum(p.numel() for p in trainer.model.parameters())
    for name, value in {
        "training examples": f"{len(rows):,}",
        "tokens read in an epoch": f"{read:,}",
        "tokens learnt (the lines)": f"{learnt:,}",
        "trainable parameters": f"{trainable:,} of {whole:,} ({trainable / whole:.2%})",
        "steps": f"{steps:,.0f} of {recipe.batch} examples",
        "estimated time here": f"{seconds / 60:,.1f} minutes, without evaluation",
    }.items():
        table.add_row(name, value)
    console.print(table)


def _as_the_model_sees_it(row: dict[str, Any], tokenizer: Any) -> Text:
    """The prompt as it is, the tokens that are learnt in green."""
    text = Text()
    for token, label in zip(row["input_ids"], row["labels"], strict=True):
        text.append(tokenizer.decode([token]), style="dim" if label == IGNORED else "bold green")
    return text.append("\n")


def _seconds_a_step(trainer: Any) -> float:
    """Median time of a few real steps, forward and backward."""
    took = []
    for _, batch in zip(range(TIMED), trainer.get_train_dataloader(), strict=False):
        start = time.perf_counter()
        with trainer.compute_loss_context_manager():
            loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
        took.append(time.perf_counter() - start)
    return sorted(took)[len(took) // 2]
