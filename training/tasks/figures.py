"""What the figures of tasks are made of: shares, and micro-averaged F1 over multisets. Knows no task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

Figures = dict[str, float]  # by name
Terms = NDArray[np.float64]  # numerator and denominator of a figure for each example, shape (examples, 2)
Items = Iterable[Hashable]  # what is counted in one example's labels


def share(hits: Iterable[object]) -> float:
    """The share of hits that are true; 0 where there are none."""
    truths = [bool(hit) for hit in hits]
    return sum(truths) / len(truths) if truths else 0.0


def same_items(gold: Items, predicted: Items) -> bool:
    """Whether two multisets are equal."""
    return Counter(gold) == Counter(predicted)


def counts(gold: Iterable[Items], predicted: Iterable[Items]) -> Terms:
    """True positives, gold items and predicted items of each example, shape (examples, 3)."""
    rows = []
    for gold_items, predicted_items in zip(gold, predicted, strict=True):
        expected, answered = Counter(gold_items), Counter(predicted_items)
        rows.append(((expected & answered).total(), expected.total(), answered.total()))
    return np.array(rows, dtype=float).reshape(-1, 3)


def micro_f1(gold: Iterable[Items], predicted: Iterable[Items]) -> Figures:
    """Micro-averaged precision, recall and F1 over the examples' multisets."""
    hits, n_gold, n_predicted = map(float, counts(gold, predicted).sum(axis=0))
    precision = hits / n_predicted if n_predicted else 0.0
    recall = hits / n_gold if n_gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def f1_terms(gold: Iterable[Items], predicted: Iterable[Items]) -> Terms:
    """The numerator and denominator of the micro-averaged F1 for each example: 2 TP / (gold + predicted)."""
    totals = counts(gold, predicted)
    return np.stack((2 * totals[:, 0], totals[:, 1] + totals[:, 2]), axis=1)
