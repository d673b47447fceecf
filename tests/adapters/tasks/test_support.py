"""Support: no answer has a figure that is in neither the message nor a passage."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from adapters.ontology import Ontology
from adapters.tasks import support
from tests.adapters.tasks.strategies import support_requests

SHOP = Ontology.load()
RETURNS = "Send unworn items back within 30 days, for $4.50 or free above 60 €."
CONTACT = "Call +1 555 010 0199 or write to help@shop.example, Monday to Friday."
LINK = "See www.shop.example/returns; refunds take five to ten working days."


def make_request(message: str, *context: str) -> support.Request:
    return support.Request.model_validate({"message": message, "context": list(context)})


@pytest.mark.parametrize(
    ("reply", "inventions"),
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
def test_figures_must_have_been_given(reply: str, inventions: list[str]) -> None:
    request = make_request("Where is order 4711 with my 1299 points?", RETURNS, CONTACT, LINK)
    assert support.unsupported(reply, request) == inventions
    labels = support.Labels(cited=[1], reply=reply)
    assert support.TASK.faithful(labels, request, SHOP) is (inventions == [])
    assert support.TASK.expand(labels, request, SHOP)["unsupported"] == inventions


def test_a_figure_may_be_in_a_title_or_an_id() -> None:
    passage = {"id": "2024-7", "title": "30 days", "text": "Items can come back."}
    request = support.Request.model_validate({"message": "?", "context": [passage]})
    assert support.unsupported("30 days, says 2024-7.", request) == []


def test_the_first_faithful_sample_is_chosen_and_a_loop_is_not() -> None:
    request, loop = make_request("Can I return it?", RETURNS), " ".join(["send it back please"] * 3)
    lines = ["1: Within 90 days.", f"1: {loop}", "1: Within 30 days.", "handoff"]
    choice = support.TASK.choose(lines, request, SHOP)
    assert choice == (support.Labels(cited=[1], reply="Within 30 days."), 2)
    assert support.TASK.choose(lines[:2], request, SHOP) is None


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
    request = make_request(message, RETURNS, CONTACT, LINK)
    labels = support.TASK.fallback(request, SHOP)
    assert labels.cited == cited
    answer = support.TASK.expand(labels, request, SHOP)
    assert answer["reply"] == (request.context[cited[0] - 1].text if cited else None)
    assert answer["handoff"] is (cited == [])


@settings(deadline=None, max_examples=300)
@given(support_requests())
def test_the_fallback_invents_nothing(request: support.Request) -> None:
    labels = support.TASK.fallback(request, SHOP)
    assert support.TASK.decode(support.TASK.encode(labels), request, SHOP) == labels
    assert labels.reply is None or support.unsupported(labels.reply, request) == []


def test_without_passages_a_person_answers() -> None:
    assert support.TASK.grammar(make_request("Hello"), SHOP) == 'root ::= "handoff"'
    assert support.TASK.fallback(make_request("Hello"), SHOP) == support.Labels()


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
def test_labels_that_no_line_expresses_are_refused(labels: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        support.Labels.model_validate(labels)


def test_a_passage_may_be_given_as_its_text() -> None:
    assert make_request("Hi", "Open daily.").context == [support.Passage(text="Open daily.")]
