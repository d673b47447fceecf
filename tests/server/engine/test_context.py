"""How much context tasks need: their largest requests and answers."""

from __future__ import annotations

import datetime
import enum
import logging
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from adapters.tasks import tasks
from adapters.tasks.contract import Strict, limit
from server.engine import context
from server.engine.context import ENTRY, INSTRUCTIONS, needed_context

ANSWER = 10  # tokens


def needed(
    monkeypatch: pytest.MonkeyPatch, example: dict[str, Any] | None = None, variant: str | None = None, **fields: Any
) -> int | None:
    """What a task with these fields in its request needs; its answers have `ANSWER` tokens for each row, or in all."""

    class OfTheseFields(type(tasks()["classify"])):  # type: ignore[misc]
        name: ClassVar[str] = "new"
        request = create_model("Request", __base__=Strict, **fields)
        variant_field = variant

        def warm(self) -> list[Any]:
            return [self.request.model_construct(**self.example)]

        def max_tokens(self, request: Any) -> int:
            return ANSWER * len(getattr(request, "rows", "1"))

    OfTheseFields.example = example or {}

    monkeypatch.setattr(context, "tasks", lambda: {"new": OfTheseFields()})
    return needed_context(["new"])


Text = Annotated[str, limit(300)]
Name = Annotated[str, limit(50)]
Code = Annotated[str, Field(pattern="^[a-z]+$", max_length=20)]


class Size(enum.StrEnum):
    SMALL = "small"
    MEDIUM = "x-medium"


class Short(BaseModel):
    kind: Literal["a"]


class Long(BaseModel):
    kind: Literal["long"]
    text: Text


class Tree(BaseModel):
    name: Name
    children: list[Tree] = Field(default=[], max_length=2)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


@pytest.mark.parametrize(
    ("fields", "characters"),
    [
        ({"text": (Text, ...), "number": (int, 3), "flag": (bool, False)}, 300),
        ({"text": (Text | None, None), "id": (Code | None, None)}, 320),
        ({"texts": (list[Text], Field(max_length=5))}, 1_500),
        ({"numbers": (list[float], Field(max_length=500))}, 500 * ENTRY),
        ({"texts": (dict[Name, Text], Field(max_length=20))}, 7_000),
        ({"codes": (dict[Code, Text], Field(max_length=20))}, 6_400),
        ({"texts": (dict[Literal["title", "text"], Text], ...)}, 610),
        ({"texts": (dict[Size, Text], ...)}, 616),
        ({"pair": (tuple[Text, Name], ...)}, 350),
        ({"texts": (tuple[Text, Name] | Annotated[list[Name], Field(max_length=20)], ...)}, 1_000),
        ({"kind": (Literal["shirt"], ...), "size": (Literal["small", "medium"], ...), "other": (Size, ...)}, 19),
        ({"item": (Short | Long, Field(discriminator="kind"))}, 304),
        ({"items": (list[Short | Long], Field(max_length=3))}, 912),
        ({"day": (datetime.date | None, None), "time": (datetime.datetime | None, None), "text": (Text, ...)}, 342),
    ],
)
def test_it_follows_from_the_limits_of_the_requests_texts(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], characters: int
) -> None:
    assert needed(monkeypatch, **fields) == INSTRUCTIONS + characters // 2 + ANSWER


@pytest.mark.parametrize(
    "kind",
    [
        str,
        list[Text],
        dict[Name, Text],
        dict[str, Text],
        tuple[Text, ...],
        tuple[Text, str],
        Annotated[str, Field(pattern="^[a-z]+$")],
        dict[Annotated[str, Field(pattern="^[a-z]+$")], int],
        Text | list[str],
        Any,
        dict[str, Any],
        Tree,
        Open,
        list[Open] | None,
    ],
)
def test_a_text_without_a_limit_needs_all_the_context_that_there_is_and_is_named(
    monkeypatch: pytest.MonkeyPatch, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert needed(monkeypatch, first=(Text, ...), body=(kind, ...)) is None
    [line] = caplog.messages
    assert line.startswith("new: body") and "has no limit" in line and "SHOPLORA_MAX_MODEL_LEN" in line


def test_the_name_of_a_variant_is_no_part_of_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"text": (Text, ...), "voice": (Annotated[str, Field(pattern="^[a-z]+$")] | None, None)}
    assert needed(monkeypatch, variant="voice", **fields) == INSTRUCTIONS + 150 + ANSWER


def test_the_answer_to_as_many_rows_as_a_request_may_have_counts_where_no_row_can_be_made_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = (list[create_model("Row", code=(Code, ...))], Field(max_length=50))
    assert needed(monkeypatch, {"rows": [{"code": "ab"}]}, rows=rows) == INSTRUCTIONS + 500 + 50 * ANSWER


def test_the_answer_to_the_largest_rows_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (list[create_model("Row", title=(Name, ...), text=(Text, ...))], Field(max_length=2))
    assert needed(monkeypatch, rows=rows) == INSTRUCTIONS + 350 + 2 * ANSWER


def test_the_task_that_needs_most_decides() -> None:
    assert needed_context([]) is None
    both = needed_context(["rewrite", "copywrite"])
    assert both is not None and both == needed_context(["copywrite"]) > (needed_context(["rewrite"]) or both)


def test_the_longest_answer_that_a_request_can_ask_for_counts() -> None:
    characters = 200 + 100 + 20 * (50 + 100) + 5 * 300  # of copywrite's name, category, attributes and context
    words = 150  # at most, of two tokens each
    assert needed_context(["copywrite"]) == INSTRUCTIONS + characters // 2 + 2 * words
