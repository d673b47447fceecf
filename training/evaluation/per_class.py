"""How good answers are class by class. Knows labels, no model. Called by `training.evaluation.evaluate`.

classify: categories; rewrite: types of phrases, with exact spans; extract: categories of aspects,
with the sentiment. Other tasks have no classes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from adapters.ontology import Ontology
from adapters.tasks import rewrite
from training.evaluation.metrics import Figures, micro_f1, pairs_of
from training.examples import Example

Things = list[tuple[Any, ...]]  # each begins with its class
THINGS: dict[str, Callable[[Any, Ontology | None], Things]] = {
    "classify": lambda labels, _: [(labels.category,)],
    "rewrite": lambda labels, _: list(rewrite.spans(labels.tags)),
    "extract": lambda labels, ontology: [*pairs_of(labels, ontology)],
}


def by_class(
    task: str, examples: Sequence[Example], predicted: Sequence[Any], ontology: Ontology
) -> dict[str, Figures]:
    """Precision, recall and F1 of each class, and how often it is wanted, by the class's name."""
    things = THINGS.get(task)
    groups: dict[str, tuple[list[Things], list[Things]]] = defaultdict(lambda: ([], []))
    for example, answer in zip(examples, predicted, strict=True):
        if things is None or example.known_fields is not None:
            continue
        both = things(example.labels, None), things(answer, ontology) if answer else []
        for name in {thing[0] for side in both for thing in side}:
            for group, side in zip(groups[name], both, strict=True):
                group.append([thing for thing in side if thing[0] == name])
    return {
        name: {**micro_f1(wanted, found), "examples": sum(map(len, wanted))}
        for name, (wanted, found) in sorted(groups.items())
    }
