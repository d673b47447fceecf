"""The closed lists: the listed name of a shop's spelling, and the name nearest to an unlisted value."""

from __future__ import annotations

import pytest

from adapters.ontology import Ontology
from training.data.vocabulary import Vocabulary
from training.tasks import training_task

SHOP = Ontology.load()
CLASSIFY, EXTRACT, REWRITE = (Vocabulary(training_task(name), SHOP) for name in ("classify", "extract", "rewrite"))


@pytest.mark.parametrize(
    ("vocabulary", "field", "value", "name"),
    [
        (CLASSIFY, "labels.category", "shirt", "Shirts"),
        (CLASSIFY, "labels.category", "track-pants", "Track Pants"),
        (CLASSIFY, "labels.category", "Apparel > Bottomwear > Jeans", "Jeans"),
        (CLASSIFY, "labels.category", "polo shirt", "Tshirts"),
        (CLASSIFY, "labels.category", "Spaceships", None),
        (CLASSIFY, "labels.attributes.color", "Navy", "navy blue"),
        (CLASSIFY, "labels.attributes.gender", "Female", "women"),
        (CLASSIFY, "labels.attributes.color", "puce", None),
        (EXTRACT, "labels.aspects.category", "ease of use", "ease_of_use"),
        (EXTRACT, "labels.overall_sentiment", "Positive", "positive"),
        (EXTRACT, "labels.overall_sentiment", "!", None),
        (REWRITE, "labels.tags", "+", "+"),
        (REWRITE, "labels.tags", "!", None),
    ],
)
def test_a_value_has_one_listed_name(vocabulary: Vocabulary, field: str, value: str, name: str | None) -> None:
    assert vocabulary.canonical(field, value) == name
    assert name is None or vocabulary.canonical(field, name) == name


def test_every_name_is_its_own_listed_name() -> None:
    assert [n for n in SHOP.categories if CLASSIFY.canonical("labels.category", n) != n] == []
    for attribute in SHOP.attributes.values():
        field = f"labels.attributes.{attribute.name}"
        assert [v for v in attribute.values if CLASSIFY.canonical(field, v) != v] == []
    assert [a for a in SHOP.aspects if EXTRACT.canonical("labels.aspects.category", a) != a] == []
    assert [u for u in SHOP.use_cases if EXTRACT.canonical("labels.use_case", u) != u] == []


@pytest.mark.parametrize(
    ("field", "value", "nearest"),
    [
        ("labels.category", "Tshirtz", "Tshirts"),
        ("labels.category", "Tshrits", "Tshirts"),
        ("labels.category", "dreses", "Dresses"),
        ("labels.category", "Laptop bagg", "Laptop Bag"),
        ("labels.category", "mobile fone", "Mobile Phones"),
        ("labels.category", "Womens Casual Shoes", "Casual Shoes"),
        ("labels.category", "qqqq", None),
        ("labels.attributes.color", "navy bleu", "navy blue"),
        ("labels.attributes.color", "gren", "green"),
        ("labels.attributes.color", "bleu", "blue"),
    ],
)
def test_of_a_typing_error_the_name_that_was_meant_is_suggested(field: str, value: str, nearest: str | None) -> None:
    assert CLASSIFY.canonical(field, value) is None
    assert CLASSIFY.suggest(field, value) == nearest


def test_every_unlisted_value_has_a_suggestion_however_many_there_are() -> None:
    values = [f"Tshirtz{number}" for number in range(1_100)]
    assert {CLASSIFY.suggest("labels.category", value) for value in values} == {"Tshirts"}


def test_a_complaint_names_the_value_and_the_nearest_name() -> None:
    complaint = CLASSIFY.complaint("labels.category", "T-Shirtz")
    assert complaint == "labels.category: 'T-Shirtz' is not in the ontology; near: 'Tshirts'"
    assert CLASSIFY.complaint("labels.category", "qqqq").endswith("is not in the ontology")


def test_unlisted_labels_are_reported_at_any_depth() -> None:
    labels = {"category": "Spaceships", "attributes": {"color": "red", "gender": "robots"}}
    assert CLASSIFY.unlisted(labels) == [("labels.category", "Spaceships"), ("labels.attributes.gender", "robots")]
    labels = {"aspects": [{"category": "parts", "sentiment": "meh", "opinion": "free"}]}
    assert EXTRACT.unlisted(labels) == [("labels.aspects.sentiment", "meh")]
    assert REWRITE.unlisted({"tags": ["color", "colour"]}) == [("labels.tags", "colour")]
    assert CLASSIFY.unlisted(None) == CLASSIFY.unlisted([3]) == []
