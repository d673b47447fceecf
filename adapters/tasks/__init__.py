"""The tasks: every module of this folder that defines `TASK` is one; there is no other list of them."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from adapters.tasks.contract import Task


@cache
def tasks() -> dict[str, Task[Any, Any]]:
    """Every task by name."""
    modules = (import_module(f"{__name__}.{m.name}") for m in iter_modules(__path__))
    return {module.TASK.name: module.TASK for module in modules if hasattr(module, "TASK")}


def task(name: str) -> Task[Any, Any]:
    """The task of that name.

    Raises:
        KeyError: there is no such task; the message lists the tasks.
    """
    try:
        return tasks()[name]
    except KeyError:
        raise KeyError(f"no task {name!r}; there are {', '.join(sorted(tasks()))}") from None
