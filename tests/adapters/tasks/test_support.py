"""Support: nothing is shown that states a figure which neither message nor passages have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from adapters.ontology import Ontology
from adapters.tasks import support
from tests.adapters.tasks.strategies import asked

SHOP = Ontology.load()
RETURNS = "Send unworn items back within 30 days, for $4.50 or free above 60 €."
CONTACT = "Call +1 555 010 0199 or write to help@shop.example, Monday to Friday."
LINK = "See www.shop.example/returns; refunds take five to ten working days."


def request(message: str, *context: str) -> support.Request:
    return support.Request.model_validate({"message": message, "context": list(context)})


@pytest.mark.parametrize(
    ("reply", "beyond"),
    [
        ("Yes, within 30 days.", []),
        ("Yes, within thirty days.", []),
        ("You have a 30-day window.", []),
        ("Within 30 hours.", ["time: 30 hour"]),
        ("Within 14 days.", ["time: 14 day", "number: 14"]),
        ("Within one month.", ["time: 1 month", "number: 1"]),
        ("One of us will help you, have a nice day.", []),
        ("That costs 4.50 USD.", []),
        ("That costs $4.5.", []),
        ("That costs 4.50 €.", ["amount: €4.5"]),
        ("That costs 4.50%.", ["amount: 4.5%"]),
        ("It is $30.", ["amount: $30"]),
        ("Free above 60 euros.", []),
        ("Call +1 (555) 010-0199 on Friday.", []),
        ("Call +1 555 010 0198.", ["number: 15550100198"]),
        ("Call on Sunday.", ["day: sunday"]),
        ("Write to help@shop.example.", []),
        ("Write to me@shop.example.", ["e-mail: me@shop.example"]),
        ("See https://www.shop.example/returns.", []),
        ("See shop.example/refunds!", ["link: shop.example/refunds"]),
        ("Order 4711 and 1,299 points are noted.", []),  # the message has them
        ("Order 4712 is noted.", ["number: 4712"]),
        ("Five to 10 working days.", []),
    ],
)
def test_figures_must_have_been_given(reply: str, beyond: list[str]) -> None:
    said = request("Where is order 4711 with my 1299 points?", RETURNS, CONTACT, LINK)
    assert support.unsupported(reply, said) == beyond
    labels = support.Labels(cited=[1], reply=reply)
    assert support.TASK.faithful(labels, said, SHOP) is (beyond == [])
    assert support.TASK.expand(labels, said, SHOP)["unsupported"] == beyond


def test_a_figure_may_be_in_a_title_or_an_id() -> None:
    told: dict[str, Any] = {"id": "2024-7", "title": "30 days", "text": "Items can come back."}
    said = support.Request.model_validate({"message": "?", "context": [told]})
    assert support.unsupported("30 days, says 2024-7.", said) == []


def test_the_first_faithful_sample_is_chosen_and_a_loop_is_not() -> None:
    said, loop = request("Can I return it?", RETURNS), " ".join(["send it back please"] * 3)
    lines = ["1: Within 90 days.", f"1: {loop}", "1: Within 30 days.", "handoff"]
    found = support.TASK.choose(lines, said, SHOP)
    assert found == (support.Labels(cited=[1], reply="Within 30 days."), 2)
    assert support.TASK.choose(lines[:2], said, SHOP) is None


@pytest.mark.parametrize(
    ("message", "cited"),
    [
        ("How many days do I have to send items back?", [1]),
        ("How long do refunds take? In working days please", [3]),
        ("refunds", [3]),
        ("Do you sell gift cards?", []),
        ("?", []),
    ],
)
def test_the_fallback_quotes_the_passage_that_fits_or_asks_for_a_person(message: str, cited: list[int]) -> None:
    said = request(message, RETURNS, CONTACT, LINK)
    labels = support.TASK.fallback(said, SHOP)
    assert labels.cited == cited
    told = support.TASK.expand(labels, said, SHOP)
    assert told["reply"] == (said.context[cited[0] - 1].text if cited else None)
    assert told["handoff"] is (cited == [])


@settings(deadline=None, max_examples=300)
@given(asked())
def test_the_fallback_says_nothing_that_was_not_given(said: support.Request) -> None:
    labels = support.TASK.fallback(said, SHOP)
    assert support.TASK.decode(support.TASK.encode(labels), said, SHOP) == labels
    assert labels.reply is None or support.unsupported(labels.reply, said) == []


def test_without_passages_a_person_answers() -> None:
    assert support.TASK.grammar(request("Hello"), SHOP) == 'root ::= "handoff"'
    assert support.TASK.fallback(request("Hello"), SHOP) == support.Labels()


@pytest.mark.parametrize(
    "labels",
    [
        {"cited": [1]},
        {"reply": "Yes."},
        {"cited": [2, 1], "reply": "Yes."},
        {"cited": [1, 1], "reply": "Yes."},
        {"cited": [0], "reply": "Yes."},
        {"cited": [9], "reply": "Yes."},
        {"cited": [1], "reply": "Two\nlines."},
    ],
)
def test_labels_that_no_line_tells_are_refused(labels: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        support.Labels.model_validate(labels)


def test_a_passage_may_be_its_text_alone() -> None:
    assert request("Hi", "Open daily.").context == [support.Passage(text="Open daily.")]
