"""The closed lists that labels come from: what a value stands for, and what one near it is called.

Knows the ontology and the tasks' own lists. Called by `importing`, which spells values as the lists
do, and by `check`, which names those that no list holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from adapters.ontology import Ontology
from adapters.tasks import extract, rewrite
from adapters.words import phrase_key

NEAR = 0.6  # difflib's own default: a ratio that a typing error or a plural leaves
SUGGESTED = 1_000  # values; each takes milliseconds, and a wrong column has a new one in every row
_PATH = re.compile(r"\s*(?:>|/|\||»|::)\s*")


class Vocabulary:
    """For each field with a closed list, what the ontology calls what a shop wrote."""

    def __init__(self, ontology: Ontology) -> None:
        leaves = {leaf.id: name for name, leaf in ontology.categories.items()}
        for name, leaf in ontology.categories.items():
            leaves |= {phrase_key(said): name for said in (name, *leaf.synonyms)}
        self._lists: dict[str, dict[str, str]] = {
            "labels.category": leaves,
            "labels.overall_sentiment": {name: name for name in extract.OVERALL},
            "labels.aspects.sentiment": {name: name for name in extract.SIGN_OF},
            "labels.tags": {n: n for n in (*rewrite.TYPES, rewrite.OTHER, rewrite.CONTINUES)},
        }
        for attribute in ontology.attributes.values():
            self._lists[f"labels.attributes.{attribute.name}"] = _keys(ontology, attribute.name, attribute.values)
        for field, kind in (("labels.use_case", "use_cases"), ("labels.aspects.category", "aspects")):
            self._lists[field] = _keys(ontology, kind, getattr(ontology, kind))
        self._near: dict[tuple[str, str], str | None] = {}

    def canonical(self, field: str, value: str) -> str | None:
        """What the list of the field calls the value; None if it does not know it.

        A category may be told with its path: `Apparel > Topwear > Shirts`.
        """
        known = self._lists[field]
        found = known.get(value) or known.get(phrase_key(value))
        if found is None and field == "labels.category":
            last = _PATH.split(value)[-1]
            found = known.get(last) or known.get(phrase_key(last))
        return found

    def closed(self, field: str) -> bool:
        return field in self._lists

    def suggest(self, field: str, value: str) -> str | None:
        """The listed name nearest to a value that is not listed, by difflib's ratio."""
        key = (field, value)
        if key not in self._near and len(self._near) < SUGGESTED:
            known = self._lists[field]
            near = get_close_matches(phrase_key(value)[:100], known, n=1, cutoff=NEAR)
            self._near[key] = known[near[0]] if near else None
        return self._near.get(key)

    def complaint(self, field: str, value: str) -> str:
        """Why a value is refused, with the nearest that would not be."""
        near = self.suggest(field, value)
        return f"{field}: {value!r} is not in the ontology" + (f"; near: {near!r}" if near else "")

    def unknown(self, labels: Any) -> list[tuple[str, str]]:
        """(field, value) of every label that a closed list should hold and does not."""
        return [
            (field, value)
            for field, value in _named(labels)
            if field in self._lists and self.canonical(field, value) is None
        ]


def _keys(ontology: Ontology, kind: str, names: Iterable[str]) -> dict[str, str]:
    keys = {name: name for name in names}
    for name in names:
        said = (name.replace("_", " "), *ontology.phrases(kind, name))
        keys |= {phrase_key(phrase): name for phrase in said}
    return keys


def _named(value: Any, field: str = "labels") -> Iterator[tuple[str, str]]:
    """(field, text) of every text in the labels; items of a list share their list's field."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _named(item, f"{field}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, field)
