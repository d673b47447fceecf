"""Records: read though they are wrong, told by task, and counted by label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.tasks import task
from training.data import records
from training.data.duplicates import near_pairs
from training.data.records import Record, RecordError, compared, label_values, main_label, read, task_of
from training.examples import SAMPLES


def written(folder: Path, *lines: Any) -> Path:
    file = folder / "shop.jsonl"
    said = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text("\n".join(said) + "\n", encoding="utf-8")
    return file


def test_lines_that_are_no_records_are_told_with_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_LINE", 150_000)
    deep = '{"a":' * 300 + "1" + "}" * 300
    file = written(tmp_path, {"request": {}}, "", "{", [3], "[" * 100_000, "x" * 200_000, deep)
    file.write_bytes(file.read_bytes() + b"\xff\n")
    found, broken = read(file)
    assert [record.line for record in found] == [1]
    assert [line for line, _ in broken] == [3, 4, 5, 6, 7, 8]
    assert "must be an object" in broken[1][1]
    assert "over 150,000 bytes" in broken[3][1]


def test_a_file_without_examples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no examples"):
        read(written(tmp_path, "", " "))
    with pytest.raises(RecordError, match=r"absent\.jsonl cannot be read"):
        read(tmp_path / "absent.jsonl")


@pytest.mark.parametrize("name", ["classify", "rewrite", "extract", "copywrite"])
def test_the_fields_tell_the_task(name: str) -> None:
    found, _ = read(SAMPLES / f"{name}.jsonl")
    assert task_of(found, Path("x")) == name


def test_no_task_has_other_fields(tmp_path: Path) -> None:
    told = [{}, {"request": 3, "labels": None}, {"request": {"titel": "a"}, "labels": {}}]
    with pytest.raises(RecordError, match="no line has the fields of a task"):
        task_of([Record(i, each) for i, each in enumerate(told)], tmp_path)


@pytest.mark.parametrize(
    ("task", "labels", "values"),
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
        ("rewrite", None, []),
    ],
)
def test_labels_are_counted(task: str, labels: Any, values: list[str]) -> None:
    assert label_values(task, labels) == values
    assert main_label(task, labels) == (values[0] if values else "")


def test_requests_are_told_apart_by_their_text_else_by_all_they_say() -> None:
    title = {"title": "red shirt", "brand": "Acme"}
    assert compared(task("classify").request, title) == "red shirt Acme"
    message = {"message": "Where is it?", "context": [{"text": "Delivery takes 4 days."}]}
    assert compared(task("support").request, message) == "Where is it?"
    two, three = ({"tenure_months": n, "contract": "monthly"} for n in (2, 3))
    churn = task("churn").request
    assert compared(churn, two) != compared(churn, three)
    assert compared(churn, two) == compared(churn, dict(reversed(two.items())))
    assert list(near_pairs([compared(churn, two), compared(churn, three)])) == []
