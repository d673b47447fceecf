"""Sentiment by rules: reviews typed for this test, whose constructions and goods no training data was made from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sentiment import clauses, opinions, overall
from adapters.words import words

SIGNS = {"+": "positive", "-": "negative", "~": "mixed", "=": "neutral"}
REVIEWS = [line.split(" | ", 1) for line in Path(__file__).with_name("reviews.txt").read_text("utf-8").splitlines()]


def read(text: str) -> str:
    return overall(opinions(text))


def test_most_typed_reviews_are_read_right() -> None:
    assert len({text for _, text in REVIEWS}) >= 120
    right = {sign: [read(text) == SIGNS[sign] for of, text in REVIEWS if of == sign] for sign in SIGNS}
    assert sum(map(sum, right.values())) / len(REVIEWS) >= 0.9
    assert all(sum(of_sign) / len(of_sign) >= 0.8 for sign, of_sign in right.items() if sign != "=")


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("You won't regret it", "positive"),
        ("I could not be happier", "positive"),
        ("Works without a hitch", "positive"),
        ("Not nearly wide enough", "negative"),
        ("I wasn't let down", "positive"),
        ("Nothing to complain about", "positive"),
        ("I wish it were longer", "negative"),
        ("It could be better", "negative"),
        ("Expected more", "negative"),
        ("It never fails", "positive"),
        ("Not only good but cheap enough", "positive"),
        ("Unlike others that broke, it holds up", "positive"),
        ("Worked great for a week, then died", "negative"),
        ("The only downside is that it is too loud", "negative"),
        ("Warm, but the sleeves run short", "mixed"),
        ("It's pretty good", "positive"),
        ("Oh well", "neutral"),
        ("", "neutral"),
    ],
)
def test_constructions(text: str, sentiment: str) -> None:
    assert read(text) == sentiment


def test_an_opinion_covers_its_negation() -> None:
    text = "The lid is not nearly wide enough, but I could not be happier."
    spans = [" ".join(words(text)[o.start : o.end]) for o in opinions(text)]
    assert spans == ["not nearly wide enough", "could not be happier"]


def test_clauses_end_at_marks_and_before_words_of_contrast() -> None:
    assert clauses("Warm, soft coat but thin. Good") == [0, 1, 1, 2, 2, 3]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from("not never good bad too enough but wish the lid , . could be better - / | ; …".split()))
)
def test_opinions_are_in_order_and_disjoint_in_any_text(pieces: list[str]) -> None:
    text = " ".join(pieces)
    listed = opinions(text)
    assert len(clauses(text)) == len(words(text))
    edges = [edge for o in listed for edge in (o.start, o.end)]
    assert edges == sorted(edges) and all(o.start <= o.head < o.end <= len(words(text)) for o in listed)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert read(text) in SIGNS.values()
