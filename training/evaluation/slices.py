"""How good the adapter is on parts of the test split, and which classes it confuses.

Knows judged answers, no model and no plot. Called by `report`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from adapters.tasks.contract import SEPARATOR
from training.evaluation.results import JudgedAnswer
from training.tasks.contract import TrainingTask

MAX_CLASSES = 12  # of a confusion matrix
MIN_EXAMPLES = 10  # of a category that is shown
MAX_WORDS = 10**6
LENGTHS = ((0, 5), (5, 8), (8, 12), (12, 30), (30, MAX_WORDS))  # words of the input: above the first, up to the second


@dataclass(frozen=True, slots=True)
class Slice:
    """The share of right answers in a part of the test split, with its 95% interval."""

    name: str
    examples: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """How many answers of an expected class have a predicted class, and their share of the expected class."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Answers by expected class (rows) and predicted class (columns `names`, the last of them all other classes)."""

    names: list[str]
    rows: list[tuple[str, list[ConfusionCell]]]


def by_category(training: TrainingTask, answers: Sequence[JudgedAnswer]) -> list[Slice]:
    """The slices that the task names, lowest share first, without those of few examples."""
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for answer in answers:
        for name in training.slice_names(answer.request, answer.expected):
            groups[name].append(answer.right)
    slices = (_slice(name, right) for name, right in groups.items() if len(right) >= MIN_EXAMPLES)
    return sorted(slices, key=lambda part: (part.share, part.name))


def by_length(answers: Sequence[JudgedAnswer]) -> list[Slice]:
    """By the number of words in the request's first field, shortest first."""
    words = [len(str(next(iter(a.request.values()), "")).split()) for a in answers]
    slices = []
    for low, high in LENGTHS:
        if right := [a.right for a, n in zip(answers, words, strict=True) if low < n <= high]:
            slices.append(_slice(f"{low + 1}-{high}" if high < MAX_WORDS else f"over {low}", right))
    return slices


def _slice(name: str, right: Sequence[bool]) -> Slice:
    """With the interval of Wilson 1927, which holds for few examples and for all right."""
    hits, n = sum(right), len(right)
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return Slice(name, n, hits / n, float(interval.low), float(interval.high))


def class_pairs(answers: Sequence[JudgedAnswer]) -> list[tuple[str, str]]:
    """The expected and the predicted class of each answer: the first fields of its lines."""
    return [(a.expected.split(SEPARATOR)[0], a.predicted.split(SEPARATOR)[0]) for a in answers]


def confusion(answers: Sequence[JudgedAnswer]) -> ConfusionMatrix | None:
    """The classes of the commonest confusions; None if nothing is confused."""
    pairs = Counter(class_pairs(answers))
    confused = [pair for pair, _ in pairs.most_common() if pair[0] != pair[1]]
    names = list(dict.fromkeys(name for pair in confused for name in pair))[:MAX_CLASSES]
    totals = Counter(expected for expected, _ in pairs.elements())
    rows = []
    for expected in (name for name in names if totals[name]):
        counts = [pairs[expected, predicted] for predicted in names]
        counts.append(totals[expected] - sum(counts))
        cells = [
            ConfusionCell(n, n / totals[expected], predicted == expected)
            for predicted, n in zip([*names, None], counts, strict=True)
        ]
        rows.append((expected, cells))
    return ConfusionMatrix([*names, "others"], rows) if rows else None
