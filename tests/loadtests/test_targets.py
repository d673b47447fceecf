import json
from dataclasses import replace
from typing import Any

import pytest

from loadtests.targets import Figures, malformed, table

ANSWER: dict[str, Any] = {
    "model": "classify@1",
    "request_id": "r-1",
    "usage": {"prompt_tokens": 30, "completion_tokens": 5},
    "confidence": 0.9,
    "needs_review": False,
    "category": {"id": "shirts", "path": ["Apparel", "Topwear", "Shirts"]},
    "brand": None,
    "attributes": {},
}
PASSING = Figures("classify", 1000, 10, p50=90, p95=200, p99=300, p95_target=200)


def test_a_complete_answer_is_valid() -> None:
    assert malformed("classify", json.dumps(ANSWER)) is None
    variant = {**ANSWER, "model": "classify/streetwear@12"}
    assert malformed("classify", json.dumps(variant).encode()) is None


@pytest.mark.parametrize("field", sorted(ANSWER))
def test_a_missing_field_is_named(field: str) -> None:
    part = {key: value for key, value in ANSWER.items() if key != field}
    assert malformed("classify", json.dumps(part)) == f"malformed answer: {field}: missing"


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[]", b"null"])
def test_a_body_that_is_no_answer_is_malformed(body: bytes) -> None:
    assert (malformed("classify", body) or "").startswith("malformed answer: body: ")


@pytest.mark.parametrize("model", ["base", "rewrite@1", "classify", "classify@", "classifyx@1"])
def test_an_answer_of_another_model_is_invalid(model: str) -> None:
    fault = malformed("classify", json.dumps({**ANSWER, "model": model}))
    assert fault == f"answered by another model: {model}"


def test_figures_that_just_meet_the_targets_pass() -> None:
    assert PASSING.misses(0.01) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"failures": 11}, "classify: 1.1% failed, at most 1.0% may"),
        ({"p95": 210}, "classify: p95 is 210 ms, the target 200 ms"),
        ({"requests": 0, "failures": 0}, "classify: no request was answered"),
    ],
)
def test_a_missed_target_is_a_sentence(change: dict[str, Any], sentence: str) -> None:
    assert replace(PASSING, **change).misses(0.01) == [sentence]


def test_the_table_has_one_line_a_task() -> None:
    head, row = table([PASSING]).splitlines()
    assert len(head) == len(row)
    assert row.split() == ["classify", "1000", "1.0%", "90", "200", "300", "200"]
