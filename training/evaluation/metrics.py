"""A task's figures for each source of the test examples, for each class, and its main figure with an interval.

The figures themselves are the task's (`training.tasks`). Knows labels, no model. Called by `evaluate`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.ontology import Ontology
from training.evaluation.results import ADAPTER, ONE_SAMPLE, Headline
from training.evaluation.significance import interval, p_value, ratio
from training.examples import Example
from training.tasks.contract import TrainingTask
from training.tasks.figures import Figures, micro_f1, share

ClassItems = list[tuple[Any, ...]]  # of one example; each begins with its class


def _by_source(examples: Sequence[Example]) -> Iterator[tuple[str, list[int]]]:
    """Each source and the indices of its examples, in the order of the first of them."""
    for source in dict.fromkeys(e.source for e in examples):
        yield source, [i for i, e in enumerate(examples) if e.source == source]


def score(
    training: TrainingTask,
    examples: Sequence[Example],
    answers: Sequence[Any],
    ontology: Ontology,
    is_fallback: Sequence[bool] | None = None,
) -> dict[str, Figures]:
    """Figures for each source, with the number of examples, and the shares without an answer and from the fallback.

    `answers`: to the first of the examples; there may be fewer.
    """
    figures = {}
    for source, members in _by_source(examples[: len(answers)]):
        source_answers = [answers[i] for i in members]
        values: Figures = {"examples": len(members)}
        values |= training.figures([examples[i] for i in members], source_answers, ontology)
        values["undecodable"] = share(answer is None for answer in source_answers)
        values["fallback"] = share(is_fallback[i] for i in members) if is_fallback else 0.0
        figures[source] = _rounded(values)
    return figures


def headlines(
    training: TrainingTask, examples: Sequence[Example], sides: Mapping[str, Sequence[Any]], ontology: Ontology
) -> dict[str, dict[str, Headline]]:
    """The main figure of each side and source; p compares with the adapter, single samples with its single samples.

    `sides`: the answers of each side to the first of the examples, among them the adapter's, to all of them.
    """
    values: dict[str, dict[str, Headline]] = {side: {} for side in sides}
    for source, members in _by_source(examples):
        for side, answers in sides.items():
            answered = [i for i in members if i < len(answers)]
            gold = [examples[i] for i in answered]
            terms = training.headline_terms(gold, [answers[i] for i in answered], ontology)
            adapter = f"{ADAPTER}{ONE_SAMPLE}" if side.endswith(ONE_SAMPLE) else ADAPTER
            p = None
            if side != adapter:
                ours = training.headline_terms(gold, [sides[adapter][i] for i in answered], ontology)
                p = p_value(ours, terms)
            values[side][source] = Headline(ratio(terms), *interval(terms), p)
    return values


def by_class(
    training: TrainingTask, examples: Sequence[Example], answers: Sequence[Any], ontology: Ontology
) -> dict[str, dict[str, Figures]]:
    """Precision, recall and F1 of each class, and how often it is expected (`examples`), by source and class.

    Partial examples count in no class.
    """
    figures = {}
    for source, members in _by_source(examples):
        groups: dict[str, tuple[list[ClassItems], list[ClassItems]]] = defaultdict(lambda: ([], []))
        for example, answer in ((examples[i], answers[i]) for i in members if examples[i].known_fields is None):
            gold = training.classes(example.labels, None)
            predicted = training.classes(answer, ontology) if answer else []
            for name in {item[0] for item in [*gold, *predicted]}:
                for group, items in zip(groups[name], (gold, predicted), strict=True):
                    group.append([item for item in items if item[0] == name])
        figures[source] = {
            name: _rounded({**micro_f1(gold, predicted), "examples": sum(map(len, gold))})
            for name, (gold, predicted) in sorted(groups.items())
        }
    return figures


def _rounded(figures: Figures) -> Figures:
    return {name: round(value, 4) for name, value in figures.items()}
