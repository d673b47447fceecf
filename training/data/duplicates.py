"""Which inputs are the same or nearly the same, and which of them are on both sides of a split.

Two inputs are near duplicates if the Jaccard similarity of their words' character trigrams is at least
`SIMILAR`; the order of words does not count. Titles have five to ten words: with one of six words changed, word
shingles share only 5/7, while one changed letter of thirty leaves 0.8 of the trigrams. MinHash with LSH bands
gives candidates; each candidate is compared exactly, so there are no false pairs.

Knows texts only. Called by `check`, `split` and the proof that splits do not leak.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

SIMILAR = 0.8
SHINGLE = 3
# A pair of similarity s becomes a candidate with probability 1 - (1 - s^rows)^bands (Leskovec,
# Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.2): 0.99995 at 0.8, more above.
BANDS, ROWS = 25, 5
CACHED = 10_000  # sets of trigrams, each of some kilobytes
_MARKS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Leak:
    """A held-out text (by index) and the training text (by index) that is most like it."""

    train: int
    held_out: int
    similarity: float


def folded(text: str) -> str:
    """The text without case, marks and differences of space and width, in any script."""
    bare = _MARKS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    return bare or text.strip()


def shingles(text: str) -> frozenset[str]:
    """The character trigrams of a folded text's words, each word padded by a space on both sides."""
    padded = (f" {word} " for word in text.split() or [""])
    return frozenset(word[i : i + SHINGLE] for word in padded for i in range(max(1, len(word) - SHINGLE + 1)))


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Size of the intersection by size of the union (Jaccard 1901)."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def near_pairs(texts: Sequence[str], parted: int = 0) -> Iterator[tuple[int, int, float]]:
    """(earlier, later, similarity) of all pairs of different folded texts that are near.

    `parted`: if not 0, only pairs of an index below it and one from it on.
    """
    trigrams = lru_cache(CACHED)(lambda i: shingles(texts[i]))
    for i, others in _candidates(texts, parted):
        for j in others:
            if (similarity := jaccard(trigrams(i), trigrams(j))) >= SIMILAR:
                yield i, j, similarity


def _candidates(texts: Sequence[str], parted: int) -> Iterator[tuple[int, list[int]]]:
    """Index and later indices that share a band; each pair comes once, in the first band that it shares."""
    keys = _band_keys(texts)
    for band in range(BANDS):
        order = np.argsort(keys[:, band], kind="stable")
        sorted_keys = keys[order, band]
        ends = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1], True])
        shared = np.diff(ends) > 1
        for start, end in zip(ends[:-1][shared], ends[1:][shared], strict=True):
            for place in range(start, end - 1):
                i, later = order[place], order[place + 1 : end]
                if parted:
                    later = later[later >= parted] if i < parted else later[:0]
                seen = (keys[later, :band] == keys[i, :band]).any(axis=1)
                yield int(i), later[~seen].tolist()


def _band_keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """Keys of shape (texts, bands): two texts have the same key in a band if their MinHash agrees there."""
    from datasketch import MinHash

    encoded = ([s.encode("utf-8", "surrogatepass") for s in shingles(text)] for text in texts)
    signatures = MinHash.generator(encoded, num_perm=BANDS * ROWS, hashfunc=crc32)
    weights = np.random.default_rng(0).integers(1, 2**63, ROWS, dtype=np.uint64)
    keys = [signature.hashvalues.reshape(BANDS, ROWS) @ weights for signature in signatures]
    return np.array(keys, dtype=np.uint64).reshape(-1, BANDS)


def clusters(texts: Sequence[str]) -> list[int]:
    """A number for each text, equal for exact and near duplicates.

    Links are transitive: the first and the last of a chain have one number though they differ.
    """
    places: dict[str, int] = {}
    positions = [places.setdefault(folded(text), len(places)) for text in texts]
    numbers = components(len(places), ((i, j) for i, j, _ in near_pairs(list(places))))
    return [numbers[i] for i in positions]


def components(count: int, links: Iterable[tuple[int, int]]) -> list[int]:
    """The number of its connected component for each of the nodes 0 to `count` - 1."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.array(list(links), dtype=np.int32).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return list(connected_components(graph, directed=False)[1].tolist()) if count else []


def leaks(train: Sequence[str], held_out: Sequence[str]) -> list[Leak]:
    """Every held-out text with an exact or near duplicate in the training texts.

    A pair of similarity exactly `SIMILAR` is missed with a probability of 1 in 20,000 (see `BANDS`).
    """
    places: dict[str, int] = {}
    for i, text in enumerate(train):
        places.setdefault(folded(text), i)
    folded_held_out = [folded(text) for text in held_out]
    exact = [Leak(places[text], j, 1.0) for j, text in enumerate(folded_held_out) if text in places]
    others = [j for j, text in enumerate(folded_held_out) if text not in places]
    texts, train_places = [*places, *(folded_held_out[j] for j in others)], list(places.values())
    nearest: dict[int, tuple[float, int]] = {}
    for i, j, similarity in near_pairs(texts, len(places)) if places else ():
        nearest[j] = max(nearest.get(j, (0.0, 0)), (similarity, -i))
    near = [Leak(train_places[-i], others[j - len(places)], similarity) for j, (similarity, i) in nearest.items()]
    return sorted(exact + near, key=lambda leak: leak.held_out)
