"""What the base reads: nothing that a task is evaluated on, and no label."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from training.base import corpus as corpora
from training.base.corpus import Corpus, _Heldout, _ngrams
from training.public import readers as datasets
from training.public.readers import FashionTitle, Product, Query, Review, SlotSentence, SupplierTitle, Triplet
from training.text import is_acceptance, key

KINDS = {"review", "opinion", "title", "query", "copy", "slots"}
LONG = "the strap tore after a week and the seller never answered"


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return corpora.read()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replaces every data set by a few made-up records, which can be changed by name."""
    path = ("Apparel", "Topwear", "Shirts")
    records: dict[str, Any] = {
        "fashion": [
            FashionTitle("train", "Acme Red Shirt", path, "red", "men"),
            FashionTitle("test", "Acme Blue Shirt", path, "blue", "men"),
        ],
        "pricerunner": [SupplierTitle("train", "acme tv 40", "TVs"), SupplierTitle("validation", "acme tv 50", "TVs")],
        "queries": [
            Query("train", ("red", "shirt"), ("B-color", "B-core_product_type")),
            Query("train", ("blue", "hat"), ("B-color", "B-core_product_type")),
            Query("test", ("blue", "hat"), ("B-color", "B-core_product_type")),
        ],
        "dmaste": [Review("test", "home", LONG, (Triplet("strap", "tore", "negative"),))],
        "hatn": [
            Review("train", "kitchen", "A fine pan", sentiment="positive"),
            Review("test", "kitchen", "A poor pan", sentiment="negative"),
        ],
        "products": [
            Product("train", "Mug", "home", "mug", None, "A mug for the morning."),
            Product("test", "Cup", "home", "cup", None, "A cup for the evening."),
        ],
        "slot_sentences": [
            SlotSentence("train", {"name": "a"}, "the a is a laptop"),
            SlotSentence("test", {"name": "b"}, "the b is a laptop"),
        ],
        "amazon_reviews": ["A fine book, five of five.", "A fine book, five of five."],
        "pros_and_cons": ["light and small"],
        "product_review_sentences": ["the zoom is great"],
    }

    def replace(**changes: Any) -> None:
        known = records | changes
        for name in known.keys() - {"queries", "dmaste", "slot_sentences"}:
            monkeypatch.setattr(datasets, name, lambda name=name: known[name])
        monkeypatch.setattr(datasets, "queries", lambda split: [q for q in known["queries"] if q.split == split])
        monkeypatch.setattr(datasets, "dmaste", lambda split, _: [r for r in known["dmaste"] if r.split == split])
        monkeypatch.setattr(datasets, "slot_sentences", lambda _: known["slot_sentences"])

    replace()
    return replace


def texts(corpus: Corpus, kind: str) -> list[str]:
    return [text.lower() for text in corpus.texts[kind]]


def test_training_texts_come_through_by_kind(small: Callable[..., None]) -> None:
    corpus = corpora.read()
    assert set(corpus.texts) == set(corpus.passes) == KINDS
    assert texts(corpus, "title") == ["acme red shirt", "acme tv 40", "mug"]
    assert texts(corpus, "review") == ["a fine book, five of five.", "a fine pan"]
    assert texts(corpus, "opinion") == ["light and small", "the zoom is great"]
    assert texts(corpus, "copy") == ["a mug for the morning."]
    assert texts(corpus, "slots") == ["the a is a laptop"]


def test_a_training_text_that_is_also_a_test_item_is_removed(small: Callable[..., None]) -> None:
    corpus = corpora.read()
    assert texts(corpus, "query") == ["red shirt"]  # `blue hat` is a test query, too
    assert corpus.removed == 1


@pytest.mark.parametrize(
    "review",
    [
        LONG,
        LONG.upper().replace(" ", ", "),
        f"Bought in May. {LONG}! Do not buy.",
        "sadly " + " ".join(LONG.split()[2:10]),  # eight words of it
    ],
)
def test_a_review_that_shares_words_with_a_test_item_is_removed(small: Callable[..., None], review: str) -> None:
    small(amazon_reviews=[review, "another review"])
    assert texts(corpora.read(), "review") == ["another review", "a fine pan"]


def test_seven_words_in_common_are_allowed(small: Callable[..., None]) -> None:
    review = "sadly " + " ".join(LONG.split()[2:9])
    small(amazon_reviews=[review])
    assert review in texts(corpora.read(), "review")


def test_an_acceptance_example_is_removed(small: Callable[..., None]) -> None:
    example = "Great for beginners, but the handle is uncomfortable after 20 minutes!"
    small(amazon_reviews=[example], pros_and_cons=["", example.lower()])
    corpus = corpora.read()
    assert texts(corpus, "review") == ["a fine pan"]
    assert texts(corpus, "opinion") == ["the zoom is great"]


def test_every_kind_of_evaluation_item_is_held_out(small: Callable[..., None]) -> None:
    held_out = _Heldout()
    short = ("ACME blue shirt", "acme tv 50", "blue hat", "a poor pan", "Cup", "A cup for the evening")
    assert [text for text in (*short, "the b is a laptop", LONG) if not held_out.holds(text)] == []
    assert [text for text in ("acme red shirt", "acme", "cups", "a fine pan") if held_out.holds(text)] == []


def test_ngrams_are_runs_of_eight_words() -> None:
    assert list(_ngrams("only seven words are in this text")) == []
    assert len(list(_ngrams("now there are just eight words in this"))) == 1
    assert list(_ngrams("a b c d e f g h")) == list(_ngrams("A, b, c; d e f G H!"))
    assert len(set(_ngrams("a b c d e f g h i j"))) == 3


def test_the_stream_repeats_each_kind_and_is_shuffled_by_seed() -> None:
    corpus = Corpus({"query": ["a", "b"], "copy": ["c"]}, {"query": 3, "copy": 1})
    assert sorted(corpus.stream(0)) == ["a", "a", "a", "b", "b", "b", "c"]
    assert list(corpus.stream(0)) == list(corpus.stream(0))
    assert len({tuple(corpus.stream(seed)) for seed in range(5)}) > 1


@pytest.mark.data
def test_no_evaluation_item_is_in_the_corpus(corpus: Corpus) -> None:
    read = {key(text) for texts in corpus.texts.values() for text in texts}
    held_out = [t.title for t in datasets.fashion() if t.split != "train"]
    held_out += [t.title for t in datasets.pricerunner() if t.split != "train"]
    held_out += [" ".join(q.words) for s in ("validation", "test") for q in datasets.queries(s)]
    held_out += [r.text for r in datasets.hatn() if r.split != "train"]
    held_out += [r.text for s in ("dev", "test") for r in datasets.dmaste(s, datasets.DMASTE_DOMAINS)]
    held_out += [t for p in datasets.products() if p.split != "train" for t in (p.name, p.description)]
    assert [text for text in held_out if key(text) in read] == []


@pytest.mark.data
def test_no_eight_words_of_a_review_to_be_judged_are_in_the_corpus(corpus: Corpus) -> None:
    judged = {
        gram
        for split in ("dev", "test")
        for review in datasets.dmaste(split, datasets.DMASTE_DOMAINS)
        for gram in _ngrams(review.text)
    }
    shared = [
        text
        for kind in ("review", "opinion", "copy")
        for text in corpus.texts[kind]
        if not judged.isdisjoint(_ngrams(text))
    ]
    assert shared == []


@pytest.mark.data
def test_no_label_is_in_the_corpus(corpus: Corpus) -> None:
    marks = re.compile(r"####|</?(?:pros|cons)>|\[\d[^]]*\], '(?:pos|neg|neu)'", re.IGNORECASE)
    for texts in corpus.texts.values():
        assert [t for t in texts if marks.search(t) or is_acceptance(t)] == []
    starred = sum(bool(re.match(r"[1-5](?:\.0)?(?:#|\t|$)", t)) for t in corpus.texts["review"])
    assert starred == 0
    tagged = [t for t in corpus.texts["opinion"] if re.search(r"\[[+-]\d\]", t)]
    assert len(tagged) <= 7  # lines that the source itself has run together


@pytest.mark.data
def test_the_corpus_is_large_and_mostly_in_lower_case(corpus: Corpus) -> None:
    assert set(corpus.texts) == KINDS
    assert len(corpus.texts["review"]) > 50_000
    lower = sum(text == text.lower() for text in corpus.texts["review"])
    assert 0.8 < lower / len(corpus.texts["review"]) < 0.95
    assert all(text == text.lower() for text in corpus.texts["title"])
