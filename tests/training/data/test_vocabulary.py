"""The closed lists: what the shop's spelling stands for, and what is near it."""

from __future__ import annotations

import pytest

from adapters.ontology import Ontology
from training.data import vocabulary
from training.data.vocabulary import Vocabulary

SHOP = Ontology.load()
KNOWN = Vocabulary(SHOP)


@pytest.mark.parametrize(
    ("field", "value", "meant"),
    [
        ("labels.category", "shirt", "Shirts"),
        ("labels.category", "track-pants", "Track Pants"),
        ("labels.category", "Apparel > Bottomwear > Jeans", "Jeans"),
        ("labels.category", "polo shirt", "Tshirts"),
        ("labels.category", "Spaceships", None),
        ("labels.attributes.color", "Navy", "navy blue"),
        ("labels.attributes.gender", "Female", "women"),
        ("labels.attributes.color", "puce", None),
        ("labels.aspects.category", "ease of use", "ease_of_use"),
        ("labels.overall_sentiment", "Positive", "positive"),
        ("labels.tags", "+", "+"),
    ],
)
def test_canonical(field: str, value: str, meant: str | None) -> None:
    assert KNOWN.canonical(field, value) == meant
    assert meant is None or KNOWN.canonical(field, meant) == meant


def test_every_name_stands_for_itself() -> None:
    assert [n for n in SHOP.categories if KNOWN.canonical("labels.category", n) != n] == []
    for attribute in SHOP.attributes.values():
        field = f"labels.attributes.{attribute.name}"
        assert [v for v in attribute.values if KNOWN.canonical(field, v) != v] == []
    assert [a for a in SHOP.aspects if KNOWN.canonical("labels.aspects.category", a) != a] == []
    assert [u for u in SHOP.use_cases if KNOWN.canonical("labels.use_case", u) != u] == []


def test_a_complaint_names_the_value_and_what_is_near() -> None:
    said = KNOWN.complaint("labels.category", "T-Shirtz")
    assert said == "labels.category: 'T-Shirtz' is not in the ontology; near: 'Tshirts'"
    assert KNOWN.complaint("labels.category", "qqqq").endswith("is not in the ontology")


def test_only_so_many_values_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "SUGGESTED", 1)
    known = Vocabulary(SHOP)
    assert known.suggest("labels.category", "T-Shirtz") == "Tshirts"
    assert known.suggest("labels.category", "Shirtz") is None
    assert known.suggest("labels.category", "T-Shirtz") == "Tshirts"


def test_unknown_labels_are_found_wherever_they_are() -> None:
    labels = {
        "category": "Spaceships",
        "attributes": {"color": "red", "gender": "robots"},
        "aspects": [{"category": "parts", "sentiment": "meh", "opinion": "free"}],
        "tags": ["color", "colour"],
    }
    assert KNOWN.unknown(labels) == [
        ("labels.category", "Spaceships"),
        ("labels.attributes.gender", "robots"),
        ("labels.aspects.sentiment", "meh"),
        ("labels.tags", "colour"),
    ]
    assert KNOWN.unknown(None) == KNOWN.unknown([3]) == []
