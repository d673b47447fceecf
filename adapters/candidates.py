"""The leaves of the taxonomy that the words of a title point at.

Compares words only; loads no model. Called by `adapters.tasks.classify`, whose prompt offers them to the model, and by
the baseline of training.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import log

from adapters.ontology import Ontology
from adapters.spellings import Spellings
from adapters.words import fold, phrase_key, words

COUNT = 6
LEAST = 0.3  # of the best leaf's score
WHOLE_PHRASE = 3.0  # score of a leaf whose name or synonym stands in the title as a whole, and 1 more for each word
HINT = 4.0  # the same for a hint of the ontology
LATER = 0.5  # score of standing last instead of first: the head noun is late
MODIFIER = 0.5  # weight of words behind the first preposition: a case for a phone is no phone
PACKING = 0.3  # weight of a container with an amount beside it: 12 cans
NOT_LAST = 0.7  # weight of a word that the names of a leaf have only before their last word
CORRECTED = 0.8  # weight of a word that stands for another
_PREPOSITIONS = frozenset("for with w w/ by from in of on to compatible fits without".split())
_EMPTY = frozenset("and or the a an & set pack pair piece kit one two three all".split()) | _PREPOSITIONS
_LOOKS = ("color", "pattern", "gender", "age_group", "size", "condition")  # attributes whose words name no goods
_JOINED_NUMBER = re.compile(r"(?<=[^\W\d_]{3})(?=\d)")  # laptop15
_CONTAINERS = frozenset("can jar bottle tub tin bag box pouch roll tube carton case bucket pail jug packet".split())
_AMOUNT = re.compile(r"\d[\d.,/]*(?:[a-z]{1,5})?|oz|ml|l|g|kg|lbs?|gal|ct|count|pk|cl|qt|pcs|dbl|double")
Leaves = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Index:
    """Leaves by whole phrase and by hint, both without spaces; by word, with its weight; words that are no misspelling.

    `longest`: words of the longest phrase or hint.
    """

    phrases: dict[str, Leaves]
    hints: dict[str, Leaves]
    words: dict[str, dict[str, float]]
    spellings: Spellings
    known: frozenset[str]
    longest: int


@lru_cache(maxsize=4)
def _index(ontology: Ontology) -> _Index:
    leaves_of: dict[str, dict[str, float]] = defaultdict(dict)
    empty = _EMPTY.union(*map(_split, _value_phrases(ontology, _LOOKS, longest=1)))
    names = {name: (name, *category.synonyms) for name, category in ontology.categories.items()}
    for leaf, phrases in names.items():
        for parts in map(_split, phrases):
            for word in parts:
                if len(word) > 1 and word not in empty and not word.isdigit():
                    share = 1.0 if word == parts[-1] else NOT_LAST
                    leaves_of[word][leaf] = max(share, leaves_of[word].get(leaf, 0.0))
    total = len(ontology.categories)
    hints = [hint for listed in ontology.hints.values() for hint in listed]
    others = [*_value_phrases(ontology, ontology.attributes), *hints]
    sizes = [len(_split(phrase)) for phrase in (*chain.from_iterable(names.values()), *hints)]
    return _Index(
        phrases=_by_phrase(names),
        hints=_by_phrase(ontology.hints),
        words={
            word: {leaf: share * log(1 + total / len(leaves)) for leaf, share in leaves.items()}
            for word, leaves in leaves_of.items()
        },
        spellings=Spellings(leaves_of),
        known=frozenset(leaves_of).union(*map(_split, others)),
        longest=max(sizes, default=0),
    )


def _split(phrase: str) -> list[str]:
    return phrase_key(phrase).split()


def _by_phrase(phrases_of: Mapping[str, Leaves]) -> dict[str, Leaves]:
    """The leaves of each phrase without its spaces."""
    leaves: dict[str, list[str]] = defaultdict(list)
    for leaf, phrases in phrases_of.items():
        for joined in dict.fromkeys("".join(_split(phrase)) for phrase in phrases):
            leaves[joined].append(leaf)
    return {joined: tuple(listed) for joined, listed in leaves.items()}


def _value_phrases(ontology: Ontology, names: Iterable[str], longest: int = 9) -> Iterator[str]:
    """The phrases of at most so many words that name values of these attributes."""
    for name in names:
        if name in ontology.attributes:
            for value in ontology.attributes[name].values:
                yield from (p for p in (value, *ontology.phrases(name, value)) if len(_split(p)) <= longest)


def candidates(title: str, ontology: Ontology, count: int = COUNT) -> list[str]:
    """Names of at most `count` leaves that share words with the title, the best match first.

    A leaf's score is the sum of the weights of those words of its name and synonyms that the title has, and more for a
    whole name, synonym or hint. A word's weight is log(1 + leaves / leaves with the word).
    """
    index = _index(ontology)
    parts = [part for word in words(_JOINED_NUMBER.sub(" ", title)) for part in fold(word).split()]
    head = next((i for i, part in enumerate(parts) if i and part in _PREPOSITIONS), len(parts))
    scores: dict[str, float] = defaultdict(float)

    def place(start: int, end: int) -> float:
        weight = 1.0 + LATER * end / len(parts) if start < head else MODIFIER
        return weight * PACKING if end == start + 1 and _is_packing(parts, start) else weight

    for i, part in enumerate(dict.fromkeys(parts)):
        for leaf, weight in _leaves_of(part, index).items():
            scores[leaf] += weight * place(i, i + 1)
    for phrases, score in ((index.phrases, WHOLE_PHRASE), (index.hints, HINT)):
        for start, end in _spans(parts, phrases, index.longest):
            for leaf in phrases["".join(parts[start:end])]:
                scores[leaf] += (score + end - start) * place(start, end)
    least = LEAST * max(scores.values(), default=0.0)
    return [leaf for leaf in sorted(scores, key=lambda leaf: -scores[leaf])[:count] if scores[leaf] >= least]


def _leaves_of(word: str, index: _Index) -> dict[str, float]:
    if word in index.known:
        return index.words.get(word, {})
    corrected = index.spellings.correct(word)
    return {leaf: CORRECTED * weight for leaf, weight in index.words[corrected].items()} if corrected else {}


def _spans(parts: list[str], phrases: Mapping[str, Leaves], longest: int) -> list[tuple[int, int]]:
    """First word and word after the last of each phrase that is within no longer one."""
    spans = [
        (start, end)
        for start in range(len(parts))
        for end in range(start + 1, min(start + longest, len(parts)) + 1)
        if "".join(parts[start:end]) in phrases
    ]
    return [
        (start, end)
        for start, end in spans
        if not any(first <= start and end <= last and last - first > end - start for first, last in spans)
    ]


def _is_packing(parts: list[str], i: int) -> bool:
    """Whether a word is a container whose contents an amount beside it says: `12 cans`, `jar 16 oz`."""
    beside = (*parts[max(i - 1, 0) : i], *parts[i + 1 : i + 2])
    return parts[i] in _CONTAINERS and any(map(_AMOUNT.fullmatch, beside))
