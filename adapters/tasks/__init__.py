"""The tasks: every module here that defines `TASK` is one, found by being in this folder."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from adapters.tasks.contract import Task


@cache
def tasks() -> dict[str, Task[Any, Any]]:
    """Every task by name."""
    modules = (import_module(f"{__name__}.{m.name}") for m in iter_modules(__path__))
    found = (getattr(module, "TASK", None) for module in modules)
    return {task.name: task for task in found if task is not None}


def task(name: str) -> Task[Any, Any]:
    """The task of that name.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    try:
        return tasks()[name]
    except KeyError:
        raise KeyError(f"no task {name!r}; there are {', '.join(sorted(tasks()))}") from None
