"""What training knows of each task: a module here for each task that the defaults do not suffice for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec

from adapters.tasks import task as find_task
from training.tasks.contract import TrainingTask


@cache
def training_task(name: str) -> TrainingTask:
    """What training knows of the task of that name: its module's class, or the defaults.

    Raises:
        KeyError: there is no such task.
    """
    task = find_task(name)
    if find_spec(f"{__name__}.{name}") is None:
        return TrainingTask(task)
    module = import_module(f"{__name__}.{name}")
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]
    [kind] = [kind for kind in kinds if issubclass(kind, TrainingTask)]
    return kind(task)
