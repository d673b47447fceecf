"""Personal data: what is recognised, what only looks like it, and that nothing is left after masking."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.personal import find, luhn, mask, mask_all

CARD = "4111 1111 1111 1111"  # the number that every payment provider tests with
PIECES = st.sampled_from(
    f"jane.doe@example.com|{CARD}|4111111111111111|+1 415-555-2671|(415) 555-2671|3782-822463-10005|"
    "call|shirt|4006381333931|a@b|@|12|-|.".split("|")
)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("mail jane.doe+shop@example.co.uk now", ["email"]),
        (f"paid with {CARD}.", ["card"]),
        ("amex 378282246310005", ["card"]),
        ("call +44 20 7946 0958", ["phone"]),
        ("call (415) 555-2671 or 415-555-2672", ["phone", "phone"]),
        ("jane@example.com, +1 415 555 2671", ["email", "phone"]),
        ("4111 1111 1111 1112", []),  # the check digit is wrong
        ("EAN 4006381333931", []),
        ("model 4155552671", []),  # a bare run of digits
        ("made 2021-2022, 100% cotton, size 8-10", []),
        ("follow @shop", []),
        ("", []),
    ],
)
def test_find(text: str, kinds: list[str]) -> None:
    assert [kind for kind, _, _ in find(text)] == kinds


def test_national_numbers_are_those_of_the_region() -> None:
    assert find("ring 020 7946 0958") == []
    assert [kind for kind, _, _ in find("ring 020 7946 0958", "GB")] == ["phone"]


@settings(deadline=None)  # phonenumbers is imported on the way
@given(st.text(max_size=50) | st.lists(PIECES, max_size=6).map(" ".join), st.booleans())
def test_nothing_is_left_after_masking(text: str, keep_words: bool) -> None:
    masked = mask(text, keep_words=keep_words)
    assert find(masked) == []
    assert mask(masked, keep_words=keep_words) == masked
    if keep_words:
        assert len(masked.split()) == len(text.split())


def test_a_mask_names_the_kind_of_data() -> None:
    assert mask(f"a@b.com paid {CARD}") == "[email] paid [card]"
    assert mask(f"pay {CARD}", keep_words=True) == "pay [card] [card] [card] [card]"


def test_a_record_is_masked_at_any_depth() -> None:
    record = {"request": {"review": "a@b.com"}, "labels": {"n": 3, "of": ["x", "a@b.com", None]}}
    assert mask_all(record) == {"request": {"review": "[email]"}, "labels": {"n": 3, "of": ["x", "[email]", None]}}


@settings(deadline=None)
@given(st.text("0123456789", min_size=1, max_size=18))
def test_exactly_one_check_digit_is_right(digits: str) -> None:
    assert sum(luhn(digits + check) for check in "0123456789") == 1
