"""Keys, what a tokeniser split, and the split."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.text import ACCEPTANCE, detokenise, is_acceptance, key, split_of

ASCII = st.text(st.characters(max_codepoint=126))
quick = settings(max_examples=50, deadline=None)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("I do n't like it .", "I don't like it."),
        ("don 't like it .", "don't like it."),
        ("it 's great , really !", "it's great, really!"),
        ("costs $ 20 ( less )", "costs $20 (less)"),
        ("we 'LL see", "we'LL see"),
    ],
)
def test_detokenise(tokens: str, text: str) -> None:
    assert detokenise(tokens) == text


@quick
@given(st.text())
def test_a_key_has_words_and_single_spaces_only(text: str) -> None:
    assert key(text) == " ".join(key(text).split())
    assert set(key(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789 ")
    assert key(key(text)) == key(text)


@quick
@given(ASCII)
def test_a_key_ignores_case(text: str) -> None:
    assert key(text.upper()) == key(text.lower()) == key(text)


@quick
@given(st.lists(st.from_regex("[a-z0-9]{1,6}", fullmatch=True)), st.sampled_from("!?.,;:-_/\t "))
def test_a_key_ignores_punctuation(words: list[str], mark: str) -> None:
    assert key(mark + f"{mark} ".join(words) + mark) == " ".join(words)


def test_the_split_never_changes() -> None:
    """Published figures depend on it: these were written down once."""
    recorded = {"validation": (6, 8), "test": (4,)}
    for n in range(12):
        expected = next((split for split, members in recorded.items() if n in members), "train")
        assert split_of(f"product {n}") == expected


def test_the_split_is_80_10_10() -> None:
    shares = Counter(split_of(f"title {n}") for n in range(20_000))
    assert 0.79 < shares["train"] / 20_000 < 0.81
    assert 0.09 < shares["validation"] / 20_000 < 0.11
    assert 0.09 < shares["test"] / 20_000 < 0.11


@pytest.mark.parametrize("sentence", ACCEPTANCE)
def test_acceptance_examples_are_known_in_any_form(sentence: str) -> None:
    assert is_acceptance(sentence)
    assert is_acceptance(f"Well: {sentence.title()}!")
    assert is_acceptance(sentence.replace(" ", " - "))


def test_other_texts_are_no_acceptance_examples() -> None:
    assert not is_acceptance("something red for a wedding")
    assert not is_acceptance("men navy blue shirt")
    assert not is_acceptance("")
