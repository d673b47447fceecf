"""How much context tasks need: their largest requests and answers."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field, create_model

from adapters.tasks import tasks
from adapters.tasks.contract import Strict, limit
from server.engine import context
from server.engine.context import INSTRUCTIONS, needed_context


def needed(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> int | None:
    """What a task with these fields in its request needs; its answers have 10 tokens."""

    class OfTheseFields(type(tasks()["classify"])):  # type: ignore[misc]
        request = create_model("Request", __base__=Strict, **fields)

        def warm(self) -> list[Any]:
            return []

        def max_tokens(self, request: Any) -> int:
            return 10

    monkeypatch.setattr(context, "tasks", lambda: {"new": OfTheseFields()})
    return needed_context(["new"])


Text = Annotated[str, limit(300)]
Name = Annotated[str, limit(50)]


@pytest.mark.parametrize(
    ("fields", "characters"),
    [
        ({"text": (Text, ...), "number": (int, 3), "flag": (bool, False)}, 300),
        ({"text": (Text | None, None), "id": (Annotated[str, Field(pattern="^[a-z]+$")] | None, None)}, 300),
        ({"texts": (list[Text], Field(max_length=5))}, 1_500),
        ({"texts": (dict[Name, Text], Field(max_length=20))}, 7_000),
        ({"rows": (list[create_model("Row", title=(Name, ...), text=(Text, ...))], Field(max_length=2))}, 700),
    ],
)
def test_it_follows_from_the_limits_of_the_requests_texts(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], characters: int
) -> None:
    assert needed(monkeypatch, **fields) == INSTRUCTIONS + characters // 2 + 10


@pytest.mark.parametrize("kind", [str, list[Text], dict[Name, Text]])
def test_a_text_without_a_limit_needs_all_the_context_that_there_is(monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    assert needed(monkeypatch, text=(kind, ...)) is None


def test_the_task_that_needs_most_decides() -> None:
    assert needed_context([]) is None
    both = needed_context(["rewrite", "copywrite"])
    assert both is not None and both == needed_context(["copywrite"]) > (needed_context(["rewrite"]) or both)


def test_the_longest_answer_that_a_request_can_ask_for_counts() -> None:
    characters = 200 + 100 + 20 * (50 + 100) + 5 * 300  # of copywrite's name, category, attributes and context
    words = 150  # at most, of two tokens each
    assert needed_context(["copywrite"]) == INSTRUCTIONS + characters // 2 + 2 * words
