"""Records: their task by their fields, and the text by which a request is compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.tasks import task
from training.data.duplicates import near_pairs
from training.data.records import compared_text, task_of
from training.examples import SAMPLES, ExampleError, Record, read_records
from training.tasks import training_task


@pytest.mark.parametrize("name", ["classify", "rewrite", "extract", "copywrite"])
def test_the_fields_of_the_records_give_the_task(name: str) -> None:
    assert task_of(read_records(SAMPLES / f"{name}.jsonl"), Path("x")) == name


def test_no_task_has_other_fields(tmp_path: Path) -> None:
    lines = [{}, {"request": 3, "labels": None}, {"request": {"titel": "a"}, "labels": {}}]
    with pytest.raises(ExampleError, match="no line has the fields of a task"):
        task_of([Record(i, line) for i, line in enumerate(lines)], tmp_path)


def test_requests_are_compared_by_their_text_else_by_all_their_fields() -> None:
    title = {"title": "red shirt", "brand": "Acme"}
    assert compared_text(task("classify").request, title) == "red shirt Acme"
    message = {"message": "Where is it?", "context": [{"text": "Delivery takes 4 days."}]}
    assert compared_text(task("support").request, message) == "Where is it?"
    two, three = ({"tenure_months": n, "contract": "monthly"} for n in (2, 3))
    churn = task("churn").request
    assert compared_text(churn, two) != compared_text(churn, three)
    assert compared_text(churn, two) == compared_text(churn, dict(reversed(two.items())))
    assert list(near_pairs([compared_text(churn, two), compared_text(churn, three)])) == []


@pytest.mark.parametrize(
    ("name", "labels", "values"),
    [
        ("classify", {"category": "Shirts"}, ["Shirts"]),
        ("extract", {"overall_sentiment": "mixed"}, ["mixed"]),
        ("rewrite", {"tags": ["other", "color", "+", "type"]}, ["color", "type"]),
        ("rewrite", {"tags": ["other", "other"]}, ["other"]),
        ("copywrite", {"description": "x"}, []),
        ("churn", {"will_churn": False}, ["False"]),
        ("support", {"cited": [1], "reply": "x"}, []),
        ("classify", {"category": 3}, []),
        ("rewrite", {"tags": 3}, []),
        ("extract", {}, []),
    ],
)
def test_examples_are_counted_by_labels_of_closed_lists(name: str, labels: dict[str, Any], values: list[str]) -> None:
    assert training_task(name).label_values(labels) == values
