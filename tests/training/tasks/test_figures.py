"""Micro-averaged F1 by hand."""

from __future__ import annotations

from typing import Any

import pytest

from training.evaluation.significance import ratio
from training.tasks.figures import f1_terms, micro_f1, share


@pytest.mark.parametrize(
    ("gold", "predicted", "precision", "recall", "f1"),
    [
        ([["a", "b"]], [["a", "b"]], 1.0, 1.0, 1.0),
        ([["a", "b"]], [["a", "c"]], 0.5, 0.5, 0.5),
        ([["a", "b", "c"]], [["a"]], 1.0, 1 / 3, 0.5),
        ([["a"], ["b"]], [["b"], ["a"]], 0.0, 0.0, 0.0),  # of another example
        ([["a", "a"]], [["a"]], 1.0, 0.5, 2 / 3),  # an item may occur twice
        ([["a"]], [["a", "a"]], 0.5, 1.0, 2 / 3),
        ([[]], [["a"]], 0.0, 0.0, 0.0),
        ([["a"]], [[]], 0.0, 0.0, 0.0),
        ([[]], [[]], 0.0, 0.0, 0.0),
    ],
)
def test_micro_f1(gold: Any, predicted: Any, precision: float, recall: float, f1: float) -> None:
    assert micro_f1(gold, predicted) == pytest.approx({"precision": precision, "recall": recall, "f1": f1})
    assert ratio(f1_terms(gold, predicted)) == pytest.approx(f1)


def test_micro_f1_needs_an_answer_for_each_example() -> None:
    with pytest.raises(ValueError):
        micro_f1([["a"]], [])


def test_a_share_of_nothing_is_zero() -> None:
    assert (share([]), share([True, None, "x", ""])) == (0.0, 0.5)
