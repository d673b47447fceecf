"""What training knows of a task beyond its contract in `adapters.tasks`.

A task's module here holds one subclass of `TrainingTask`. A task without a module trains by the defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from adapters.tasks.contract import Task


class TrainingTask:
    """Where a task's examples come from, its recipe, what counts as right, its baselines, its slices."""

    # Of training.data, beside the methods below.
    column_names: ClassVar[Mapping[str, list[str]]] = {}  # field: what shops call its column, the likeliest first
    one_right: ClassVar[tuple[str, ...]] = ()  # labels that one input has one right value of, the main first

    def __init__(self, task: Task[Any, Any]) -> None:
        self.task = task

    def label_values(self, labels: Mapping[str, Any]) -> list[str]:
        """What an example counts for where labels are counted or split by, the main one first."""
        raise NotImplementedError

    # Of training.tuning, training.evaluation and training.studies.
    recipe: ClassVar[Mapping[str, Any]] = {}  # fields of `training.tuning.recipe.Recipe` that differ from its defaults

    def slice_names(self, answer: Any) -> Iterable[str]:
        """The categories that an evaluated answer is counted under in the report."""
        return ()
