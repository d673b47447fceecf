"""The words of product copy: which state nothing, which mean the same, which follow from the kind of goods.

Reads `copy_words.yaml`. Called by `adapters.tasks.claims` and `adapters.tasks.sentences`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from adapters.words import fold, phrase_key

_SUFFIXES = tuple("ation ness ment able ible ing ion est ful ed er or en ly al y".split())
_INFLECTIONS = ("ing", "ed", "ly")
_VOWEL = re.compile("[aeiouy]")


@cache
def lexicon() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("copy_words.yaml").read_text("utf-8"))
    return content


@cache
def ordinary_words() -> frozenset[str]:
    """The reviewed words of copy that state nothing."""
    return frozenset(word for line in lexicon()["ordinary"].values() for word in line.split())


@cache
def same_words() -> dict[str, frozenset[str]]:
    """For each word or phrase those that mean the same."""
    groups: Iterable[list[str]] = lexicon()["same"]
    keyed = [frozenset(phrase_key(word) for word in group) for group in groups]
    return {word: frozenset().union(*(g for g in keyed if word in g)) for group in keyed for word in group}


@lru_cache(maxsize=65536)
def stems(word: str) -> frozenset[str]:
    """The word's singular and what remains without its suffixes: `cushioned`, `cushions` and `cushion` share one."""
    return frozenset(_without(word, _SUFFIXES, rounds=2))


def _without(word: str, suffixes: tuple[str, ...], rounds: int) -> set[str]:
    singular = fold(word)
    if singular.endswith("our") and len(singular) > 5:
        singular = f"{singular[:-3]}or"
    known = {singular}
    for _ in range(rounds):
        for stem in tuple(known):
            for suffix in suffixes:
                rest = stem.removesuffix(suffix)
                if rest != stem and len(rest) >= 3 and _VOWEL.search(rest):
                    known |= {rest, f"{rest}e"}
                    if rest[-1] == rest[-2]:
                        known.add(rest[:-1])
                    if rest[-1] == "i":
                        known.add(f"{rest[:-1]}y")
        known |= {stem[:-1] for stem in known if stem.endswith("e") and len(stem) > 4}
    return known


@cache
def _inflected() -> frozenset[str]:
    groups: dict[str, str] = lexicon()["ordinary"]
    return frozenset(word for name, line in groups.items() if name != "function" for word in line.split())


@lru_cache(maxsize=65536)
def is_ordinary(word: str) -> bool:
    """Whether the word, or what it is an inflection of, is one of the reviewed words."""
    known = ordinary_words()
    return word in known or fold(word) in known or not _inflected().isdisjoint(_without(word, _INFLECTIONS, rounds=1))


@cache
def unit_words() -> frozenset[str]:
    groups: list[list[str]] = lexicon()["same"]
    first = next(i for i, group in enumerate(groups) if group[0] == "inch")
    return frozenset(fold(word) for group in groups[first:] for word in group)
