"""How certain a figure is: bootstrap intervals and a paired test. Knows no task and no model.

A figure is a ratio of two sums over examples, such as hits / examples or 2 hits / (predicted + gold), given as
`terms` of shape (examples, 2): numerator and denominator. Called by `metrics` and `training.studies`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.tasks.figures import Terms

ROUNDS, SEED = 10_000, 0
LEVEL = 0.95  # of the intervals
_BATCH = 2_000_000  # elements of a resampling array


def ratio(terms: Terms) -> float:
    """The figure; 0 where nothing is counted."""
    above, below = terms.sum(axis=0)
    return float(above / below) if below else 0.0


def interval(terms: Terms) -> tuple[float, float]:
    """The figure's 95% interval by percentile bootstrap over examples (Efron and Tibshirani 1993, chapter 13).

    0 to 1 where there are no examples.
    """
    rng = np.random.default_rng(SEED)
    n = len(terms)
    if not n:
        return 0.0, 1.0
    rounds = np.empty(ROUNDS)
    step = max(1, _BATCH // n)
    for start in range(0, ROUNDS, step):
        picked = terms[rng.integers(n, size=(min(step, ROUNDS - start), n))].sum(axis=1)
        rounds[start : start + step] = _ratios(picked)
    low, high = np.quantile(rounds, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def p_value(ours: Terms, theirs: Terms) -> float:
    """Two-sided p of the difference, by paired approximate randomisation over examples.

    Noreen 1989; for F1, Yeh 2000 (https://aclanthology.org/C00-2137). An example's two answers are
    swapped at random; `ours` and `theirs` are of the same examples in the same order.
    """
    rng = np.random.default_rng(SEED)
    observed = abs(ratio(ours) - ratio(theirs))
    change, total = theirs - ours, ours.sum(axis=0) + theirs.sum(axis=0)
    n = len(ours)
    at_least = 0
    step = max(1, _BATCH // max(n, 1))
    for start in range(0, ROUNDS, step):
        swapped = rng.random((min(step, ROUNDS - start), n)) < 0.5
        first = ours.sum(axis=0) + swapped @ change
        differences = np.abs(_ratios(first) - _ratios(total - first))
        at_least += int((differences >= observed - 1e-12).sum())
    return (1 + at_least) / (1 + ROUNDS)


def _ratios(sums: Terms) -> NDArray[np.float64]:
    return np.divide(sums[:, 0], sums[:, 1], out=np.zeros(len(sums)), where=sums[:, 1] > 0)
