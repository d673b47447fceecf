"""How good the adapter is on parts of the test split, and which classes it takes for which.

Knows judged answers, no model and no picture. Called by `training.evaluation.report`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from adapters.tasks import rewrite
from training.evaluation.evaluate import Judged

CLASSES = 12  # of a confusion matrix
FEWEST = 10  # examples of a category that is worth a line
LENGTHS = ((0, 5), (5, 8), (8, 12), (12, 30), (30, 10**6))  # words of the input


@dataclass(frozen=True, slots=True)
class Slice:
    """The share of right answers among some, with its 95% interval."""

    name: str
    examples: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cell:
    count: int
    share: float  # of its row
    right: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """Answers by wanted class (rows) and said class; the last column is all other classes."""

    names: list[str]
    rows: list[tuple[str, list[Cell]]]


# What an answer is counted under: of a line the class, or the labels of a query's words.
_CATEGORIES: dict[str, Callable[[Judged], Iterable[str]]] = {
    "classify": lambda answer: [class_of(answer.wanted)],
    "extract": lambda answer: [class_of(answer.wanted)],
    "rewrite": lambda answer: {*answer.wanted.split()} - {rewrite.CONTINUES, rewrite.OTHER},
    "copywrite": lambda answer: [str(answer.request.get("category") or "none")],
}


def class_of(line: str) -> str:
    """The first field of an answer line."""
    return line.split("; ")[0]


def by_category(task: str, answers: Sequence[Judged]) -> list[Slice]:
    """Lowest share first; nothing for a task without categories."""
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for answer in answers if task in _CATEGORIES else ():
        for name in _CATEGORIES[task](answer):
            groups[name].append(answer.right)
    found = (_slice(name, own) for name, own in groups.items() if len(own) >= FEWEST)
    return sorted(found, key=lambda each: (each.share, each.name))


def by_length(answers: Sequence[Judged]) -> list[Slice]:
    """By words of the input's first field, shortest first."""
    words = [len(str(next(iter(a.request.values()), "")).split()) for a in answers]
    found = []
    for low, high in LENGTHS:
        own = [a.right for a, n in zip(answers, words, strict=True) if low < n <= high]
        if own:
            found.append(_slice(f"{low + 1}-{high}" if high < 10**6 else f"over {low}", own))
    return found


def _slice(name: str, rights: Sequence[bool]) -> Slice:
    """With the interval of Wilson 1927, which holds for few examples and for all right."""
    hits, n = sum(rights), len(rights)
    reach = binomtest(hits, n).proportion_ci(method="wilson")
    return Slice(name, n, hits / n, float(reach.low), float(reach.high))


def confusion(answers: Sequence[Judged]) -> Matrix | None:
    """The classes of the commonest confusions; None if nothing is confused."""
    told = Counter((class_of(a.wanted), class_of(a.said)) for a in answers)
    wrong = [pair for pair, _ in told.most_common() if pair[0] != pair[1]]
    names = list(dict.fromkeys(name for pair in wrong for name in pair))[:CLASSES]
    totals = Counter(class_of(a.wanted) for a in answers)
    rows = []
    for wanted in (name for name in names if totals[name]):
        counts = [told[wanted, said] for said in names]
        counts.append(totals[wanted] - sum(counts))
        cells = [Cell(n, n / totals[wanted], said == wanted) for said, n in zip([*names, None], counts, strict=True)]
        rows.append((wanted, cells))
    return Matrix([*names, "others"], rows) if rows else None
