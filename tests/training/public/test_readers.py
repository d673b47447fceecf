"""The public data sets as they are read: how much, what splits, and nothing in two of them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path

import pytest

from training.public import readers as datasets
from training.public.readers import DMASTE_DOMAINS, QUERY_TYPES
from training.text import is_acceptance, key


def in_one_split_each(items: Iterable[tuple[Hashable, str]]) -> bool:
    pairs = {*items}
    return len({identity for identity, _ in pairs}) == len(pairs)


def near_80_10_10(splits: Iterable[str], slack: float) -> bool:
    count = Counter(splits)
    shares = {split: n / count.total() for split, n in count.items()}
    return shares == pytest.approx({"train": 0.8, "validation": 0.1, "test": 0.1}, abs=slack)


@pytest.mark.data
def test_fashion_titles_are_unique_and_split_by_title() -> None:
    titles = list(datasets.fashion())
    assert 30_000 < len(titles) <= 31_135
    assert len({key(t.title) for t in titles}) == len(titles)
    assert near_80_10_10((t.split for t in titles), 0.01)
    assert len({t.path for t in titles}) > 140
    assert not any(is_acceptance(t.title) for t in titles)
    assert {t.gender for t in titles} == {"men", "women", "boys", "girls", "unisex"}
    assert "na" not in {t.color for t in titles}


@pytest.mark.data
def test_supplier_titles_of_a_product_share_a_split() -> None:
    titles = list(datasets.pricerunner())
    assert len(titles) == 35_311
    assert len({t.category for t in titles}) == 10
    assert near_80_10_10((t.split for t in titles), 0.02)
    (file,) = datasets.find("KelvinLam05/product_classification", "pricerunner_aggregate.csv")
    with file.open(encoding="utf-8", newline="") as lines:
        clusters = [row[3] for row in csv.reader(lines)]
    assert in_one_split_each((c, t.split) for c, t in zip(clusters, titles, strict=True))


@pytest.mark.data
@pytest.mark.parametrize(("split", "rows"), [("train", 7841), ("validation", 871), ("test", 993)])
def test_queries_have_one_tag_a_word(split: str, rows: int) -> None:
    queries = datasets.queries(split)
    assert rows - 2 <= len(queries) <= rows
    allowed = {"O", *(f"{mark}-{kind}" for mark in "BI" for kind in QUERY_TYPES)}
    for query in queries:
        assert len(query.tags) == len(query.words) > 0 and query.split == split
        assert not is_acceptance(" ".join(query.words))
    tags = {tag for query in queries for tag in query.tags}
    assert tags <= allowed
    assert len({tag[2:] for tag in tags}) >= len(QUERY_TYPES)  # and `O`; the validation split has no product number


@pytest.mark.data
def test_dmaste_reviews_hold_their_spans() -> None:
    seen = {split: datasets.dmaste(split, DMASTE_DOMAINS) for split in ("dev", "test")}
    seen["train"] = datasets.dmaste("train")
    assert len(seen["train"]) == 3831
    assert {review.domain for review in seen["test"]} == set(DMASTE_DOMAINS)
    reviews = [review for of_split in seen.values() for review in of_split]
    assert not any(is_acceptance(review.text) for review in reviews)
    triplets = [(triplet, review.text) for review in reviews for triplet in review.triplets]
    assert {triplet.sentiment for triplet, _ in triplets} == {"positive", "negative", "neutral"}
    spans = [(span, text) for t, text in triplets for span in (t.aspect, t.opinion) if span is not None]
    assert all(span for span, _ in spans)
    assert sum(span in text for span, text in spans) / len(spans) > 0.99  # a span may end inside a contraction


@pytest.mark.data
def test_reviews_with_a_sentiment_are_split_by_text() -> None:
    reviews = list(datasets.hatn())
    assert len(reviews) > 11_500
    assert near_80_10_10((review.split for review in reviews), 0.02)
    assert in_one_split_each((key(review.text), review.split) for review in reviews)
    count = Counter(review.sentiment for review in reviews)
    assert set(count) == {"positive", "negative"}
    assert 0.45 < count["positive"] / count.total() < 0.55


@pytest.mark.data
def test_products_share_no_name_between_splits() -> None:
    products = datasets.products()
    assert len(products) > 2_465
    assert near_80_10_10((product.split for product in products), 0.03)
    assert in_one_split_each((key(product.name), product.split) for product in products)
    assert len({(p.name, p.description) for p in products}) == len(products)
    assert all(product.description for product in products)


def test_tags_are_read_as_bio() -> None:
    names = [datasets._tag(number) for number in range(35)]
    assert names[:5] == ["O", "B-UoM", "I-UoM", "B-color", "I-color"]
    assert names[33:] == ["B-time", "I-time"]


def test_products_linked_by_names_are_one_group() -> None:
    names = {"1": {"cup"}, "2": {"mug", "cup"}, "3": {"mug"}, "4": {"hat"}, "5": {"cap", "hat"}}
    assert datasets._groups(names) == {"1": "1", "2": "1", "3": "1", "4": "4", "5": "4"}


def test_fashion_keeps_the_first_of_equal_titles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "styles.csv").write_text(
        "masterCategory,subCategory,articleType,baseColour,gender\n"
        "Apparel,Topwear,Shirts,Blue,Men\nApparel,Topwear,Tops,NA,Women\n"
        "Apparel,Topwear,Shirts,Navy Blue,Men\nApparel,Topwear,Shirts,,Boys\n"
    )
    (tmp_path / "styles_text.csv").write_text(
        "productDisplayName\nAcme  Shirt\nACME shirt!\nTurtle Check Men Navy Blue Shirt\nAcme &amp; Co\n"
    )
    monkeypatch.setattr(datasets, "find", lambda repository, path: [tmp_path / path])
    titles = list(datasets.fashion())
    assert [t.title for t in titles] == ["Acme Shirt", "Acme & Co"]
    assert [t.color for t in titles] == ["blue", None]
    assert titles[0].path == ("Apparel", "Topwear", "Shirts")


def test_a_dmaste_line_becomes_triplets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "train.txt"
    file.write_text("The strap does n't hold , sadly .####[([1], [2, 3, 4], 'NEG'), ([-1], [6], 'NEU')]####more\n")
    monkeypatch.setattr(datasets, "find", lambda repository, path: [file])
    (review,) = datasets.dmaste("train", ("home",))
    assert review.text == "The strap doesn't hold, sadly."
    assert review.triplets == (
        datasets.Triplet("strap", "doesn't hold", "negative"),
        datasets.Triplet(None, "sadly", "neutral"),
    )
