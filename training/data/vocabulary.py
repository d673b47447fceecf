"""The closed lists of labels: which listed name a shop's value stands for, and which one is nearest to it.

The lists come from the task and the ontology. Called by `importing`, which writes listed names, and by `check`,
which reports values that are not listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import OSA

from adapters.ontology import Ontology
from adapters.words import phrase_key
from training.tasks.contract import TrainingTask

NEAR = 0.5  # similarity from 0 to 1: half of the letters may differ
LONGEST = 100  # characters of a value that are compared
CATEGORY = "labels.category"  # may be given as a path: `Apparel > Topwear > Shirts`
_PATH = re.compile(r"\s*(?:>|/|\||»|::)\s*")


class Vocabulary:
    """For each field with a closed list, the listed name of what a shop wrote."""

    def __init__(self, training: TrainingTask, ontology: Ontology) -> None:
        self._lists: dict[str, dict[str, str]] = {}  # field: what may be written: listed name
        for field, synonyms in training.label_names(ontology).items():
            spellings = {
                phrase_key(phrase): name
                for name, phrases in synonyms.items()
                for phrase in (name.replace("_", " "), *phrases)
            }
            self._lists[field] = {key: name for key, name in spellings.items() if key} | {n: n for n in synonyms}

    def canonical(self, field: str, value: str) -> str | None:
        """The listed name of a value of the field; None if the list has none."""
        names = self._lists[field]
        name = names.get(value) or names.get(phrase_key(value))
        if name is None and field == CATEGORY:
            leaf = _PATH.split(value)[-1]
            name = names.get(leaf) or names.get(phrase_key(leaf))
        return name

    def is_closed(self, field: str) -> bool:
        """Whether the values of the field are of a closed list."""
        return field in self._lists

    def suggest(self, field: str, value: str) -> str | None:
        """The listed name nearest to a value that is not listed; None if none is near.

        By the optimal string alignment distance (an inserted, deleted or changed letter, or two swapped ones,
        count one) as a share of the longer text.
        """
        names = self._lists[field]
        nearest = process.extractOne(
            phrase_key(value)[:LONGEST], names.keys(), scorer=OSA.normalized_similarity, score_cutoff=NEAR
        )
        return names[nearest[0]] if nearest else None

    def complaint(self, field: str, value: str) -> str:
        """Why a value is refused, with the nearest listed name."""
        nearest = self.suggest(field, value)
        return f"{field}: {value!r} is not in the ontology" + (f"; near: {nearest!r}" if nearest else "")

    def unlisted(self, labels: Any) -> list[tuple[str, str]]:
        """Field and value of every label that is not on its closed list."""
        return [
            (field, value)
            for field, value in _texts(labels)
            if field in self._lists and self.canonical(field, value) is None
        ]


def _texts(value: Any, field: str = "labels") -> Iterator[tuple[str, str]]:
    """Field and text of every text in the labels; items of a list have their list's field."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{field}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, field)
