"""Which inputs are the same or nearly the same, and which of them lie on both sides of a split.

Two inputs are near duplicates if the Jaccard similarity of their words' character trigrams is at
least `SIMILAR`, in whatever order the words come. Titles have five to ten words: one changed word
of six leaves 5/7 of the words in common, so shingles of words jump over the threshold, while one
changed letter of thirty leaves 0.8 of the trigrams. Candidates come from MinHash with LSH bands,
of which only a number a band is kept; each is then compared exactly, so nothing is called near
that is not.

Knows texts only. Called by `check`, `split` and, for the proof, by `shoplora train` and `evaluate`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
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


def input_text(request: Any) -> str:
    """All that a request says, as one text to compare: every string in it, in order."""
    return " ".join(_strings(request))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def folded(text: str) -> str:
    """What is left when case, marks, spaces and widths count for nothing, in any script."""
    bare = _MARKS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    return bare or text.strip()


def shingles(text: str) -> frozenset[str]:
    """The character trigrams of a folded text's words, each with its ends, in whatever order."""
    padded = (f" {word} " for word in text.split() or [""])
    return frozenset(word[i : i + SHINGLE] for word in padded for i in range(max(1, len(word) - SHINGLE + 1)))


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Shared elements by all elements (Jaccard 1901)."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def near_pairs(texts: Sequence[str], parted: int = 0) -> Iterator[tuple[int, int, float]]:
    """(earlier, later, similarity) of all pairs of different folded texts that are near.

    `parted`: only pairs of one before and one from this index on.
    """
    said = lru_cache(CACHED)(lambda i: shingles(texts[i]))
    for i, others in _candidates(texts, parted):
        for j in others:
            if (similarity := jaccard(said(i), said(j))) >= SIMILAR:
                yield i, j, similarity


def _candidates(texts: Sequence[str], parted: int) -> Iterator[tuple[int, list[int]]]:
    """(earlier, later ones) that share a band, each pair in the first band that it shares."""
    keys = _band_keys(texts)
    for band in range(BANDS):
        order = np.argsort(keys[:, band], kind="stable")
        own = keys[order, band]
        ends = np.flatnonzero(np.r_[True, own[1:] != own[:-1], True])
        shared = np.diff(ends) > 1
        for start, end in zip(ends[:-1][shared], ends[1:][shared], strict=True):
            for place in range(start, end - 1):
                i, later = order[place], order[place + 1 : end]
                if parted:
                    later = later[later >= parted] if i < parted else later[:0]
                met = (keys[later, :band] == keys[i, :band]).any(axis=1)
                yield int(i), later[~met].tolist()


def _band_keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """A row a text, a number a band: texts whose MinHash agrees in a band agree in its number."""
    from datasketch import MinHash

    spelled = ([s.encode("utf-8", "surrogatepass") for s in shingles(text)] for text in texts)
    signatures = MinHash.generator(spelled, num_perm=BANDS * ROWS, hashfunc=crc32)
    weights = np.random.default_rng(0).integers(1, 2**63, ROWS, dtype=np.uint64)
    keys = np.zeros((len(texts), BANDS), dtype=np.uint64)
    for row, signature in zip(keys, signatures, strict=True):
        row[:] = signature.hashvalues.reshape(BANDS, ROWS) @ weights
    return keys


def clusters(texts: Sequence[str]) -> list[int]:
    """A number for each text, the same for exact and near duplicates and what they link.

    Links are transitive: the first and the last of a chain share a number though they differ.
    """
    distinct: dict[str, int] = {}
    place = [distinct.setdefault(folded(text), len(distinct)) for text in texts]
    pairs = ((i, j) for i, j, _ in near_pairs(list(distinct)))
    roots = components(len(distinct), pairs)
    return [roots[i] for i in place]


def components(count: int, links: Iterable[tuple[int, int]]) -> list[int]:
    """For each of `count` things the root of its set, when linked things are in one set."""
    parents = list(range(count))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    for i, j in links:
        parents[root(i)] = root(j)
    return [root(i) for i in range(count)]


def leaks(train: Sequence[str], held_out: Sequence[str]) -> list[Leak]:
    """Every held-out text with an exact or near duplicate in the training texts.

    No leak means: none but for the one in 20,000 pairs at exactly `SIMILAR` that the bands miss.
    """
    known: dict[str, int] = {}
    for i, text in enumerate(train):
        known.setdefault(folded(text), i)
    wanted = [folded(text) for text in held_out]
    found = [Leak(known[text], j, 1.0) for j, text in enumerate(wanted) if text in known]
    others = [j for j, text in enumerate(wanted) if text not in known]
    texts, places = [*known, *(wanted[j] for j in others)], list(known.values())
    nearest: dict[int, tuple[float, int]] = {}
    for i, j, similarity in near_pairs(texts, len(known)) if known else ():
        nearest[j] = max(nearest.get(j, (0.0, 0)), (similarity, -i))
    found += [Leak(places[-i], others[j - len(known)], similarity) for j, (similarity, i) in nearest.items()]
    return sorted(found, key=lambda leak: leak.held_out)
