"""Which inputs are the same or nearly the same, and which of them lie on both sides of a split.

Two inputs are near duplicates if the Jaccard similarity of their character trigrams is at least
`SIMILAR`. Titles have five to ten words: one changed word of six leaves 5/7 of the words in common,
so shingles of words jump over the threshold, while one changed letter of thirty leaves 0.83 of the
trigrams. Candidates come from MinHash with LSH bands; each is then compared exactly, so nothing is
called near that is not.

Knows texts only. Called by `check`, `split` and, for the proof, by `shoplora train` and `evaluate`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

SIMILAR = 0.8
SHINGLE = 3
# A pair of similarity s becomes a candidate with probability 1 - (1 - s^rows)^bands (Leskovec,
# Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.2): 0.99995 at 0.8, more above.
BANDS, ROWS = 25, 5
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
    """The character trigrams of a folded text; its ends count as spaces."""
    padded = f" {text} "
    return frozenset(padded[i : i + SHINGLE] for i in range(max(1, len(padded) - SHINGLE + 1)))


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Shared elements by all elements (Jaccard 1901)."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def near_pairs(texts: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """(earlier, later, similarity) of all pairs of different folded texts that are near."""
    sets = [shingles(text) for text in texts]
    signatures = _signatures(sets)
    index = _index(signatures)
    for i, signature in enumerate(signatures):
        for j in sorted(index.query(signature)):
            if j > i and (similarity := jaccard(sets[i], sets[j])) >= SIMILAR:
                yield i, j, similarity


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
    texts, sets = list(known), [shingles(text) for text in known]
    index = _index(_signatures(sets)) if others else None
    asked = [shingles(wanted[j]) for j in others]
    for j, said, signature in zip(others, asked, _signatures(asked), strict=True):
        near = ((jaccard(said, sets[i]), -i) for i in index.query(signature)) if index else ()
        similarity, i = max(near, default=(0.0, 0))
        if similarity >= SIMILAR:
            found.append(Leak(known[texts[-i]], j, similarity))
    return sorted(found, key=lambda leak: leak.held_out)


def _signatures(sets: Sequence[frozenset[str]]) -> list[Any]:
    from datasketch import MinHash

    spelled = [[shingle.encode("utf-8", "surrogatepass") for shingle in each] for each in sets]
    return list(MinHash.bulk(spelled, num_perm=BANDS * ROWS, hashfunc=crc32)) if spelled else []


def _index(signatures: Sequence[Any]) -> Any:
    from datasketch import MinHashLSH

    index = MinHashLSH(params=(BANDS, ROWS), num_perm=BANDS * ROWS)
    with index.insertion_session() as session:
        for i, signature in enumerate(signatures):
            session.insert(i, signature)
    return index
