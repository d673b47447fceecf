"""Generates product titles for every leaf of the taxonomy. Called by `training.tasks.classify`."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator

from adapters.candidates import candidates
from adapters.ontology import Ontology
from adapters.tasks import classify
from training.tasks.synthesis import phrase_of
from training.text import is_acceptance

_TITLES = (
    "{brand} {color} {type} | {brand} {gender} {color} {type} | {brand} {type} {model} | "
    "{brand} {model} {type} {measure} | {type} {color} {gender} | {type} {measure} {color} | "
    "{feature} {material} {type} | {brand} {feature} {type} {measure} {color} | {color} {material} {type} {gender} | "
    "{brand} {pattern} {type} {gender} | {gender} {type} {color} {measure} | "
    "{brand} {material} {type} with {feature} {measure} | {type} {brand} {condition} | "
    "{type} for {occasion} {color} | {measure} {type} {material}"
).split(" | ")
_SYLLABLES = "ver mo lan tek ora sun kin dal fex bri zu nor el pra vis hol ami gre sto qua".split()
_MEASURES = (
    '{n} pack | pack of {n} | {n}pcs | set of {n} | {n} oz | {n}oz | {n} ml | XL | {n}ml | {n} inch | {n}" | '
    "{n} cm | {n}x{n} | {n} count | {n}L | {n}kg | size {n} | {n} ft | {n}W | {n}pk"
).split(" | ")
_GENDERS = {
    "men": ("men", "mens", "men's", "gents", "for him"),
    "boys": ("boys", "boy's"),
    "women": ("women", "womens", "women's", "ladies", "for her"),
    "girls": ("girls", "girl's"),
    "unisex": ("unisex",),
}
_HINT_SHARE = 0.2  # of the titles of a leaf with hints; such a title has a brand or product line instead of a name
_TYPO_SHARE = 0.1  # of the titles; a typo drops, doubles or swaps one letter


def titles(ontology: Ontology, per_leaf: int, seed: int) -> Iterator[tuple[str, classify.Labels]]:
    """At most `per_leaf` pairs of a title and its labels for every leaf of the taxonomy."""
    rng = random.Random(seed)
    for leaf in ontology.categories:
        for _ in range(per_leaf):
            title, labels = _title(leaf, ontology, rng)
            if _is_of(leaf, title, ontology) and not is_acceptance(title):
                yield _with_typo(title, rng) if rng.random() < _TYPO_SHARE else title, labels


def _is_of(leaf: str, title: str, ontology: Ontology) -> bool:
    """Whether a title names the leaf, or names none and points at it."""
    category = ontology.category_in(title)
    return category.name == leaf if category else leaf in candidates(title, ontology)


def _title(leaf: str, ontology: Ontology, rng: random.Random) -> tuple[str, classify.Labels]:
    """A title that has one of the leaf's names or hints, and its labels."""
    category = ontology.categories[leaf]
    hints = ontology.hints.get(leaf, ())
    names = hints if hints and rng.random() < _HINT_SHARE else (leaf, *category.synonyms)
    tokens: list[str] = []
    attributes: dict[str, str] = {}
    for token in rng.choice(_TITLES).split():
        slot = token.strip("{}")
        if slot == token:
            tokens.append(token)
        elif slot == "type":
            tokens.append(rng.choice(names))
        elif slot == "brand":
            tokens.append("".join(rng.choices(_SYLLABLES, k=rng.randint(1, 3))).title())
        elif slot == "model":
            tokens.append(f"{rng.choice('ABCGHKMSTX')}{rng.choice('DLRX')}{rng.randint(2, 999)}")
        elif slot == "measure":
            tokens.append(rng.choice(_MEASURES).replace("{n}", str(rng.randint(1, 60))))
        elif slot == "gender":
            attributes["gender"] = rng.choice(list(_GENDERS))
            tokens.append(rng.choice(_GENDERS[attributes["gender"]]))
        else:
            value = rng.choice(ontology.attributes[slot].values)
            tokens.append(phrase_of(slot, value, ontology, rng))
            if slot == "color":
                attributes["color"] = value
    title = " ".join(tokens)
    title = rng.choice((title.lower(), string.capwords(title), title))
    known = {name: value for name, value in attributes.items() if ontology.applies(name, category)}
    return title, classify.Labels(category=leaf, attributes=known)


def _with_typo(title: str, rng: random.Random) -> str:
    place = rng.randrange(len(title) - 1)
    first, second = title[place], title[place + 1]
    typed = rng.choice((second, first + first + second, second + first))
    return title[:place] + typed + title[place + 2 :]
