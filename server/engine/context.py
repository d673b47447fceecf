"""How many tokens of context the served tasks need. Knows tasks, nothing of vLLM. Called by `server.service`."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from adapters.tasks import tasks
from adapters.tasks.contract import Task

CHARACTERS_A_TOKEN = 2  # of the largest request; English has about 4, German 3
INSTRUCTIONS = 256  # tokens of the system message, the fields' names and the chat template


class _UnlimitedError(Exception):
    """A field of a request has no limit."""


def needed_context(names: Iterable[str]) -> int | None:
    """Tokens of the largest request of these tasks plus its answer; None if there is none or a text has no limit."""
    try:
        return max((_needed(tasks()[name]) for name in names), default=None)
    except _UnlimitedError:
        return None


def _needed(task: Task[Any, Any]) -> int:
    schema = task.request.model_json_schema()
    largest, characters = _largest(schema, schema.get("$defs", {}))
    requests = task.warm()
    with suppress(ValidationError):  # a made-up request may break a rule of the task
        requests.append(task.request.model_validate(largest))
    return INSTRUCTIONS + characters // CHARACTERS_A_TOKEN + max(map(task.max_tokens, requests))


def _largest(schema: dict[str, Any], definitions: dict[str, Any]) -> tuple[Any, int]:
    """The largest value of a JSON schema and the characters of its texts; names that match a pattern count as none."""
    if "$ref" in schema:
        return _largest(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if choices := schema.get("anyOf"):
        return max((_largest(choice, definitions) for choice in choices), key=lambda value: value[1])
    if names := schema.get("enum"):
        return names[0], max(len(str(name)) for name in names)
    kind = schema.get("type")
    if kind == "string":
        length = 0 if "pattern" in schema else _limit(schema, "maxLength")
        return "x" * length, length
    if kind == "array":
        count = _limit(schema, "maxItems")
        item, characters = _largest(schema["items"], definitions)
        return [item] * count, count * characters
    if kind == "object" and "properties" not in schema:
        count, length = _limit(schema, "maxProperties"), _limit(schema.get("propertyNames", {}), "maxLength")
        item, characters = _largest(schema["additionalProperties"], definitions)
        return {str(i).ljust(length, "x"): item for i in range(count)}, count * (length + characters)
    if kind == "object":
        fields = {name: _largest(field, definitions) for name, field in schema["properties"].items()}
        filled = {name: value for name, (value, _) in fields.items() if value not in (None, "")}
        return filled, sum(characters for _, characters in fields.values())
    return schema.get("maximum"), 0


def _limit(schema: dict[str, Any], name: str) -> int:
    if name not in schema:
        raise _UnlimitedError
    limit: int = schema[name]
    return limit
