"""How many tokens of context the served tasks need. Knows tasks, nothing of vLLM. Called by `server.service`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from adapters.tasks import tasks
from adapters.tasks.contract import Task

log = logging.getLogger("uvicorn.shoplora")

CHARACTERS_A_TOKEN = 2  # of the largest request; English has about 4, German 3
INSTRUCTIONS = 256  # tokens of the system message, the fields' names, numbers and the chat template
ENTRY = 8  # characters at least of an entry of a list, such as a number
FORMATS = {"date": 10, "time": 21, "date-time": 32, "uuid": 36}  # characters
_NUMBERS = ("integer", "number", "boolean", "null")

Schema = dict[str, Any]


class _UnlimitedError(Exception):
    """A field of a request has no limit, or none that is understood. The arguments are the names on its path."""


def needed_context(names: Iterable[str]) -> int | None:
    """Tokens of the largest request of these tasks plus its answer; None if there is none or a text has no limit."""
    needs = [_needed(tasks()[name]) for name in names]
    return None if None in needs else max(filter(None, needs), default=None)


def _needed(task: Task[Any, Any]) -> int | None:
    schema = task.request.model_json_schema()
    if task.variant_field:  # names the adapter, and is no part of the prompt
        schema.get("properties", {}).pop(task.variant_field, None)
    try:
        largest, characters = _largest(schema, schema.get("$defs", {}))
    except _UnlimitedError as error:
        log.warning(
            "%s: %s has no limit, so all the context of the base is reserved: give it one, such as a max_length, "
            "or set SHOPLORA_MAX_MODEL_LEN",
            task.name,
            ".".join(error.args) or "the request",
        )
        return None
    requests = [*task.warm(), *_longer_and_longer(task, largest)]
    return INSTRUCTIONS + characters // CHARACTERS_A_TOKEN + max(map(task.max_tokens, requests))


def _longer_and_longer(task: Task[Any, Any], largest: dict[str, Any]) -> Iterable[Any]:
    """The task's example with one field after the other as large as the task's rules admit."""
    fields = dict(task.example)
    for name, value in largest.items():
        values = [value]
        if isinstance(value, list) and isinstance(known := fields.get(name), list) and known:
            values.insert(0, [known[0]] * len(value))  # its entries follow rules that a schema does not have
        for candidate in values:
            with suppress(ValidationError):
                yield task.request.model_validate(fields | {name: candidate})
                fields[name] = candidate


def _largest(schema: Any, definitions: dict[str, Schema], inside: frozenset[str] = frozenset()) -> tuple[Any, int]:
    """The largest value of a JSON schema, None if none can be made up, and the characters of its texts.

    Numbers count in lists only.

    Args:
        inside: the definitions that this schema is part of.

    Raises:
        _UnlimitedError: the schema admits values of any length, or has a keyword that is not understood.
    """
    match schema:
        case {"$ref": reference}:
            name = reference.rpartition("/")[2]
            if name in inside:  # a tree of any depth
                raise _UnlimitedError
            return _largest(definitions[name], definitions, inside | {name})
        case {"anyOf": choices} | {"oneOf": choices}:
            return max((_largest(choice, definitions, inside) for choice in choices), key=lambda choice: choice[1])
        case {"const": value}:
            return value, len(str(value))
        case {"enum": values}:
            return _largest({"const": max(values, key=lambda value: len(str(value)))}, definitions)
        case {"type": "string"}:
            length = FORMATS.get(schema.get("format", "")) or _limit(schema, "maxLength")
            return None if {"format", "pattern"} & schema.keys() else "x" * length, length
        case {"type": "array"}:
            entries = [_largest(entry, definitions, inside) for entry in schema.get("prefixItems", ())]
            if (more := _limit(schema, "maxItems") - len(entries)) > 0:
                entries += [_largest(schema.get("items"), definitions, inside)] * more
            return [value for value, _ in entries], sum(max(ENTRY, length) for _, length in entries)
        case {"type": "object"}:
            return _largest_object(schema, definitions, inside)
        case {"type": kind} if kind in _NUMBERS:
            return schema.get("maximum"), 0
    raise _UnlimitedError


def _largest_object(schema: Schema, definitions: dict[str, Schema], inside: frozenset[str]) -> tuple[Any, int]:
    largest, characters = {}, 0
    for name, field in schema.get("properties", {}).items():
        try:
            value, length = _largest(field, definitions, inside)
        except _UnlimitedError as error:
            raise _UnlimitedError(name, *error.args) from None
        characters += length
        if value not in (None, ""):
            largest[name] = value
    others = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties", False)]
    others = [other for other in others if other is not False]
    if others:
        names = schema.get("propertyNames", {})
        names = definitions[names["$ref"].rpartition("/")[2]] if "$ref" in names else names
        known = names.get("enum")
        count = len(known) if known else _limit(schema, "maxProperties")
        longest = max(map(len, known)) if known else _limit(names, "maxLength")
        value, length = max((_largest(other, definitions, inside) for other in others), key=lambda other: other[1])
        characters += count * (longest + length)
        largest |= {name: value for name in known or (str(i).ljust(longest, "x") for i in range(count))}
    return largest, characters


def _limit(schema: Schema, name: str) -> int:
    if name not in schema:
        raise _UnlimitedError
    limit: int = schema[name]
    return limit
