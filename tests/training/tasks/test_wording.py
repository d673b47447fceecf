"""Texts by hand: how varied, how repetitive, and how many words an editor would change."""

from __future__ import annotations

import pytest

from training.tasks.wording import distinct, edit_distance, repetition


@pytest.mark.parametrize(
    ("texts", "n", "share"),
    [
        (["a red mug", "a blue mug"], 1, 4 / 6),
        (["a red mug", "a blue mug"], 2, 1.0),
        (["A mug", "a mug"], 1, 0.5),  # whatever the case
        (["mug"], 2, 0.0),
        ([], 1, 0.0),
    ],
)
def test_distinct(texts: list[str], n: int, share: float) -> None:
    assert distinct(texts, n) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "share"), [("a mug of red clay", 0.0), ("so calm so calm so calm", 1 / 3), ("a mug", 0.0), ("", 0.0)]
)
def test_repetition(text: str, share: float) -> None:
    assert repetition(text) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "reference", "share"),
    [
        ("a red mug", "a red mug", 0.0),
        ("a red mug", "a blue mug", 1 / 3),
        ("mug red", "red mug", 1.0),  # of the same words, in another order
        ("", "", 0.0),
    ],
)
def test_edit_distance(text: str, reference: str, share: float) -> None:
    assert edit_distance(text, reference) == pytest.approx(share)
