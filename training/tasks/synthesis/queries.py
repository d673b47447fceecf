"""Generates search queries with a label for each word. Called by `training.tasks.rewrite`."""

from __future__ import annotations

import random
from collections.abc import Iterator

from adapters.ontology import Ontology
from adapters.tasks import rewrite
from training.tasks.synthesis import phrase_of, take

# `{slot}` is filled and labelled; the words around it are `other`, those inside [] join the phrase.
_QUERIES = (
    "something {color} and {shape} [for a {occasion}] | something {color} [for a {occasion}] | "
    "something {shape} in {color} | a {shape} {type} i can wear [to a {occasion}] | "
    "i need a {color} {type} [for {department}] | looking for {material} {type} {price} | {color} {type} {price} | "
    "{type} [for {department}] {price} | {shape} {type} [for {department}] | show me {pattern} {type} in {color} | "
    "do you have {type} made of {material} | {condition} {type} {price} | "
    "what can i wear [to a {occasion}] that is {color} | {feature} {type} [for {department}] {price} | "
    "{color} {shape} {type} | {occasion} {type} {price} | {type} in {color} or {color} | "
    "cozy {color} {type} [for {season}] | {size} {color} {type} [for {department}] | gift [for {department}] {price}"
).split(" | ")
_PRICES = (
    "under ${n} | under {n} dollars | below {n} | less than ${n} | over ${n} | up to {n} euros | "
    "between {n} and {m} dollars | ${n} | £{n} or less | cheaper than {n} | max {n} usd"
).split(" | ")
# The labels of slots that are not labelled with their own name, and the attributes that do not have it.
_LABELS = {"pattern": "modifier", "feature": "modifier", "season": "occasion"}
_ATTRIBUTES = {"shape": "silhouette", "department": "gender"}


def queries(ontology: Ontology, count: int, seed: int) -> Iterator[tuple[str, list[str]]]:
    """`count` pairs of a query and its labels, one a word."""
    rng = random.Random(seed)
    return take(count, lambda: _query(rng.choice(_QUERIES), ontology, rng))


def _query(template: str, ontology: Ontology, rng: random.Random) -> tuple[str, list[str]]:
    words: list[str] = []
    tags: list[str] = []
    inside: str | None = None  # the label that a bracketed phrase has or waits for
    pending = 0  # words of the bracketed phrase that wait for the slot's label
    for token in template.split():
        opens, closes = token.startswith("["), token.endswith("]")
        token = token.strip("[]")
        if opens:
            inside = ""
        if token.startswith("{"):
            label, phrase = _fill(token.strip("{}"), ontology, rng)
            filled = phrase.split()
            if pending:
                tags[-pending:] = [label, *[rewrite.CONTINUES] * (pending - 1)]
                tags += [rewrite.CONTINUES] * len(filled)
            else:
                tags += [label, *[rewrite.CONTINUES] * (len(filled) - 1)]
            words += filled
        else:
            words.append(token)
            tags.append(rewrite.OTHER)
            pending += inside is not None
        if closes:
            inside, pending = None, 0
    return " ".join(words), tags


def _fill(slot: str, ontology: Ontology, rng: random.Random) -> tuple[str, str]:
    if slot == "price":
        n = rng.choice((5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 150, 200, 300, 500))
        return "price", rng.choice(_PRICES).replace("{n}", str(n)).replace("{m}", str(2 * n))
    if slot == "type":
        name = rng.choice(list(ontology.categories))
        synonyms = ontology.categories[name].synonyms
        return "type", rng.choice([name, *synonyms]).lower()
    attribute = _ATTRIBUTES.get(slot, slot)
    value = rng.choice(ontology.attributes[attribute].values)
    return _LABELS.get(slot, slot), phrase_of(attribute, value, ontology, rng)
