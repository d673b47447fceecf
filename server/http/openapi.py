"""A task's refusals on the OpenAPI page: for each status its problem types, each with an example.

Knows OpenAPI and the problem types. `server.http.routes` adds them to every task.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from server.http.problems import MEDIA_TYPE, METHOD_NOT_ALLOWED, NOT_FOUND, PROBLEM_TYPES, Details, Problem

DESCRIPTION = (
    "The schema limits characters, the base's context limits tokens: a long text that the schema allows can still be "
    "refused as `text-too-long`, with both numbers of tokens. Nothing is cut."
)
REQUEST_ID = "5f0c1d"
SCHEMA = Details.model_json_schema()  # without references: FastAPI does not collect definitions for this media type
SCHEMA["properties"]["errors"] = {"type": "array", "items": SCHEMA.pop("$defs")["FieldError"]}


def refusals() -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for every status that refuses a request to a task."""
    of_tasks = [type for type in PROBLEM_TYPES if type not in (NOT_FOUND, METHOD_NOT_ALLOWED)]
    return {status: _response(list(types)) for status, types in groupby(of_tasks, lambda type: type.status)}


def _response(types: list[Any]) -> dict[str, Any]:
    examples = {
        type.slug: {"value": Problem(type, f"{type.title}.").details(REQUEST_ID).model_dump(exclude_none=True)}
        for type in types
    }
    response: dict[str, Any] = {
        "description": "; ".join(f"`{type.slug}`: {type.title}" for type in types),
        "content": {MEDIA_TYPE: {"schema": SCHEMA, "examples": examples}},
    }
    if any(type.retry_after for type in types):
        response["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    return response
