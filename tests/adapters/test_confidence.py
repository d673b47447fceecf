"""Confidence: what its features are, and that repeating a text changes none of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.confidence import LIMIT, Completion, features, log_odds
from adapters.ontology import Ontology
from adapters.tasks import task
from tests.adapters.completions import line

SHOP = Ontology.load()
quick = settings(max_examples=50, deadline=None)
logprobs = st.lists(st.floats(-20, 0), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("pieces", "beginning", "count"),
    [
        (("phone", " cases", ";", " black"), "phone cases", 3),
        (("phone", "cases", ";", "black"), "phone cases", 3),  # a tokenizer that leaves out spaces
        (("tea", ";", " green", ""), "tea", 2),
        (("tea", " pots", ";", " green"), "tea", 2),  # where it could have ended
        (("stays", ""), "stays", 2),
    ],
)
def test_a_beginning_is_its_tokens_and_the_one_that_ends_it(
    pieces: tuple[str, ...], beginning: str, count: int
) -> None:
    completion = Completion("".join(pieces), pieces, tuple(-float(i) for i in range(len(pieces))))
    assert completion.beginning(beginning) == completion.logprobs[:count]


def test_the_features_of_a_line() -> None:
    written = line("shirts; navy blue; men", logprob=-0.1, shirts=-0.5, men=-2.0)
    values = features([written], 0, "shirts", {"agrees": 0.5})
    assert values == {
        "typical": pytest.approx(log_odds((-0.5 - 0.1 - 0.1 - 2.0) / 4)),
        "lowest": pytest.approx(log_odds(-2.0)),
        "decisive": pytest.approx(log_odds(-0.5)),
        "agrees": 0.5,
    }


def test_samples_agree_by_the_words_that_they_share() -> None:
    same, other = line("a red candle"), line("a blue lamp")
    assert features([same, same], 0, None, {})["agreement"] == 1.0
    assert features([same, same, other], 0, None, {})["agreement"] == pytest.approx((1 + 1 / 5) / 2)
    assert "agreement" not in features([same], 0, None, {})


@given(st.floats(max_value=0, allow_nan=False), st.floats(max_value=0, allow_nan=False))
def test_log_odds_are_bounded_and_keep_the_order(one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert -LIMIT <= log_odds(low) <= log_odds(high) <= LIMIT


@given(st.floats(1e-4, 1 - 1e-4))
def test_log_odds_are_those_of_the_probability(p: float) -> None:
    assert log_odds(math.log(p)) == pytest.approx(math.log(p / (1 - p)), abs=1e-6)


@given(logprobs, st.integers(2, 9))
def test_a_longer_line_of_the_same_tokens_has_the_same_features(values: list[float], times: int) -> None:
    words = [f"w{i}" for i in range(len(values))]
    once = Completion(" ".join(words), tuple(words), tuple(values))
    often = Completion(" ".join(words * times), tuple(words * times), tuple(values * times))
    assert features([often], 0, None, {}) == pytest.approx(features([once], 0, None, {}))


REPEATED = [
    ("extract", "review", "Great for beginners but the handle is uncomfortable.", "positive; no; beginner; -"),
    ("extract", "review", "Broke after two days, poor quality.", "negative; no; -; -"),
    ("classify", "title", "cotton shirt navy", "shirts; navy blue; -"),
    ("classify", "title", "B07XJ8C8F5", "-; -; -"),
]


@pytest.mark.parametrize(("name", "field", "text", "written"), REPEATED)
@quick
@given(times=st.integers(2, 9))
def test_the_same_sentence_several_times_over_has_the_same_evidence(
    name: str, field: str, text: str, written: str, times: int
) -> None:
    of = task(name)
    once, often = (of.request(**{field: " ".join([text] * n)}) for n in (1, times))
    labels = of.decode(written, once, SHOP)
    expected = of.evidence(labels, once, SHOP)
    assert of.evidence(labels, often, SHOP) == pytest.approx(expected)


def test_labels_of_rules_agree_with_rules() -> None:
    rewrite = task("rewrite")
    request = rewrite.request(query="red maxi dress for a wedding")
    labels = rewrite.fallback(request, SHOP)
    assert rewrite.evidence(labels, request, SHOP)["agrees"] == 1.0
    other = rewrite.labels(tags=["other"] * len(labels.tags))
    assert rewrite.evidence(other, request, SHOP)["agrees"] < 1.0


@pytest.mark.parametrize(
    ("review", "overall", "sign"),
    [
        ("Great quality, love it", "positive", 1),
        ("Great quality, love it", "negative", -1),
        ("Love the fabric, hate the zip", "mixed", 1),
        ("Love the fabric, great fit", "mixed", -1),
        ("It is a table", "positive", 0),
    ],
)
def test_the_overall_sentiment_agrees_with_opinion_words_or_does_not(review: str, overall: str, sign: int) -> None:
    extract = task("extract")
    request = extract.request(review=review)
    evidence = extract.evidence(extract.labels(overall_sentiment=overall), request, SHOP)
    assert evidence["agrees"] == sign
    assert evidence["opinionated"] == (sign != 0)


@pytest.mark.parametrize(
    ("name", "text", "decisive"),
    [
        ("extract", "positive; no; -; -", "positive"),
        ("churn", "leaves; monthly contract", "leaves"),
        ("support", "1, 2: Yes.", "1, 2"),
        ("rewrite", "color type", None),
        ("copywrite", "A red candle.", None),
    ],
)
def test_what_decides_whether_a_line_is_right(name: str, text: str, decisive: str | None) -> None:
    assert task(name).decisive(text) == decisive
