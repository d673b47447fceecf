"""Intervals and tests on figures whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.significance import interval, p_value, ratio

HITS = st.lists(st.booleans(), min_size=1, max_size=60)


def accuracy(hits: list[bool]) -> np.ndarray:
    return np.array([[float(hit), 1.0] for hit in hits])


@settings(max_examples=25, deadline=None)
@given(HITS)
def test_the_figure_lies_in_its_interval(hits: list[bool]) -> None:
    low, high = interval(accuracy(hits))
    assert 0.0 <= low <= ratio(accuracy(hits)) <= high <= 1.0


def test_an_interval_of_an_accuracy_is_the_binomial_one() -> None:
    low, high = interval(accuracy([i < 800 for i in range(1000)]))
    error = 1.96 * (0.8 * 0.2 / 1000) ** 0.5
    assert (low, high) == pytest.approx((0.8 - error, 0.8 + error), abs=0.003)


@settings(max_examples=25, deadline=None)
@given(HITS, st.randoms())
def test_swapping_sides_changes_nothing(hits: list[bool], rng: object) -> None:
    other = accuracy([not hit for hit in hits])
    assert p_value(accuracy(hits), other) == p_value(other, accuracy(hits))
    assert p_value(accuracy(hits), accuracy(hits)) == 1.0


def test_a_sign_test_by_hand() -> None:
    """Ten answers differ, all in favour of one side: p = 2 / 2**10."""
    ours, theirs = accuracy([True] * 10 + [True] * 30), accuracy([False] * 10 + [True] * 30)
    assert p_value(ours, theirs) == pytest.approx(2 / 2**10, rel=0.5)


def test_nothing_counted_is_nothing() -> None:
    assert ratio(np.zeros((3, 2))) == 0.0
    assert interval(np.zeros((0, 2))) == (0.0, 1.0)
