"""Generates pairs of facts and copy for every leaf of the taxonomy, with the fallback's templates.

The facts are made up of `copy.yaml`. Called by `training.tasks.copywrite`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from adapters.ontology import Category, Ontology
from adapters.tasks import copywrite
from adapters.tasks.copy_nouns import noun_of
from adapters.tasks.sentences import compose

_NAMES = (
    "Harbor Juniper Alder Meadow Ridge Solstice Willow Ember Cove Linden Orchard Prairie Summit Tidal Birch Clover "
    "Aspen Marlow Rowan Hazel Vesper Luma Nordal Quill Sable Terra Wren Zephyr Arbor Briar Dune Fjord Grove Isla Keel "
    "Lark Mira Opal Piper Sierra Thistle Vale Yarrow Brook Cedar Delta Fern Garnet Haven Iris"
).split()
_LOOKS = ("color", "material", "pattern", "style")
SEVERAL_FEATURES = 0.3  # share of the requests with a feature
_AUDIENCES = frozenset({"gender", "age_group", "age"})
_COUNTS = (1, 2, 2, 3, 3, 4, 5)  # of attributes


@cache
def _values(department: str) -> dict[str, list[str]]:
    """The values of each attribute that goods of a department have."""
    content = yaml.safe_load(Path(__file__).with_name("copy.yaml").read_text("utf-8"))
    lines = {name: values.get(department) or values.get("all") for name, values in content.items()}
    return {name: str(line).split("|") for name, line in lines.items() if line}


def copies(ontology: Ontology, per_leaf: int, seed: int) -> Iterator[tuple[copywrite.Request, copywrite.Labels]]:
    """At most `per_leaf` pairs of a request and its text for every leaf; those whose text is not faithful left out."""
    rng = random.Random(seed)
    for leaf in ontology.categories.values():
        for _ in range(per_leaf):
            request = _request(leaf, ontology, rng)
            text = compose(
                copywrite.facts_of(request), request.attributes, ontology, request.max_words, key=str(rng.random())
            )
            labels = copywrite.Labels(description=text)
            answer = copywrite.TASK.expand(labels, request, ontology)
            whole = answer["description"] == text and not answer["missing"]
            if whole and copywrite.TASK.faithful(labels, request, ontology):
                yield request, labels


def _request(leaf: Category, ontology: Ontology, rng: random.Random) -> copywrite.Request:
    noun, _ = noun_of(copywrite.facts_of(copywrite.Request(name="It", category=leaf.name)), ontology)
    values = {name: of_name for name, of_name in _values(leaf.path[0]).items() if ontology.applies(name, leaf)}
    looks = [name for name in _LOOKS if name in values]
    chosen = rng.sample([*values, *looks], k=min(rng.choice(_COUNTS), len(values)))
    attributes = {name: rng.choice(values[name]) for name in dict.fromkeys(chosen)}
    audiences = [name for name in attributes if name in _AUDIENCES]
    attributes = {name: value for name, value in attributes.items() if name not in audiences[1:]}
    if "feature" in attributes and rng.random() < SEVERAL_FEATURES:
        attributes["feature"] = ", ".join(rng.sample(values["feature"], k=2))
    second = rng.choice(
        ("", "", rng.choice(_NAMES), *(attributes[look].title() for look in looks if look in attributes))
    )
    parts = (rng.choice(_NAMES), second, noun.removeprefix("pair of ").title())
    name = " ".join(dict.fromkeys(filter(None, parts)))
    limit = rng.choice((None, None, 20, 30, 40, 60))
    return copywrite.Request(name=name, category=leaf.name, attributes=attributes, max_words=limit)
