"""How texts are worded: variety, repetition, and the edits between a text and its reference. Knows no task."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

REPEATED = 4  # words in a row


def distinct(texts: Sequence[str], n: int) -> float:
    """Different n-grams among all of the texts (Li et al. 2016, https://aclanthology.org/N16-1014).

    It falls with the number of texts: compare sides on the same requests only.
    """
    grams = [gram for text in texts for gram in _grams(text, n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def repetition(text: str) -> float:
    """The share of a text's four-word sequences that occurred before in it (Welleck et al. 2020)."""
    grams = _grams(text, REPEATED)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def edit_distance(text: str, reference: str) -> float:
    """Words to insert, delete or replace (Levenshtein), as a share of the longer text's words."""
    return Levenshtein.normalized_distance(text.split(), reference.split())


def _grams(text: str, n: int) -> list[tuple[str, ...]]:
    words = text.lower().split()
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
