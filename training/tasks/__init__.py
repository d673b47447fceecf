"""What training knows of each task: a module here for each task that the defaults do not suffice for."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from adapters.tasks import task as find_task
from training.tasks.contract import TrainingTask


def training_task(name: str) -> TrainingTask:
    """The training side of the task of that name: its module's `TRAINING`, or the defaults.

    Raises:
        KeyError: there is no such task.
    """
    task, module = find_task(name), f"{__name__}.{name}"
    training: TrainingTask | None = getattr(import_module(module), "TRAINING", None) if find_spec(module) else None
    return training or TrainingTask(task)
