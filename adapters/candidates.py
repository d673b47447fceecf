"""The leaves of the taxonomy that the words of a title point at.

Compares words only; loads no model. Called by `adapters.tasks.classify`, whose prompt offers them to the model, and by
the baseline of training.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from math import log

from adapters.ontology import Ontology
from adapters.words import fold, phrase_key, words

COUNT = 6
LEAST = 0.3  # of the best leaf's score
WHOLE_PHRASE = 3.0  # score of a leaf whose name or synonym stands in the title as a whole, and 1 more for each word
LATER = 0.5  # score of standing last instead of first: the head noun is late
MODIFIER = 0.5  # weight of words behind the first preposition: a case for a phone is no phone
_PREPOSITIONS = frozenset(["for", "with", "w", "by", "from", "in", "of", "on", "to", "compatible", "fits", "without"])
_EMPTY = frozenset("and or the a an & set pack pair piece kit".split()) | _PREPOSITIONS
_LOOKS = ("color", "pattern", "gender", "age_group", "size", "condition")  # attributes whose words name no goods
_JOINED_NUMBER = re.compile(r"(?<=[^\W\d_]{3})(?=\d)")  # laptop15


@dataclass(frozen=True, slots=True)
class _Index:
    """Leaves by whole phrase, without spaces, and by single word; the weight of each word."""

    phrases: dict[str, tuple[str, int]]  # leaf, words
    words: dict[str, tuple[str, ...]]
    weights: dict[str, float]
    longest: int


@lru_cache(maxsize=4)
def _index(ontology: Ontology) -> _Index:
    phrases: dict[str, tuple[str, int]] = {}
    empty = _EMPTY | {
        fold(phrase)
        for name in _LOOKS
        if name in ontology.attributes
        for value in ontology.attributes[name].values
        for phrase in (value, *ontology.phrases(name, value))
    }
    leaves_of: dict[str, dict[str, None]] = defaultdict(dict)
    for name, category in ontology.categories.items():
        for phrase in (name, *category.synonyms):
            parts = phrase_key(phrase).split()
            phrases.setdefault("".join(parts), (name, len(parts)))
            for word in parts:
                if word not in empty and not word.isdigit():
                    leaves_of[word][name] = None
    counts = Counter({word: len(leaves) for word, leaves in leaves_of.items()})
    return _Index(
        phrases=phrases,
        words={word: tuple(leaves) for word, leaves in leaves_of.items()},
        weights={word: log(1 + len(ontology.categories) / count) for word, count in counts.items()},
        longest=max((size for _, size in phrases.values()), default=0),
    )


def candidates(title: str, ontology: Ontology, count: int = COUNT) -> list[str]:
    """Names of at most `count` leaves that share words with the title, the best match first.

    A leaf's score is the sum of the weights of those words of its name and synonyms that the title has, and more for a
    whole name or synonym. A word's weight is log(1 + leaves / leaves with the word).
    """
    index = _index(ontology)
    parts = [part for word in words(_JOINED_NUMBER.sub(" ", title)) for part in fold(word).split()]
    head = next((i for i, part in enumerate(parts) if i and part in _PREPOSITIONS), len(parts))
    scores: dict[str, float] = defaultdict(float)

    def place(start: int, end: int) -> float:
        return 1.0 + LATER * end / len(parts) if start < head else MODIFIER

    for i, part in enumerate(dict.fromkeys(parts)):
        for leaf in index.words.get(part, ()):
            scores[leaf] += index.weights[part] * place(i, i + 1)
    spans = [
        (start, end)
        for start in range(len(parts))
        for end in range(start + 1, min(start + index.longest, len(parts)) + 1)
        if "".join(parts[start:end]) in index.phrases
    ]
    for start, end in spans:
        if not any(first <= start and end <= last and (first, last) != (start, end) for first, last in spans):
            leaf, size = index.phrases["".join(parts[start:end])]
            scores[leaf] += (WHOLE_PHRASE + size) * place(start, end)
    least = LEAST * max(scores.values(), default=0.0)
    return [leaf for leaf in sorted(scores, key=lambda leaf: -scores[leaf])[:count] if scores[leaf] >= least]
