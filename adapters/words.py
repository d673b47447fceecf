"""How text is split into words and how words are compared: one definition for the whole project.

Does not know what words mean. Called by the ontology, the tasks and training.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

# Plurals that do not mean several of their singular: glasses are eyewear, roses no color, laces no lace.
_NOT_PLURALS = frozenset({"glasses", "roses", "oranges", "peaches", "olives", "laces", "straws"})
_SINGULAR = {
    **{f"{stem}ves": f"{stem}f" for stem in ("shel", "scar", "loa", "hal", "cal", "wol", "thie", "lea", "el", "hoo")},
    **{f"{stem}ves": f"{stem}fe" for stem in ("kni", "wi")},
}


def words(text: str) -> list[str]:
    """Lower-cased words: split at white space, surrounding punctuation other than $ £ € % removed."""
    bare = (_bare(word) for word in text.replace("\u2019", "'").lower().split())
    return [word for word in bare if word]


def _bare(word: str) -> str:
    start, end = 0, len(word)
    while start < end and _is_punctuation(word[start]):
        start += 1
    while end > start and _is_punctuation(word[end - 1]):
        end -= 1
    return word[start:end]


def _is_punctuation(char: str) -> bool:
    return not char.isalnum() and char not in "$£€%" and unicodedata.category(char)[0] in "PSCZ"


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """A word in the form in which words are compared: no apostrophes, hyphens as spaces, singular."""
    return " ".join(_singular(part) for part in word.replace("'", "").split("-") if part)


def _singular(word: str) -> str:
    if word in _SINGULAR:
        return _SINGULAR[word]
    if word.endswith("ie") and len(word) > 4:
        return word[:-2] + "y"
    if len(word) <= 3 or not word.endswith("s") or word in _NOT_PLURALS:
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "ches", "shes", "xes")):
        return word[:-2]
    return word if word.endswith(("ss", "us", "is")) else word[:-1]


def phrase_key(text: str) -> str:
    """A key that is equal for phrases that differ only in case, hyphens and plural."""
    return " ".join(map(fold, words(text)))


def phrases_in(text: str, longest: int) -> Iterator[tuple[str, int, int]]:
    """Every run of at most `longest` words: its key, first word and the word after its last."""
    folded = [fold(word) for word in words(text)]
    for start, key in enumerate(folded):
        yield key, start, start + 1
        for end in range(start + 1, min(start + longest, len(folded))):
            key = f"{key} {folded[end]}"
            yield key, start, end + 1
