"""The test examples that a study compares adapters on: always the same ones. Called by `ablate` and `matrix`."""

from __future__ import annotations

import random
from collections.abc import Sequence

from training.examples import Example
from training.tasks import training_task


def sample_test_split(task: str, examples: Sequence[Example], count: int) -> list[Example]:
    """At most `count` test examples, of the task's headline source if there are any of it."""
    test = [e for e in examples if e.split == "test"]
    test = [e for e in test if e.source == training_task(task).headline_source] or test
    return random.Random(0).sample(test, min(count, len(test)))
