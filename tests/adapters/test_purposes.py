"""A use case is a purpose: phrases of the ontology in sentences that say what goods are for, and in others."""

from __future__ import annotations

import pytest

from adapters.ontology import Ontology

SHOP = Ontology.load()


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("Great for small apartments", "small_spaces"),
        ("Great for beginners but the handle hurts", "beginner"),
        ("Perfect as a gift", "gift"),
        ("It makes a great stocking stuffer", "gift"),
        ("I wear it at the gym", "sports"),
        ("I use it in my car", "car"),
        ("I use it every day", "everyday"),
        ("Bought it for my son", "kids"),
        ("Gave this to my daughter", "kids"),
        ("This is not just for kids", "kids"),
        ("My dog loves it", "pets"),
        ("Kids enjoy it", "kids"),
        ("Used it while hiking", "camping"),
        ("Works for dry hands", "dry_skin"),
        ("For my elderly mother", "seniors"),
        ("I have sensitive skin and this is fine", "sensitive_skin"),
        ("Fits in a small kitchen", "small_spaces"),
    ],
)
def test_a_purpose(text: str, use: str) -> None:
    assert SHOP.use_case_in(text) == use


@pytest.mark.parametrize(
    "text",
    [
        "I live in a small village",
        "We live in a small apartment and it is noisy",
        "My dog ate it",
        "My dog barked at the courier",
        "I bought it in a kitchen store",
        "The recipe was torn",
        "My car broke down on the way to the shop",
        "Not for beginners",
        "My son broke his arm",
        "The garden hose leaks",
        "It broke.",
    ],
)
def test_no_purpose(text: str) -> None:
    assert SHOP.use_case_in(text) is None
