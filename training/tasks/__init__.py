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
    task = find_task(name)
    if find_spec(f"{__name__}.{name}") is None:
        return TrainingTask(task)
    training: TrainingTask = import_module(f"{__name__}.{name}").TRAINING
    return training
