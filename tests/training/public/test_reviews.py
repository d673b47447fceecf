"""The public reviews with labelled targets as they are read: how many, which splits, and what a record holds."""

from __future__ import annotations

import pytest

from training.public import reviews
from training.public.reviews import REPOSITORIES
from training.public.sources import sources
from training.text import key


def test_every_source_is_listed_with_its_licence() -> None:
    listed = {source.repository: source.licence for source in sources()}
    assert set(REPOSITORIES.values()) <= set(listed)
    assert "none stated" in listed[REPOSITORIES["food"]]


def test_the_parts_of_a_product_review() -> None:
    lines = "battery life[+3], size[-1][u]##It lasts , and lasts .\n##No label here .\n\n"
    (review,) = reviews._product_review(lines)
    assert review.text == "It lasts, and lasts. No label here."
    assert [(t.aspect, t.category, t.sentiment) for t in review.triplets] == [
        ("battery life", "battery life", "positive"),
        (None, "size", "negative"),
    ]


def test_a_long_product_review_ends_after_a_whole_sentence() -> None:
    lines = "".join(f"tv[+1]##{'word ' * 30}{i}\n" for i in range(5))
    (review,) = reviews._product_review(lines)
    assert len(review.triplets) == 2 and review.text.endswith(" 1")


@pytest.mark.parametrize(
    ("tokens", "text"),
    [("It ' s easy - to - follow .", "It's easy-to-follow."), ("don ' t", "don't"), ("a 'b' c", "a 'b' c")],
)
def test_what_a_tokeniser_split_is_joined(tokens: str, text: str) -> None:
    assert reviews._joined(tokens) == text


@pytest.mark.data
def test_records_of_every_source() -> None:
    food, crowd, products = list(reviews.food()), list(reviews.crowd()), list(reviews.products())
    assert len(food) > 9_000 and {review.split for review in food} == {"train", "validation", "test"}
    assert len(crowd) > 800 and {review.split for review in crowd} == {"train"}
    assert len(products) > 500
    for source, count in (("televisions", 3_000), ("t-shirts", 1_700)):
        terms = list(reviews.terms(source))
        assert len(terms) > count and {review.split for review in terms} == {"train", "test"}
        assert all("$T$" not in review.text and review.triplets for review in terms)
    assert all(key(review.text) for review in [*food, *crowd, *products])
    lines = list(reviews.pros_cons())
    assert len(lines) > 45_000 and {line.sentiment for line in lines} == {"positive", "negative"}
