"""Extract: the line, spans of the review, and the answer from the model's labels."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.ontology import Ontology
from adapters.tasks import extract, reviews
from adapters.tasks.contract import LineError
from adapters.tasks.extract import Aspect, Labels, Request
from tests.adapters.tasks.strategies import CHARACTERS

SHOP = Ontology.load()
quick = settings(max_examples=50, deadline=None)


def expanded(line: str, review: str) -> dict[str, Any]:
    request = Request(review=review)
    return extract.TASK.expand(extract.TASK.decode(line, request, SHOP), request, SHOP)


def opinion_shown(review: str, span: str) -> str | None:
    """The opinion in the answer for a span; None if the review has no such words."""
    try:
        aspects = expanded(f"mixed; no; -; fit + {span}", review)["aspects"]
    except LineError:
        return None
    return aspects[0].opinion if aspects else None


def test_the_prompt_is_the_review_on_one_line() -> None:
    request = Request(review="Great!\n\nBUT  loud", product="Fan X")
    system, user = extract.TASK.prompt(request, SHOP)
    assert system["content"] == "Extract sentiment; difficulty; use case; aspects."
    assert user["content"] == "product: fan x\ngreat! but loud"
    assert extract.TASK.prompt(Request(review="Loud"), SHOP)[1]["content"] == "loud"


def test_a_review_with_an_issue() -> None:
    review = "Great for beginners but the handle is uncomfortable after 20 minutes"
    answer = expanded("positive; no; beginner; comfort - handle: uncomfortable", review)
    assert answer == {
        "overall_sentiment": "positive",
        "aspects": [Aspect(aspect="handle", category="comfort", sentiment="negative", opinion="uncomfortable")],
        "attribute_issues": ["handle_comfort"],
        "mentions_difficulty": False,
        "use_case": "beginner",
    }


# Spans


@pytest.mark.parametrize(
    ("review", "span", "spelled"),
    [
        ("The Battery Life is poor", "battery life", "Battery Life"),
        ("(battery life!)", "battery life", "battery life"),
        ("the strap digs in.", "digs in", "digs in"),
        ("the strap digs in.", "digs in.", "digs in"),
        ("don\u2019t like it", "don't like", "don\u2019t like"),
        ("the straps dig in", "strap", None),
        ("set up;easy", "up easy", "up;easy"),
        ("battery\n  life", "battery life", "battery life"),
        ("battery lifetime", "battery life", None),
        ("life of the battery", "battery life", None),
        ("x" * 30 + " is long", "x" * 24, "x" * 30),
        ("a fine thing ...", "...", None),
    ],
)
def test_a_span_is_shown_in_the_reviews_spelling(review: str, span: str, spelled: str | None) -> None:
    assert opinion_shown(review, span) == spelled


def test_words_that_the_review_lacks_are_a_line_error() -> None:
    for line in ("parts - handle: wobbly", "sound - motor: loose", "parts - loose handle"):
        with pytest.raises(LineError, match="not in the review"):
            expanded(f"negative; no; -; {line}", "The handle is loose.")


def test_opinions_stand_in_the_order_of_the_review() -> None:
    review = Request(review="Great sound, poor battery")
    sound = Aspect(aspect="sound", category="sound", sentiment="positive", opinion="great")
    battery = Aspect(aspect=None, category="battery", sentiment="negative", opinion="poor")
    backwards = Labels(overall_sentiment="mixed", aspects=[battery, sound])
    with pytest.raises(LineError, match="not in its order: 'great'"):
        extract.TASK.decode(extract.TASK.encode(backwards), review, SHOP)
    labels = extract.TASK.complete(backwards, review, SHOP)
    assert labels.aspects == [sound, battery]
    assert extract.TASK.decode(extract.TASK.encode(labels), review, SHOP) == labels


@quick
@given(st.text(CHARACTERS, min_size=1, max_size=60), st.data())
def test_every_phrase_of_the_review_is_a_span_of_it(review: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(review) - 1))
    parts = review[:start].split()
    span = reviews.as_span(" ".join(review.split()[len(parts) : len(parts) + 9]))
    if span is not None and any(char.isalnum() for char in span):
        assert reviews.Review(review).spelled(span)


@pytest.mark.parametrize(
    ("line", "category"),
    [
        ("sound - handle: uncomfortable", "comfort"),  # the ontology's word decides
        ("sound - strap: is odd", "sound"),  # they show only that it is a part
        ("general - strap: is odd", "parts"),
        ("sound - it: is odd", "sound"),  # they show nothing
    ],
)
def test_the_ontologys_category_counts_if_a_word_has_one(line: str, category: str) -> None:
    review = "The handle is uncomfortable, the strap is odd, it is odd."
    assert expanded(f"negative; no; -; {line}", review)["aspects"][0].category == category


@pytest.mark.parametrize(
    ("phrase", "span"),
    [
        ("Battery  Life", "battery life"),
        ("on/off; switch: left", "on/off switch left"),
        ("one two three four five six seven eight nine", "one two three four five six seven eight"),
        ("x" * 30, "x" * 24),
        (" ;: ", None),
        (None, None),
    ],
)
def test_as_span(phrase: str | None, span: str | None) -> None:
    assert reviews.as_span(phrase) == span


@pytest.mark.parametrize("span", ["", "a  b", " a", "a;b", "a:", "x" * 25])
def test_a_malformed_span_is_refused(span: str) -> None:
    aspect = Aspect(aspect=None, category="fit", sentiment="neutral", opinion=span)
    with pytest.raises(ValidationError, match="not a span"):
        Labels(overall_sentiment="mixed", aspects=[aspect])


# Categories and issues


@pytest.mark.parametrize(
    ("part", "opinion", "category"),
    [
        ("battery life", "short", "battery"),
        ("handle", "uncomfortable", "comfort"),
        ("handle", "blue", "color"),
        ("handle", "wobbly", "parts"),
        ("lamp", "overpriced", "price"),
        ("lamp", "expensive", "price"),
        ("help line", "never called back", "service"),
        ("support", "hung up on me", "service"),
        ("brown rice", "mushy", "texture"),
        ("screen", "turned green", "color"),
        (None, "comfortable", "comfort"),
        (None, None, "general"),
    ],
)
def test_category_of(part: str | None, opinion: str | None, category: str) -> None:
    assert extract.category_of(part, opinion, SHOP) == category


@pytest.mark.parametrize(
    ("part", "category", "issue"),
    [
        ("handle", "comfort", "handle_comfort"),
        ("left handles", "comfort", "handle_comfort"),
        ("battery life", "battery", "battery"),
        (None, "price", "price"),
        ("zipper", "parts", "zipper"),
        ("lamp", "general", None),
        (None, "parts", None),
        ("slip-on strap", "fit", "strap_fit"),
        ("größe", "fit", "größe_fit"),
        ("$", "price", "price"),
    ],
)
def test_an_issue_is_a_part_and_its_category(part: str | None, category: str, issue: str | None) -> None:
    aspect = Aspect(aspect=part, category=category, sentiment="negative", opinion=None)
    assert extract.issue_of(aspect, SHOP) == issue


def test_only_complaints_are_issues_without_repeats() -> None:
    review = "Short battery, battery dies fast, great sound, price ok"
    answer = expanded(
        "mixed; no; -; battery - battery: short; battery - battery: dies fast; sound + sound: great; price = price: ok",
        review,
    )
    assert len(answer["aspects"]) == 4
    assert answer["attribute_issues"] == ["battery"]


# Repetition, length, purposes and rules


@pytest.mark.parametrize(
    ("review", "shown"),
    [
        ("Love it. Warm and soft. love it!", "Love it. Warm and soft."),
        ("too small " * 9, "too small"),
        ("Too small! " * 9, "Too small!"),
        ("a b a c", "a b a c"),
        ("ok", "ok"),
        ("", ""),
    ],
)
def test_what_a_review_repeats_counts_once(review: str, shown: str) -> None:
    assert reviews.once(review) == shown


@pytest.mark.parametrize("times", [2, 9])
def test_a_sentence_nine_times_over_has_the_same_prompt_grammar_and_answer(times: int) -> None:
    sentence = "The strap is stiff, but the color is lovely."
    one, many = Request(review=sentence), Request(review=f"{sentence} " * times)
    line = "mixed; no; -; parts - strap: stiff; color + color: lovely"
    assert extract.TASK.prompt(one, SHOP) == extract.TASK.prompt(many, SHOP)
    assert extract.TASK.grammar(one, SHOP) == extract.TASK.grammar(many, SHOP)
    assert expanded(line, one.review) == expanded(line, many.review)
    assert extract.TASK.fallback(one, SHOP) == extract.TASK.fallback(many, SHOP)


def test_equal_aspects_are_shown_once() -> None:
    answer = expanded("positive; no; -; comfort + soft; comfort + soft", "soft and soft")
    assert [aspect.opinion for aspect in answer["aspects"]] == ["soft"]


def test_a_line_that_was_cut_loses_its_last_aspect_alone() -> None:
    request = Request(review="Great sound, poor battery life")
    cut, foreign = "mixed; no; -; sound + sound: great; battery - batt", "mixed; no; -; sound - motor: loose"
    chosen = extract.TASK.choose([cut], request, SHOP)
    assert chosen is not None and [aspect.opinion for aspect in chosen[0].aspects] == ["great"]
    assert extract.TASK.choose([foreign], request, SHOP) is None


@pytest.mark.parametrize(
    ("written", "review", "use"),
    [
        ("small_spaces", "I live in a small village", None),
        ("pets", "It broke", None),
        ("pets", "Great for beginners", "beginner"),
        ("pets", "Nice for our parakeet", "pets"),
    ],
)
def test_a_use_case_is_a_purpose_of_the_review(written: str, review: str, use: str | None) -> None:
    assert extract.use_case_of(written, review, SHOP) == use


def test_the_fallback_quotes_opinions_with_their_negation() -> None:
    request = Request(review="The zipper never sticks. The pockets are not nearly deep enough.")
    labels = extract.TASK.fallback(request, SHOP)
    assert [(a.aspect, a.sentiment, a.opinion) for a in labels.aspects] == [
        ("zipper", "positive", "never sticks"),
        ("pockets", "negative", "not nearly deep enough"),
    ]
    assert extract.TASK.decode(extract.TASK.encode(labels), request, SHOP) == labels


@quick
@given(st.text(CHARACTERS, min_size=1, max_size=80))
def test_the_fallback_fits_the_line_of_any_review(text: str) -> None:
    request = Request.model_construct(review=text, product=None)
    labels = extract.TASK.fallback(request, SHOP)
    assert extract.TASK.read(extract.TASK.encode(labels), request, SHOP) == labels


@pytest.mark.parametrize(
    ("review", "line", "overall"),
    [
        (
            "Perfect for camping but the lid is loose",
            "mixed; no; camping; general + perfect; fit - lid: loose",
            "positive",
        ),
        ("Perfect but the lid is loose", "mixed; no; -; general + perfect; fit - lid: loose", "mixed"),  # no purpose
        (
            "Perfect for camping but the lid is loose and the zip broke",
            "mixed; no; camping; general + perfect; fit - lid: loose; quality - zip: broke",
            "mixed",
        ),
    ],
)
def test_praise_for_a_purpose_outweighs_blame_of_one_part(review: str, line: str, overall: str) -> None:
    request = Request(review=review)
    labels = extract.TASK.decode(line, request, SHOP)
    chosen = extract.TASK.choose([extract.TASK.encode(labels)], request, SHOP)
    assert chosen and chosen[0].overall_sentiment == overall
