"""Rewrite: the answer from a query whose words have tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.cleaning import plain
from adapters.ontology import Ontology
from adapters.settings import SHIPPED_ONTOLOGY
from adapters.tasks import negations, rewrite
from adapters.tasks.queries import Reading
from adapters.tasks.query_words import is_content
from adapters.tasks.rewrite import Labels, Request
from adapters.words import fold
from tests.adapters.tasks.strategies import CHARACTERS, QUERY_WORDS, SHOP, rewritten, tags

quick = settings(max_examples=50, deadline=None)
thorough = settings(max_examples=200, deadline=None)


def expanded(tagged: str, ontology: Ontology = SHOP) -> dict[str, Any]:
    """`red/color dress/type`: the answer for words with these tags; a word that is split continues its phrase."""
    words, tags = zip(*(word.rsplit("/", 1) for word in tagged.split()), strict=True)
    parts = [len(rewrite.query_words(word)) for word in words]
    line = [
        tag for tag, n in zip(tags, parts, strict=True) for tag in [tag, *["+" if tag != "other" else tag] * (n - 1)]
    ]
    return rewrite.TASK.expand(Labels(tags=line), Request(query=" ".join(words)), ontology)


def price(tagged: str) -> dict[str, Any] | None:
    answer = expanded(tagged)["price"]
    return answer and answer.model_dump(exclude_none=True)


def test_the_prompt_is_the_querys_words_twice() -> None:
    system, user = rewrite.TASK.prompt(Request(query="  Red\tMaxi  DRESS "), SHOP)
    assert system["content"] == "Write one type for each word of the query."
    assert user["content"] == "red maxi dress\nred maxi dress"


def test_a_query_with_an_occasion() -> None:
    labels = Labels(tags=["other", "color", "other", "shape", "occasion", "+", "+"])
    request = Request(query="Something red and flowy for a wedding")
    assert rewrite.TASK.expand(labels, request, SHOP) == {
        "product_type": None,
        "category": None,
        "filters": {"color": ["red"], "silhouette": ["flowy"], "occasion": ["wedding"]},
        "exclude": {},
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
        ("gold/color", {"color": ["gold"]}),
        ("gold/material", {"material": ["gold"]}),
        ("for/department her/+", {"gender": ["women"]}),
        ("for/department toddlers/+", {"age_group": ["toddler"]}),
        ("with/modifier pockets/+", {"feature": ["with pockets"]}),
        ("slim/shape fit/+", {"silhouette": ["slim"]}),
        ("mini/shape", {"silhouette": ["mini"]}),
        ("mini/size", {"size": ["mini"]}),
        ("size/size 10/+", {"size": ["size 10"]}),
        ("winter/occasion", {"season": ["winter"]}),
        ("pack/quantity of/+ 6/+", {"quantity": ["pack of 6"]}),
        ("plain/other red/other", {"pattern": ["plain"], "color": ["red"]}),
        ("navy/color blue/color", {"color": ["navy blue"]}),
        ("for/other her/department", {"gender": ["women"]}),
        ("sleek/color", {"style": ["elegant"]}),
        ("color/color red/+", {"color": ["red"]}),
        ("red/color colour/other", {"color": ["red"]}),
        ("13in/size", {"size": ["13in"]}),
        ("13in/other", {"size": ["13in"]}),
        ("eu/size 42/+", {"size": ["eu 42"]}),
        ("5/size x/+ 7/+ ft/+", {"size": ["5 x 7 ft"]}),
        ("10/other in/other black/color", {"color": ["black"]}),
        ("12-pack/quantity", {"quantity": ["12-pack"]}),
    ],
)
def test_a_phrase_becomes_a_filter(tagged: str, filters: dict[str, list[str]]) -> None:
    assert expanded(tagged)["filters"] == filters


@pytest.mark.parametrize(
    ("tagged", "keywords"),
    [
        ("wireles/modifier", ["wireles"]),
        ("dragon/name", ["dragon"]),
        ("space/content", ["space"]),
        ("sparkling/color aubergine/+", ["sparkling aubergine"]),
        ("for/occasion my/+ sisters/+ wake/+", ["sisters wake"]),
        ("lord/name of/+ the/+ rings/+", ["lord of the rings"]),
        ("by/brand acme/+", ["acme"]),
        ("rainfall/brand", ["rainfall"]),
        ("pipe/occasion", ["pipe"]),
        ("9/size drawer/+", ["9 drawer"]),
        ("9/other drawer/other", ["9 drawer"]),
        ("galaxy/other 15/other", ["galaxy 15"]),
        ("zorblax/other quux/other", ["zorblax", "quux"]),
        ("urban/brand decay/+", ["urban decay"]),
        ("5000mah/size", ["5000mah"]),
        ("30%/price off/+", ["30% off"]),
        ("cheap/price", ["cheap"]),
        ("grain/modifier free/+", ["grain free"]),
        ("no/modifier show/+", ["no show"]),
    ],
)
def test_a_phrase_that_names_no_known_value_is_a_keyword(tagged: str, keywords: list[str]) -> None:
    answer = expanded(tagged)
    assert (answer["filters"], answer["exclude"], answer["keywords"]) == ({}, {}, keywords)


def test_words_of_a_phrase_beside_its_value_are_keywords() -> None:
    answer = expanded("rustic/occasion pipe/+ shelf/type")
    assert answer["filters"] == {"style": ["rustic"]}
    assert (answer["product_type"], answer["keywords"]) == ("shelf", ["pipe"])


def test_a_brand_of_the_shop_is_a_filter(tmp_path: Path) -> None:
    text = SHIPPED_ONTOLOGY.read_text(encoding="utf-8")
    own = tmp_path / "ontology.yaml"
    own.write_text(
        text.replace("\nattributes:\n", "\nattributes:\n  brand:\n    Acme: [acme sports]\n"), encoding="utf-8"
    )
    answer = expanded("acme/brand shoes/type no/other", Ontology.load(own))
    assert answer["filters"] == {"brand": ["Acme"]}
    request = Request(query="shoes not acme sports")
    labels = rewrite.TASK.fallback(request, Ontology.load(own))
    assert rewrite.TASK.expand(labels, request, Ontology.load(own))["exclude"] == {"brand": ["Acme"]}


@pytest.mark.parametrize(
    ("tagged", "leaf"),
    [
        ("tea/type caddy/+", None),
        ("tea/type caddy/type", None),
        ("tea/type", "Tea"),
        ("lantern/type shaped/+ lamp/+", "Lamps"),
        ("phone/type case/+", "Phone Cases"),
        ("kitchen/type shelves/+", "Shelves and Racks"),
        ("book/type shelf/+", "Bookcases"),
        ("sleeve/type for/+ tuba/+", None),
        ("pair/type of/+ jeans/+", "Jeans"),
        ("chest/type of/+ drawers/+", "Dressers"),
        ("shoes/type black/color men/department", "Casual Shoes"),
    ],
)
def test_the_category_is_that_of_the_types_head(tagged: str, leaf: str | None) -> None:
    category = expanded(tagged)["category"]
    assert (category and category[-1]) == leaf


@pytest.mark.parametrize(
    ("tagged", "exclude"),
    [
        ("dress/type not/other red/color", {"color": ["red"]}),
        ("dress/type not/color red/+", {"color": ["red"]}),
        ("black/color shoes/type no/modifier laces/+", {"keywords": ["laces"]}),
        ("black/color shoes/type no/other laces/type", {"keywords": ["laces"]}),
        ("non/modifier leather/material jacket/type", {"material": ["leather"]}),
        ("non-leather/other jacket/other", {"material": ["leather"]}),
        ("-red/color dress/type", {"color": ["red"]}),
        ("lamp/type no/other red/color or/other blue/color", {"color": ["red", "blue"]}),
        ("fridge/type without/other freezer/type", {"keywords": ["freezer"]}),
    ],
)
def test_a_negation_excludes(tagged: str, exclude: dict[str, list[str]]) -> None:
    answer = expanded(tagged)
    assert answer["exclude"] == exclude
    excluded = {word for values in exclude.values() for value in values for word in value.split()}
    assert excluded.isdisjoint((answer["product_type"] or "").split())


CUES = st.sampled_from(
    "no not without non except but anything free of or nor and , - don't want hate minus other than neither".split()
)
NUMBERS = st.sampled_from("under over between 20 50 $30 100-200 30% off 10 in inch not more than € 1,299 lakh".split())


@st.composite
def labelled(draw: st.DrawFn) -> tuple[Request, list[str]]:
    """Any query, rich in negations and amounts, with any labels that the grammar admits."""
    word = QUERY_WORDS | CUES | NUMBERS | st.text(CHARACTERS, min_size=1, max_size=6) | QUERY_WORDS.map("-{}".format)
    query = draw(st.lists(word, min_size=1, max_size=9).map(" ".join).filter(lambda text: plain(text)))
    request = Request.model_validate({"query": query})
    return request, draw(tags(len(rewrite.query_words(request.query))))


@thorough
@given(labelled())
def test_each_word_has_exactly_one_meaning(example: tuple[Request, list[str]]) -> None:
    request, line = example
    reading = Reading(request.query, line, SHOP)
    places = [i for part in reading.parts for i in range(*part.span)] + [*reading.cues]
    assert len(places) == len(set(places))
    unread = set(range(len(reading.texts))).difference(places)
    assert not [reading.texts[i] for i in unread if is_content(reading.texts[i])]
    closed = {*negations.WORDS, *SHOP.attributes, "colour"}
    cues = [text for i in reading.cues if is_content(text := reading.texts[i])]
    assert not [text for text in cues if not closed & {text, fold(text)} and not negations.is_do_not(text)]


@thorough
@given(labelled())
def test_the_answer_is_the_parts(example: tuple[Request, list[str]]) -> None:
    request, line = example
    answer = rewrite.TASK.expand(Labels(tags=line), request, SHOP)
    parts = Reading(request.query, line, SHOP).parts
    assert answer["keywords"] == [part.value for part in parts if part.field == "keywords"]
    assert (answer["product_type"] or "") == " ".join(part.value for part in parts if part.field == "type")
    for field in ("filters", "exclude"):
        pairs = {(name, value) for name, values in answer[field].items() for value in values}
        assert pairs == {(part.name, part.value) for part in parts if part.field == field}


@thorough
@given(st.data(), st.lists(st.sampled_from("or , and in for 20 $30 no not without -x the".split()), max_size=9))
def test_no_unknown_word_is_lost_or_becomes_a_filter(data: st.DataObject, between: list[str]) -> None:
    words = [word for i, other in enumerate(between) for word in (f"zorb{chr(97 + i)}lax", other)]
    query = " ".join([*words, "zorblax"])
    line = data.draw(tags(len(rewrite.query_words(query))))
    answer = rewrite.TASK.expand(Labels(tags=line), Request(query=query), SHOP)
    shown = [*(answer["product_type"] or "").split(), *answer["keywords"], *answer["exclude"].get("keywords", ())]
    counted = " ".join(shown).split()
    assert all(counted.count(word) == 1 for word in query.split() if word.startswith("zorb"))
    assert not answer["filters"] and not answer["exclude"].keys() - {"keywords"}


@quick
@given(rewritten())
def test_every_filter_value_is_in_the_ontology_or_in_the_query(example: tuple[Request, Labels]) -> None:
    request, labels = example
    answer = rewrite.TASK.expand(labels, request, SHOP)
    query = " ".join(rewrite.query_words(request.query))
    for attribute, values in (*answer["filters"].items(), *answer["exclude"].items()):
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
        ("seats/other up/other to/other 6/other", None),  # a count
        ("up/other to/other 20/other bottles/type", None),
        ("towel/type set/+ up/other to/other 50/other", {"max": 50}),
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


@quick
@given(labelled())
def test_splitting_the_words_again_changes_nothing(example: tuple[Request, list[str]]) -> None:
    words = rewrite.query_words(example[0].query)
    assert rewrite.query_words(" ".join(words)) == words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("dress,red", "dress red"),
        ("Red Dress!!", "red dress"),
        ("size:10", "size 10"),
        ("13in A4 50ml t-shirt", "13in a4 50ml t-shirt"),
        ("1,299.99 1:24 3/4 w/o", "1,299.99 1:24 3/4 w/o"),
        ("gray/blue navy+boots", "gray blue navy boots"),
        ("-red non-leather scent-free", "red non leather scent free"),
        ("(soft) 'hat' \u201cbig\u201d", "soft hat big"),
        ('24" monitor & s10+', '24" monitor & s10+'),
        ("!!! ,", "!!! ,"),
        ("jane+shop@example.com", "jane+shop@example.com"),
        ("-40 $.99 .5", "-40 $.99 .5"),
    ],
)
def test_punctuation_splits_words_as_people_mean_them(query: str, words: str) -> None:
    assert rewrite.query_words(query) == words.split()


# Requests


@pytest.mark.parametrize(
    "query",
    [
        "\uff22\uff4c\uff55\uff45\u3000\uff53\uff48\uff49\uff52\uff54",
        "blue&nbsp;shirt",
        "blue <b>shirt</b>",
        "bl\u200bue\x00shirt",
        "blue&#10;shirt",
    ],
)
def test_a_query_is_cleaned(query: str) -> None:
    assert rewrite.query_words(Request(query=query).query) == ["blue", "shirt"]


@pytest.mark.parametrize("query", ["", " ", "\x1f", "x" * 301, "a " * 33])
def test_a_malformed_query_is_refused(query: str) -> None:
    with pytest.raises(ValidationError):
        Request(query=query)


def test_a_query_of_32_words() -> None:
    assert len(rewrite.query_words(Request(query="a " * 32).query)) == 32
