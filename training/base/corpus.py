"""The text that the demo base is pretrained on, evaluation items removed. Knows no label.

Reviews, titles, queries and product copy of the training splits, each kind with a weight; called by
`training.base.pretrain`. Stars, categories, tags and triplets stay behind: only text comes through.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from training.public import readers as datasets
from training.text import is_acceptance, key

NGRAM = 8  # words that a review may not share with an evaluation item
REVIEW_CASE_KEPT = 0.15  # the tasks lower-case reviews, titles and queries; so does most of this text


@dataclass(slots=True)
class Corpus:
    """Plain texts by kind, with how often each kind is read in one pass."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    passes: dict[str, int] = field(default_factory=dict)
    removed: int = 0

    def stream(self, seed: int) -> Iterator[str]:
        """Every text as often as its kind's passes say, shuffled."""
        order = [t for kind, texts in self.texts.items() for t in texts * self.passes[kind]]
        random.Random(seed).shuffle(order)
        yield from order


def read(seed: int = 0) -> Corpus:
    """All kinds of text, evaluation items removed."""
    rng = random.Random(seed)
    held_out = _Heldout()
    corpus = Corpus()

    def add(kind: str, passes: int, texts: Iterable[str], lower: float) -> None:
        kept = []
        for text in dict.fromkeys(texts):
            if not text or held_out.holds(text) or is_acceptance(text):
                corpus.removed += 1
                continue
            kept.append(text.lower() if rng.random() < lower else text)
        corpus.texts[kind], corpus.passes[kind] = kept, passes

    reviews = [*datasets.amazon_reviews(), *(r.text for r in datasets.hatn() if r.split == "train")]
    add("review", 1, reviews, 1 - REVIEW_CASE_KEPT)
    add("opinion", 1, [*datasets.pros_and_cons(), *datasets.product_review_sentences()], 1.0)
    fashion = [r.title for r in datasets.fashion() if r.split == "train"]
    supplier = [r.title for r in datasets.pricerunner() if r.split == "train"]
    products = [p for p in datasets.products() if p.split == "train"]
    add("title", 2, [*fashion, *supplier, *(p.name for p in products)], 1.0)
    add("query", 6, (" ".join(q.words) for q in datasets.queries("train")), 1.0)
    slots = [s.sentence for d in ("laptop", "tv") for s in datasets.slot_sentences(d) if s.split == "train"]
    add("copy", 4, (p.description for p in products), 0.1)
    add("slots", 1, slots, 1.0)
    return corpus


class _Heldout:
    """Texts of every validation and test split, exactly and by shared word n-grams."""

    def __init__(self) -> None:
        short = [r.title for r in datasets.fashion() if r.split != "train"]
        short += [r.title for r in datasets.pricerunner() if r.split != "train"]
        short += [" ".join(q.words) for s in ("validation", "test") for q in datasets.queries(s)]
        long = [r.text for r in datasets.hatn() if r.split != "train"]
        for split in ("dev", "test"):
            long += [r.text for r in datasets.dmaste(split, datasets.DMASTE_DOMAINS)]
        for product in datasets.products():
            if product.split != "train":
                short.append(product.name)
                long.append(product.description)
        short += [s.sentence for d in ("laptop", "tv") for s in datasets.slot_sentences(d) if s.split != "train"]
        self._exact = {key(text) for text in [*short, *long]}
        self._ngrams = {gram for text in long for gram in _ngrams(text)}

    def holds(self, text: str) -> bool:
        return key(text) in self._exact or any(gram in self._ngrams for gram in _ngrams(text))


def _ngrams(text: str) -> Iterator[int]:
    words = key(text).split()
    for start in range(len(words) - NGRAM + 1):
        yield hash(tuple(words[start : start + NGRAM]))
