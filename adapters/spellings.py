"""Misspelt and shortened words: which word of a vocabulary an unknown one stands for.

A word with one slip (`keybaord`), without vowels (`blndr`) or cut off (`proj`) stands for a word if for no other.
Called by `adapters.candidates`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

SHORTEST = 5  # letters of a word that may be misspelt, and of one that may be shortened
SHORTEST_START = 4  # letters of the beginning of a word that may stand for it
SHORTEST_SKELETON = 3  # consonants of a word that may stand for it
_VOWELS = re.compile("[aeiou]")


class Spellings:
    """Looks an unknown word up by the forms of the known ones: after the symmetric deletes of SymSpell (Garbe 2012)."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        deletes: dict[str, set[str]] = defaultdict(set)
        starts: dict[str, set[str]] = defaultdict(set)
        skeletons: dict[str, set[str]] = defaultdict(set)
        for word in vocabulary:
            if len(word) >= SHORTEST and word.isalpha():
                for form in {word, *_without_one_letter(word)}:
                    deletes[form].add(word)
                for length in range(SHORTEST_START, len(word)):
                    starts[word[:length]].add(word)
                skeletons[_skeleton(word)].add(word)
        self._deletes, self._starts, self._skeletons = map(_unambiguous, (deletes, starts, skeletons))

    def correct(self, word: str) -> str | None:
        """The one word that an unknown word stands for; None if there is none or several are as near."""
        if not word.isalpha():
            return None
        skeleton = _skeleton(word)
        full = self._skeletons.get(skeleton) if len(skeleton) >= SHORTEST_SKELETON else None
        if full and _is_subsequence(word, full):
            return full
        if full := self._starts.get(word):
            return full
        forms = [word, *sorted(_without_one_letter(word))] if len(word) >= SHORTEST else []
        return next((known for form in forms if (known := self._deletes.get(form)) and _is_one_slip(word, known)), None)


def _unambiguous(words_of: dict[str, set[str]]) -> dict[str, str]:
    return {form: next(iter(words)) for form, words in words_of.items() if len(words) == 1}


def _skeleton(word: str) -> str:
    """The first letter and the consonants after it."""
    return word[0] + _VOWELS.sub("", word[1:])


def _without_one_letter(word: str) -> set[str]:
    """The word without each of its letters but the first."""
    return {word[:i] + word[i + 1 :] for i in range(1, len(word))}


def _is_subsequence(short: str, word: str) -> bool:
    letters = iter(word)
    return len(short) < len(word) and all(letter in letters for letter in short)


def _is_one_slip(typed: str, word: str) -> bool:
    """Of words that are equal without one letter: whether a letter is missing, added, another or one place away."""
    wrong = [i for i, (one, other) in enumerate(zip(typed, word, strict=False)) if one != other]
    if len(typed) != len(word) or len(wrong) < 2:
        return True
    first, second = wrong[:2]
    return len(wrong) == 2 and second == first + 1 and typed[first] == word[second] and typed[second] == word[first]
