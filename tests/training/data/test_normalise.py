"""Normalising: what changes, what must not, and that it is idempotent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.cleaning import plain
from training.data.normalise import STEPS, currencies, normalised, units

PIECES = st.sampled_from(
    "&amp;|&lt;b&gt;|<b>|{{x}}|cafÃ©|â€™|\x00|\u2028|\ufeff| |500|5.5|ml|Grams|gb|inches|$|US$|USD|€|20|1,299.00|"
    "euros|rs.|pounds|5G|shirt|&amp;amp;eacute;|ﬁ|日本|-|\ud800".split("|")
)
TEXTS = st.text(max_size=40) | st.lists(PIECES, max_size=8).map("".join)


@settings(deadline=None)  # ftfy is imported on the way
@given(TEXTS | st.lists(PIECES, max_size=8).map(" ".join))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once
    assert plain(once) == once == units(once) == currencies(once)


@settings(deadline=None)
@given(TEXTS)
def test_without_steps_it_is_plain_text(text: str) -> None:
    assert normalised(text, ()) == plain(text)
    assert "\n" not in plain(text)
    assert plain(text) == plain(text).strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500 Grams tin", "500 g tin"),
        ("500gms", "500 g"),
        ("750ML", "750 ml"),
        ("64gb phone", "64 GB phone"),
        ("Holds 1.5 Litres.", "Holds 1.5 l."),
        ("8 Ozs. mug. Holds 8 oz. Blue", "8 oz mug. Holds 8 oz. Blue"),
        ("10 inches", "10 inch"),
        ("6-foot pole", "6 ft pole"),
        ("a 5G phone, 12V, size L", "a 5G phone, 12V, size L"),
        ("2 in 1", "2 in 1"),
        ("20 pounds", "20 pounds"),
        ("X500mlx", "X500mlx"),
    ],
)
def test_units(text: str, expected: str) -> None:
    assert units(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("USD 20", "$20"),
        ("under 20 dollars", "under $20"),
        ("US$ 1,299.00", "$1,299.00"),
        ("$20 USD", "$20"),
        ("19,99 €", "€19,99"),
        ("Rs. 500", "₹500"),
        ("GBP 5", "£5"),
        ("C$20 and HK$30", "C$20 and HK$30"),
        ("20-30 dollars", "20-30 dollars"),
        ("euros", "euros"),
    ],
)
def test_currencies(text: str, expected: str) -> None:
    assert currencies(text) == expected


def test_the_steps_have_names() -> None:
    assert normalised("USD 20, 500 Grams", ("units",)) == "USD 20, 500 g"
    assert normalised("USD 20, 500 Grams", tuple(STEPS)) == "$20, 500 g"
