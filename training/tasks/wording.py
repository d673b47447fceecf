"""How texts are worded: variety, repetition, and the editing that a reference is away.

Knows words, no task and no model. Called by `training.evaluation.metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

REPEATED = 4  # words in a row


def distinct(texts: Sequence[str], n: int) -> float:
    """Different n-grams among all of the texts (Li et al. 2016, https://aclanthology.org/N16-1014).

    It falls with the number of texts: compare sides on the same requests only.
    """
    grams = [gram for text in texts for gram in _grams(text, n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def repetition(text: str) -> float:
    """Share of a text's four-word sequences that it said before (Welleck et al. 2020)."""
    grams = _grams(text, REPEATED)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def edit_distance(text: str, reference: str) -> float:
    """Words to insert, drop or change (Levenshtein), as a share of the longer text's words."""
    said, wanted = text.split(), reference.split()
    codes = {word: code for code, word in enumerate({*said, *wanted})}
    columns = np.array([codes[word] for word in wanted], dtype=int)
    places = np.arange(len(wanted) + 1)
    row = places
    for n, word in enumerate(said, 1):
        changed = row[:-1] + (columns != codes[word])
        best = np.concatenate(([n], np.minimum(row[1:] + 1, changed)))
        row = np.minimum.accumulate(best - places) + places  # insertions, from left to right
    longest = max(len(said), len(wanted))
    return float(row[-1] / longest) if longest else 0.0


def _grams(text: str, n: int) -> list[tuple[str, ...]]:
    said = text.lower().split()
    return [tuple(said[i : i + n]) for i in range(len(said) - n + 1)]
