"""Copywrite: facts that a description mentions, leaves out or invents, the choice of a sample, and the fallback."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.ontology import Ontology
from adapters.tasks import copywrite
from adapters.tasks.copywrite import Labels, Request
from tests.adapters.tasks.strategies import CHARACTERS, facts

SHOP = Ontology.load()
quick = settings(max_examples=50, deadline=None)

CANDLE = Request(
    name="Evening Calm Candle",
    category="Candles",
    attributes={"color": "ivory", "material": "soy wax", "burn_time": "40 hours"},
    context=["Poured in Leeds, 220 g."],
)
FAITHFUL = "An ivory candle of soy wax that burns for 40 hours."


def expanded(description: str, request: Request = CANDLE) -> dict[str, Any]:
    return copywrite.TASK.expand(Labels(description=description), request, SHOP)


def test_the_prompt_is_one_fact_a_line() -> None:
    system, user = copywrite.TASK.prompt(CANDLE, SHOP)
    assert system["content"] == "Write a product description that says all the facts and nothing else."
    assert user["content"].splitlines() == [
        "name: Evening Calm Candle",
        "category: Candles",
        "color: ivory",
        "material: soy wax",
        "burn_time: 40 hours",
        "context: Poured in Leeds, 220 g.",
    ]


def test_the_prompt_has_the_limit_of_words() -> None:
    _, user = copywrite.TASK.prompt(CANDLE.model_copy(update={"max_words": 40}), SHOP)
    assert user["content"].splitlines()[-1] == "at most 40 words"


# Mentioned and missing


@pytest.mark.parametrize(
    ("attribute", "value", "description", "mentioned"),
    [
        ("color", "navy blue", "A navy shirt.", True),
        ("color", "navy blue", "A blue shirt.", False),
        ("color", "Gray", "A grey shirt.", True),
        ("material", "soy wax", "Made of SOY-WAX!", True),
        ("fit", "slip-on", "Slip-on ease.", True),
        ("fit", "slip-on", "Slip on ease.", True),
        ("hours", "40 hours", "burns 40 hours", True),
        ("hours", "40 hours", "burns for hours", False),
        ("gender", "women", "For her.", True),
        ("maker", "O\u2019Hara", "By O'Hara.", True),
        ("feature", "pockets", "One pocket.", True),
        ("dishwasher_safe", "yes", "It is dishwasher safe.", True),
        ("dishwasher_safe", "yes", "It is blue.", False),
        ("size", "12 x 8 in", "A tray of 12 by 8 inches.", True),
        ("capacity", "500 ml", "It takes 500 milliliters.", True),
        ("size", "12 x 8 in", "A tray of 12 by 9 inches.", False),
    ],
)
def test_mentioned(attribute: str, value: str, description: str, mentioned: bool) -> None:
    request = Request(name="Thing", attributes={attribute: value})
    answer = expanded(description, request)
    assert answer["mentioned"] == [attribute] * mentioned
    assert answer["missing"] == [attribute] * (not mentioned)


# Unsupported


@pytest.mark.parametrize(
    ("description", "unsupported"),
    [
        (FAITHFUL, []),
        ("A red candle.", ["color: red"]),
        ("A striped candle in a glass jar.", ["pattern: striped", "material: glass", "product: jar"]),
        ("A beeswax candle.", ["material: beeswax"]),  # more than the given wax
        ("Burns 50 hours.", ["number: 50"]),
        ("220 g, 40 hours.", []),
        ("Burns 4 hours.", ["number: 4"]),
        ("Burns 40.5 hours.", ["number: 40.5"]),
        ("Made for winter, brand new.", ["season: winter", "condition: brand new"]),
        ("Lovely and cheerful.", []),
        ("Red, red and red.", ["color: red"]),
    ],
)
def test_unsupported(description: str, unsupported: list[str]) -> None:
    assert expanded(description)["unsupported"] == unsupported


def test_a_claim_in_name_category_or_context_is_given() -> None:
    request = Request(name="Red Fox 500", category="Wooden toys", context=["for winter evenings"])
    assert expanded("A red wood toy for winter, 500 in all.", request)["unsupported"] == []


def test_two_facts_are_not_read_as_one_phrase() -> None:
    request = Request(name="Rose", category="Gold rings")
    assert expanded("A rose gold ring.", request)["unsupported"] == []  # each word was given
    request = Request(name="Dark", attributes={"tone": "blue"})
    assert expanded("Navy.", request)["unsupported"] == ["color: navy"]


def test_words_of_a_given_value_are_given() -> None:
    request = Request(name="Ring", attributes={"finish": "gold-plated", "wool_content": "60%"})
    description = "A gold ring, gold plated; 60% wool content."
    assert expanded(description, request)["unsupported"] == []


# Loops and length


@pytest.mark.parametrize(
    ("description", "loop"),
    [
        ("very very very very soft", True),
        ("very very very soft", False),
        ("it is so soft and " * 3, True),
        ("it is so soft and " * 2, False),
        (FAITHFUL, False),
        ("", False),
    ],
)
def test_has_loop(description: str, loop: bool) -> None:
    assert copywrite.has_loop(description) == loop


@pytest.mark.parametrize(
    ("max_words", "description"),
    [
        (None, "One two three. Four five six! Seven eight? Nine."),
        (150, "One two three. Four five six! Seven eight? Nine."),
        (8, "One two three. Four five six! Seven eight?"),
        (7, "One two three. Four five six!"),
        (5, "One two three."),
    ],
)
def test_max_words_ends_with_a_sentence(max_words: int | None, description: str) -> None:
    request = Request(name="Thing", max_words=max_words)
    answer = expanded("One two three. Four five six! Seven eight? Nine.", request)
    assert answer["description"] == description


def test_a_first_sentence_that_is_too_long_is_cut_at_a_word() -> None:
    request = Request(name="Thing", max_words=5)
    answer = expanded("One two three four five six. Seven.", request)
    assert answer["description"] == "One two three four five"


@quick
@given(st.text(CHARACTERS, min_size=1).map(str.strip), st.integers(5, 150))
def test_max_words_is_never_exceeded(text: str, max_words: int) -> None:
    request = Request(name="Thing", max_words=max_words)
    description = " ".join(filter(str.isprintable, text)) or "x"
    assert len(expanded(description.strip(" ") or "x", request)["description"].split()) <= max_words


def test_facts_that_are_cut_off_are_missing() -> None:
    request = CANDLE.model_copy(update={"max_words": 5})
    answer = expanded("An ivory candle. Made of soy wax.", request)
    assert answer["mentioned"] == ["color"]


# Ranking


def test_samples_are_ranked_by_faithfulness() -> None:
    best_first = [
        FAITHFUL,
        FAITHFUL.rstrip("."),
        "An ivory candle of soy wax.",
        "A candle.",
        f"{FAITHFUL} It is stackable.",
        "An ivory piece of soy wax that burns for 40 hours.",
        f"{FAITHFUL} It suits your lamp.",
        "so very soft and so very soft and so very soft and so very soft",
    ]
    ranks = [copywrite.TASK.rank(Labels(description=d), CANDLE, SHOP) for d in best_first]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


@pytest.mark.parametrize(
    ("description", "faithful"),
    [
        (FAITHFUL, True),
        ("An ivory candle of soy wax.", True),  # two facts of three
        ("An ivory candle.", False),
        ("An ivory piece of soy wax that burns for 40 hours.", False),  # a piece of what?
        (f"{FAITHFUL} In a glass jar.", False),
        (f"{FAITHFUL} Calm, calm, calm, calm.", False),
    ],
)
def test_faithful(description: str, faithful: bool) -> None:
    assert copywrite.TASK.faithful(Labels(description=description), CANDLE, SHOP) == faithful


# Without a model


def test_the_fallback_reads_as_copy() -> None:
    text = copywrite.TASK.fallback(CANDLE, SHOP).description
    assert "an ivory soy wax candle" in text and "a burn time of 40 hours" in text
    assert "the Vase" in copywrite.TASK.fallback(Request(name="Vase"), SHOP).description


@quick
@given(facts())
def test_the_fallback_is_faithful(request_: Request) -> None:
    labels = copywrite.TASK.fallback(request_, SHOP)
    answer = expanded(labels.description, request_)
    assert (answer["missing"], answer["unsupported"]) == ([], [])
    assert copywrite.TASK.faithful(labels, request_, SHOP)


@quick
@given(facts(), st.integers(5, 20))
def test_a_shortened_fallback_still_invents_nothing(request_: Request, max_words: int) -> None:
    request_ = request_.model_copy(update={"max_words": max_words})
    assert expanded(copywrite.TASK.fallback(request_, SHOP).description, request_)["unsupported"] == []


@quick
@given(st.text(min_size=1, max_size=40), st.dictionaries(st.text(), st.text(), max_size=3))
def test_the_fallbacks_line_decodes_whatever_was_given(name: str, attributes: dict[str, str]) -> None:
    try:
        request = Request(name=name, attributes=attributes)
    except ValidationError:
        return
    labels = copywrite.TASK.fallback(request, SHOP)
    assert copywrite.TASK.decode(copywrite.TASK.encode(labels), request, SHOP) == labels
