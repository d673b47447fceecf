"""Copy without a model: what it says of each kind of fact, its articles and numbers, and that it invents nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.tasks import copywrite
from adapters.tasks.copy_nouns import article, listed, noun_of, short_name
from adapters.tasks.copywrite import Request
from adapters.tasks.sentences import compose
from tests.adapters.tasks.strategies import facts
from tests.typed.measure import lines, pairs_of

SHOP = Ontology.load()
quick = settings(max_examples=50, deadline=None)


def request(name: str, category: str | None = None, max_words: int | None = None, **attributes: str) -> Request:
    return Request(name=name, category=category, attributes=attributes, max_words=max_words)


def text_of(asked_for: Request, key: str = "") -> str:
    return compose(copywrite.facts_of(asked_for), asked_for.attributes, SHOP, asked_for.max_words, key)


@pytest.mark.parametrize(
    ("attributes", "phrase"),
    [
        ({"color": "red", "material": "clay"}, "a red clay cup"),
        ({"color": "red, white"}, "a red and white cup"),
        ({"feature": "waterproof"}, "is waterproof"),
        ({"feature": "two handles"}, "two handles"),
        ({"feature": "dishwasher safe, stackable"}, "dishwasher safe and stackable"),
        ({"dishwasher_safe": "yes"}, "is dishwasher safe"),
        ({"capacity": "350 ml"}, "a capacity of 350 ml"),
        ({"handles": "2"}, "2 handles"),
        ({"glaze": "matte"}, "a matte glaze"),
        ({"origin": "Portugal"}, "origin is Portugal"),
        ({"gender": "women"}, "for women"),
        ({"age_group": "toddler"}, "for toddlers"),
        ({"age": "3 years and up"}, "for ages 3 years and up"),
        ({"occasion": "wedding"}, "for a wedding"),
        ({"occasion": "formal"}, "for formal occasions"),
        ({"season": "winter"}, "for winter"),
        ({"use": "kitchen"}, "for the kitchen"),
        ({"brand": "Ombra"}, "by Ombra"),
    ],
)
def test_each_kind_of_fact_has_its_phrase(attributes: dict[str, str], phrase: str) -> None:
    text = text_of(request("Studio 5", "Cups and Mugs", **attributes))
    assert phrase.lower() in text.lower()


@pytest.mark.parametrize(
    ("phrase", "with_article"),
    [
        ("red mug", "a red mug"),
        ("olive bag", "an olive bag"),
        ("unisex top", "a unisex top"),
        ("hour glass", "an hour glass"),
        ("LED lamp", "an LED lamp"),
        ("USB cable", "a USB cable"),
        ("8 litre pan", "an 8 litre pan"),
        ("umbrella", "an umbrella"),
        ("one piece suit", "a one piece suit"),
        ("European oak", "a European oak"),
    ],
)
def test_articles(phrase: str, with_article: str) -> None:
    assert article(phrase) == with_article


@pytest.mark.parametrize(
    ("name", "category", "noun", "is_plural"),
    [
        ("Studio 5", "Cups and Mugs", "cup", False),
        ("Studio Mug", "Cups and Mugs", "mug", False),
        ("Suede Boots", "Boots", "boots", True),
        ("Runner Pro", "Sports Shoes", "pair of sports shoes", False),
        ("Copper 28", "Cookware", "cookware", False),
        ("Click", "Mice", "mouse", False),
        ("Knit Beanie", "Beanies", "beanie", False),
        ("Vega", "Tshirts", "T-shirt", False),
        ("Vega", None, "product", False),
        ("Wall Clock", None, "clock", False),
    ],
)
def test_the_noun_of_goods(name: str, category: str | None, noun: str, is_plural: bool) -> None:
    assert noun_of(copywrite.facts_of(request(name, category)), SHOP) == (noun, is_plural)


def test_lists_and_names() -> None:
    assert (listed(["a"]), listed(["a", "b", "c"])) == ("a", "a, b and c")
    assert short_name("Acme Kettle, 1.7 litres, black") == "Acme Kettle"


def test_the_same_request_has_the_same_text_and_a_catalog_has_many_openings() -> None:
    names = "Alba Bora Cala Dora Elba Faro Gaia Hera".split()
    vases = [request(f"{name} Vase", "Vases", color="blue") for name in names]
    texts = [text_of(vase) for vase in vases]
    assert texts == [text_of(vase) for vase in vases]
    openings = {text.split(vase.name)[0] for text, vase in zip(texts, vases, strict=True)}
    assert len(openings) >= 3


@pytest.mark.parametrize("fields", lines("copywrite"), ids=lambda fields: fields[0])
def test_products_of_every_department_are_described_in_sentences(fields: list[str]) -> None:
    name, category, attributes, *_ = fields
    product = request(name, category, **dict(pairs_of(attributes)))
    text = text_of(product)
    answer = copywrite.TASK.expand(copywrite.Labels(description=text), product, SHOP)
    assert (answer["missing"], answer["unsupported"]) == ([], [])
    assert copywrite.is_about_product(answer, product, SHOP)
    assert 1 <= text.count(". ") + text.count("? ") + 1 <= 4
    assert text.endswith(".") and text[0].isupper() and ":." not in text


@quick
@given(facts(), st.text(max_size=3))
def test_every_fact_is_said_and_nothing_else_whatever_the_key(product: Request, key: str) -> None:
    text = " ".join(filter(None, text_of(product, key).split()))
    answer = copywrite.TASK.expand(copywrite.Labels(description=text), product, SHOP)
    assert (answer["missing"], answer["unsupported"]) == ([], [])
    assert text.endswith((".", "!", "?"))


@pytest.mark.parametrize("max_words", [16, 20, 30])
def test_the_limit_is_met_where_the_facts_fit(max_words: int) -> None:
    product = request("Calm Candle", "Candles", max_words, color="ivory", burn_time="40 hours", scent="rose")
    assert len(text_of(product).split()) <= max_words
