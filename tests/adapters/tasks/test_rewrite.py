"""Rewrite: the answer from a query whose words have tags."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.tasks import rewrite
from adapters.tasks.rewrite import Labels, Request
from tests.adapters.tasks.strategies import QUERY_WORDS, SHOP, rewritten

quick = settings(max_examples=50, deadline=None)


def expanded(tagged: str) -> dict[str, Any]:
    """`red/color dress/type`: the answer for words with these tags."""
    words, tags = zip(*(word.rsplit("/", 1) for word in tagged.split()), strict=True)
    return rewrite.TASK.expand(Labels(tags=list(tags)), Request(query=" ".join(words)), SHOP)


def price(tagged: str) -> dict[str, Any] | None:
    answer = expanded(tagged)["price"]
    return answer and answer.model_dump(exclude_none=True)


def test_the_prompt_is_the_querys_words() -> None:
    system, user = rewrite.TASK.prompt(Request(query="  Red\tMaxi  DRESS "), SHOP)
    assert system["content"] == "Write one type for each word of the query."
    assert user["content"] == "red maxi dress"


def test_a_query_with_an_occasion() -> None:
    labels = Labels(tags=["other", "color", "other", "shape", "occasion", "+", "+"])
    request = Request(query="Something red and flowy for a wedding")
    assert rewrite.TASK.expand(labels, request, SHOP) == {
        "product_type": None,
        "category": None,
        "filters": {"color": ["red"], "silhouette": ["flowy"], "occasion": ["wedding"]},
        "price": None,
        "keywords": [],
    }


def test_a_query_with_a_product_type() -> None:
    answer = expanded("black/color running/type shoes/+ for/department men/+ airy/modifier")
    assert answer["product_type"] == "running shoes"
    assert answer["category"] == ["Footwear", "Shoes", "Sports Shoes"]
    assert answer["filters"] == {"color": ["black"], "gender": ["men"]}
    assert answer["keywords"] == ["airy"]


def test_a_product_type_that_is_not_in_the_taxonomy() -> None:
    answer = expanded("zorblax/type holder/+")
    assert (answer["product_type"], answer["category"]) == ("zorblax holder", None)


@pytest.mark.parametrize(
    ("tagged", "filters"),
    [
        ("navy/color", {"color": ["navy blue"]}),
        ("red/color and/other blue/color", {"color": ["red", "blue"]}),
        ("red/color scarlet/color", {"color": ["red"]}),
        ("striped/color", {"pattern": ["striped"]}),
        ("sparkling/color aubergine/+", {"color": ["sparkling aubergine"]}),
        ("gold/color", {"color": ["gold"]}),
        ("gold/material", {"material": ["gold"]}),
        ("for/department her/+", {"gender": ["women"]}),
        ("for/department toddlers/+", {"age_group": ["toddler"]}),
        ("with/modifier pockets/+", {"feature": ["with pockets"]}),
        ("slim/shape fit/+", {"silhouette": ["slim"]}),
        ("mini/shape", {"silhouette": ["mini"]}),
        ("mini/size", {"size": ["mini"]}),
        ("size/size 10/+", {"size": ["size 10"]}),
        ("for/occasion my/+ sisters/+ wake/+", {"occasion": ["sisters wake"]}),
        ("winter/occasion", {"season": ["winter"]}),
        ("pack/quantity of/+ 6/+", {"quantity": ["pack of 6"]}),
        ("by/brand acme/+", {"brand": ["acme"]}),
        ("plain/other red/other", {}),
    ],
)
def test_a_phrase_becomes_a_filter(tagged: str, filters: dict[str, list[str]]) -> None:
    assert expanded(tagged)["filters"] == filters


@pytest.mark.parametrize("tagged", ["wireles/modifier", "dragon/name", "space/content"])
def test_a_phrase_that_names_no_value_is_a_keyword(tagged: str) -> None:
    answer = expanded(tagged)
    assert (answer["filters"], answer["keywords"]) == ({}, [tagged.split("/")[0]])


@quick
@given(rewritten())
def test_every_filter_value_is_in_the_ontology_or_in_the_query(example: tuple[Request, Labels]) -> None:
    request, labels = example
    answer = rewrite.TASK.expand(labels, request, SHOP)
    query = " ".join(rewrite.query_words(request.query))
    for attribute, values in answer["filters"].items():
        known = SHOP.attributes[attribute].values if attribute in SHOP.attributes else ()
        assert all(value in known or value in query for value in values)
        assert len(set(values)) == len(values)
    assert all(keyword in query for keyword in answer["keywords"])
    assert rewrite.Answer.model_validate(
        {
            **answer,
            "model": "rewrite@1",
            "request_id": "1",
            "usage": {"prompt_tokens": 1, "completion_tokens": 1},
            "confidence": 1,
            "needs_review": False,
        }
    )


@pytest.mark.parametrize(
    ("tagged", "expected"),
    [
        ("under/price $50/+", {"max": 50, "currency": "USD"}),
        ("$50/price", {"max": 50, "currency": "USD"}),
        ("under/other £300/price", {"max": 300, "currency": "GBP"}),
        ("less/price than/+ 15.50/+", {"max": 15.5}),
        ("max/price 80/+ eur/+", {"max": 80, "currency": "EUR"}),
        ("up/price to/+ 1,299/+ usd/+", {"max": 1299, "currency": "USD"}),
        ("under/price 1,299.99/+", {"max": 1299.99}),
        ("under/price 2k/+", {"max": 2000}),
        ("under/price rs/+ 500/+", {"max": 500, "currency": "INR"}),
        ("offers/price under/+ 20/+", {"max": 20}),
        ("no/price more/+ than/+ $50/+", {"max": 50, "currency": "USD"}),
        ("not/other over/other 50/price", {"max": 50}),
        ("between/price 20/+ and/+ 40/+ euros/+", {"min": 20, "max": 40, "currency": "EUR"}),
        ("between/other 20/price and/other 40/price", {"min": 20, "max": 40}),
        ("20-40/price", {"min": 20, "max": 40}),
        ("$40/price to/+ $20/+", {"min": 20, "max": 40, "currency": "USD"}),
        ("from/price 20/+ up/price to/+ 40/+", {"min": 20, "max": 40}),
        ("over/price 100/+ dollars/+", {"min": 100, "currency": "USD"}),
        ("over/other 100/price dollars/+", {"min": 100, "currency": "USD"}),
        ("more/price than/+ $50/+", {"min": 50, "currency": "USD"}),
        ("at/other least/other 60/price", {"min": 60}),
        ("50/price and/+ up/+", {"min": 50}),
        ("$100+/price", {"min": 100, "currency": "USD"}),
        ("over/type ear/+ headphones/+ $50/price", {"max": 50, "currency": "USD"}),
        ("cheap/price", None),
        ("50/size", None),
    ],
)
def test_price(tagged: str, expected: dict[str, Any] | None) -> None:
    assert price(tagged) == expected


def test_spans_are_the_phrases() -> None:
    tags = ["other", "color", "type", "+", "other", "occasion", "+", "+"]
    assert rewrite.spans(tags) == [("color", 1, 2), ("type", 2, 4), ("occasion", 5, 8)]


# Without a model


def without_model(query: str) -> dict[str, Any]:
    request = Request(query=query)
    return rewrite.TASK.expand(rewrite.TASK.fallback(request, SHOP), request, SHOP)


def test_the_fallback_uses_the_ontologys_words() -> None:
    answer = without_model("something red and flowy for a wedding")
    assert answer["filters"] == {"color": ["red"], "silhouette": ["flowy"], "occasion": ["wedding"]}
    answer = without_model("waterproof navy blue backpack mens")
    assert answer["category"] == ["Accessories", "Bags", "Backpacks"]
    assert answer["filters"] == {"feature": ["waterproof"], "color": ["navy blue"], "gender": ["men"]}


@quick
@given(st.lists(QUERY_WORDS, min_size=1, max_size=12).map(" ".join))
def test_the_fallbacks_line_decodes(query: str) -> None:
    request = Request(query=query)
    labels = rewrite.TASK.fallback(request, SHOP)
    assert rewrite.TASK.decode(rewrite.TASK.encode(labels), request, SHOP) == labels


# Requests


@pytest.mark.parametrize("query", ["", " ", "\x1f", "x" * 301, "a " * 33])
def test_a_malformed_query_is_refused(query: str) -> None:
    with pytest.raises(ValidationError):
        Request(query=query)


def test_a_query_of_32_words() -> None:
    assert len(rewrite.query_words(Request(query="a " * 32).query)) == 32
