"""The leaves of the taxonomy that the words of a title point at.

Compares words only; loads no model. Called by `adapters.tasks.classify`, whose prompt offers them to the model, and by
the baseline of training.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import log

from adapters.ontology import Ontology
from adapters.words import fold, phrase_key, words

COUNT = 6
LEAST = 0.3  # of the best leaf's score
WHOLE_PHRASE = 3.0  # score of a leaf whose name or synonym stands in the title as a whole, and 1 more for each word
HINT = 4.0  # the same for a hint of the ontology
LATER = 0.5  # score of standing last instead of first: the head noun is late
MODIFIER = 0.5  # weight of words behind the first preposition: a case for a phone is no phone
PACKING = 0.3  # weight of a container with a number beside it: 12 cans
OF_NAME = 0.7  # weight of a word that is in names of a leaf only before their last word
CORRECTED = 0.8  # weight of a word that is written as no word is
SHORTEST = 5  # letters of a word that may be misspelt
SHORTEST_STEM = 4  # letters of the beginning of a word that may stand for it
_PREPOSITIONS = frozenset(
    ["for", "with", "w", "w/", "by", "from", "in", "of", "on", "to", "compatible", "fits", "without"]
)
_EMPTY = frozenset("and or the a an & set pack pair piece kit one two three all".split()) | _PREPOSITIONS
_LOOKS = ("color", "pattern", "gender", "age_group", "size", "condition")  # attributes whose words name no goods
_CONTAINERS = frozenset(
    "can jar bottle tub tin bag box pouch roll tube carton case bucket pail jug packet sheet".split()
)
_JOINED_NUMBER = re.compile(r"(?<=[^\W\d_]{3})(?=\d)")  # laptop15
_AMOUNT = re.compile(r"\d[\d.,/]*(?:[a-z]{1,5})?")
_UNITS = frozenset("oz ml l ltr g kg lb lbs gal ct count pk pack cl qt fl pcs dbl double x".split())
_VOWELS = re.compile("[aeiou]")


@dataclass(frozen=True, slots=True)
class _Index:
    """Leaves by whole phrase, without spaces, and by single word; the weight of each word; words by their misspellings.

    `hints`: the leaves that a hint points at, by its words without spaces.
    """

    phrases: dict[str, tuple[str, int]]  # leaf, words
    hints: dict[str, tuple[str, ...]]
    words: dict[str, dict[str, float]]
    spellings: dict[str, str]
    known: frozenset[str]
    longest: int


@lru_cache(maxsize=4)
def _index(ontology: Ontology) -> _Index:
    phrases: dict[str, tuple[str, int]] = {}
    hints: dict[str, dict[str, None]] = defaultdict(dict)
    looks = {
        fold(phrase)
        for name in ontology.attributes
        for value in ontology.attributes[name].values
        for phrase in (value, *ontology.phrases(name, value))
        if name in _LOOKS
    }
    empty = _EMPTY | looks
    leaves_of: dict[str, dict[str, float]] = defaultdict(dict)
    for name, category in ontology.categories.items():
        for phrase in (name, *category.synonyms):
            parts = phrase_key(phrase).split()
            phrases.setdefault("".join(parts), (name, len(parts)))
            for word in parts:
                if len(word) > 1 and word not in empty and not word.isdigit():
                    weight = 1.0 if word == parts[-1] else OF_NAME
                    leaves_of[word][name] = max(weight, leaves_of[word].get(name, 0.0))
        for hint in ontology.hints.get(name, ()):
            hints["".join(phrase_key(hint).split())][name] = None
    sizes = [size for _, size in phrases.values()]
    sizes += [len(phrase_key(hint).split()) for listed in ontology.hints.values() for hint in listed]
    values = {
        word
        for name, attribute in ontology.attributes.items()
        for value in attribute.values
        for phrase in (value, *ontology.phrases(name, value))
        for word in phrase_key(phrase).split()
    }
    return _Index(
        phrases=phrases,
        hints={key: tuple(leaves) for key, leaves in hints.items()},
        words={word: _weighted(leaves, len(ontology.categories)) for word, leaves in leaves_of.items()},
        spellings=_spellings(leaves_of),
        known=frozenset(leaves_of)
        | values
        | frozenset(w for l in ontology.hints.values() for h in l for w in phrase_key(h).split()),
        longest=max(sizes, default=0),
    )


def _weighted(leaves: dict[str, float], total: int) -> dict[str, float]:
    return {leaf: weight * log(1 + total / len(leaves)) for leaf, weight in leaves.items()}


def _spellings(known: Iterable[str]) -> dict[str, str]:
    """The words by what is left of them without one letter, without vowels (`=`) and of their beginnings (`^`); nothing
    that two words share.
    """
    of: dict[str, set[str]] = defaultdict(set)
    for word in known:
        if len(word) >= SHORTEST and word.isalpha():
            for form in {word, *_shortened(word)}:
                of[form].add(word)
            skeleton = word[0] + _VOWELS.sub("", word[1:])
            if len(skeleton) >= 3:
                of["=" + skeleton].add(word)
            for length in range(SHORTEST_STEM, len(word)):
                of["^" + word[:length]].add(word)
    return {form: one for form, several in of.items() if len(several) == 1 for one in several}


def _shortened(word: str) -> set[str]:
    """A word without one of its letters, the first excepted."""
    return {word[:i] + word[i + 1 :] for i in range(1, len(word))}


def _corrected(word: str, index: _Index) -> str | None:
    """The word of the taxonomy that an unknown word is a misspelling or an abbreviation of."""
    if word in index.known or not word.isalpha():
        return None
    skeleton = word[0] + _VOWELS.sub("", word[1:])
    full = index.spellings.get("=" + skeleton)
    if full and _is_abbreviation(word, full):
        return full
    if len(word) >= SHORTEST_STEM and (full := index.spellings.get("^" + word)):
        return full
    if len(word) < SHORTEST:
        return None
    forms = (word, *sorted(_shortened(word)))
    return next((known for form in forms if (known := index.spellings.get(form)) and _is_one_slip(word, known)), None)


def _is_abbreviation(short: str, word: str) -> bool:
    """Whether the letters of a shorter word stand in a word in their order."""
    letters = iter(word)
    return len(short) < len(word) and all(letter in letters for letter in short)


def _is_one_slip(typed: str, word: str) -> bool:
    """Whether one letter is missing, added or another, or two neighbours have changed places."""
    if len(typed) != len(word):
        return True  # of words that share a form without one letter
    wrong = [i for i, (one, other) in enumerate(zip(typed, word, strict=True)) if one != other]
    return len(wrong) < 2 or (wrong[1] - wrong[0] == 1 and typed[wrong[0]] == word[wrong[1]] and len(wrong) == 2)


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
        return weight * (PACKING if end == start + 1 and _is_packing(parts, start) else 1.0)

    for i, part in enumerate(dict.fromkeys(parts)):
        known = part if part in index.words else _corrected(part, index)
        for leaf, weight in index.words.get(known or "", {}).items():
            scores[leaf] += weight * place(i, i + 1) * (1.0 if known == part else CORRECTED)
    for phrases, score in ((index.phrases, WHOLE_PHRASE), (index.hints, HINT)):
        spans = [
            (start, end)
            for start in range(len(parts))
            for end in range(start + 1, min(start + index.longest, len(parts)) + 1)
            if "".join(parts[start:end]) in phrases
        ]
        for start, end in spans:
            if not any(first <= start and end <= last and (first, last) != (start, end) for first, last in spans):
                target = phrases["".join(parts[start:end])]
                leaves = (target[0],) if phrases is index.phrases else target
                for leaf in leaves:
                    scores[leaf] += (score + end - start) * place(start, end)
    least = LEAST * max(scores.values(), default=0.0)
    return [leaf for leaf in sorted(scores, key=lambda leaf: -scores[leaf])[:count] if scores[leaf] >= least]


def _is_packing(parts: list[str], i: int) -> bool:
    """Whether a word is a container whose contents an amount beside it says: `12 cans`, `jar 16 oz`."""
    if parts[i] not in _CONTAINERS:
        return False
    return any(_AMOUNT.fullmatch(part) or part in _UNITS for part in (*parts[max(i - 1, 0) : i], *parts[i + 1 : i + 2]))
