"""Refusals as HTTP has them: problem types, their JSON (RFC 9457), and the table from the domain's refusals to them.

The only place that knows both. No problem repeats what a client sent, except a field's name. `server.app` installs
the handlers. Another shape of error needs another `respond`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import Scope

from server import errors

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
MAX_NAME = 80  # characters
MAX_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One reason for a refusal; `retry_after` is in seconds."""

    status: int
    slug: str
    title: str
    retry_after: int | None = None


INVALID_JSON = ProblemType(400, "invalid-json", "The body is not JSON")
INVALID_UTF8 = ProblemType(400, "invalid-utf8", "The body is not UTF-8")
NOT_FOUND = ProblemType(404, "not-found", "No such path")
METHOD_NOT_ALLOWED = ProblemType(405, "method-not-allowed", "No such method on this path")
REQUEST_TIMEOUT = ProblemType(408, "request-timeout", "The body did not arrive in time")
BODY_TOO_LARGE = ProblemType(413, "body-too-large", "The body is too large")
UNSUPPORTED_MEDIA = ProblemType(415, "unsupported-media-type", "The body is not declared as JSON")
INVALID_REQUEST = ProblemType(422, "invalid-request", "The request is not valid")
TEXT_TOO_LONG = ProblemType(422, "text-too-long", "The text does not fit the model's context")
INTERNAL_ERROR = ProblemType(500, "internal-error", "Internal error")
NOT_READY = ProblemType(503, "not-ready", "The server is starting", retry_after=5)
NO_ADAPTER = ProblemType(503, "no-adapter", "No adapter is live for this task", retry_after=60)
ENGINE_FAILED = ProblemType(503, "engine-failed", "The engine could not answer", retry_after=5)
UNDECODABLE = ProblemType(503, "undecodable-answer", "The model did not finish an answer", retry_after=1)

PROBLEM_TYPES = [value for value in list(globals().values()) if isinstance(value, ProblemType)]

OF_REFUSAL: dict[type[errors.Refusal], ProblemType] = {
    errors.NotReady: NOT_READY,
    errors.NoAdapter: NO_ADAPTER,
    errors.UnknownVariant: INVALID_REQUEST,
    errors.TextTooLong: TEXT_TOO_LONG,
    errors.EngineFailed: ENGINE_FAILED,
    errors.Undecodable: UNDECODABLE,
}


class FieldError(BaseModel):
    field: str
    message: str


class Details(BaseModel):
    """The JSON of a refusal."""

    type: str = Field(examples=["urn:shoplora:problem:invalid-request"])
    title: str
    status: int
    detail: str
    instance: str = Field(examples=["urn:shoplora:request:5f0c1d"])
    errors: list[FieldError] | None = Field(default=None, description="which field and why")


class Problem(HTTPException):
    """One refusal. It is an HTTPException because FastAPI hides any other while it reads the body."""

    def __init__(
        self,
        type: ProblemType,
        detail: str,
        errors: list[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        retry = {"Retry-After": str(type.retry_after)} if type.retry_after is not None else {}
        super().__init__(type.status, detail, {**retry, **(headers or {})})
        self.type = type
        self.errors = errors

    def details(self, request_id: str) -> Details:
        return Details(
            type=f"urn:shoplora:problem:{self.type.slug}",
            title=self.type.title,
            status=self.type.status,
            detail=self.detail,
            instance=f"urn:shoplora:request:{request_id}",
            errors=self.errors,
        )


def respond(scope: Scope, problem: Problem) -> JSONResponse:
    """The response, after the problem is noted as the outcome of a task's request."""
    if record := scope["state"].get("record"):
        record.outcome = problem.type.slug
    request_id = scope["state"]["request_id"]
    return JSONResponse(
        problem.details(request_id).model_dump(exclude_none=True),
        status_code=problem.status_code,
        headers={**(problem.headers or {}), "X-Request-ID": request_id},
        media_type=MEDIA_TYPE,
    )


def problem_of(error: Exception, method: str = "") -> Problem:
    """The problem that an exception stands for; `method` is the request's."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    if isinstance(error, HTTPException):
        return _of_http(error, method)
    if isinstance(error, errors.UnknownVariant):
        message = f"no such {error.field}; there are: {', '.join(error.known) or 'none'}"
        return Problem(INVALID_REQUEST, str(error), [FieldError(field=error.field, message=message)])
    if isinstance(error, errors.Refusal):
        return Problem(OF_REFUSAL[type(error)], str(error))
    return Problem(INTERNAL_ERROR, "The error was logged under the request's id.")


def _of_validation(error: RequestValidationError) -> Problem:
    items = error.errors()
    if any(item["type"] == "json_invalid" for item in items):
        position = items[0]["loc"][-1]
        return Problem(INVALID_JSON, f"{items[0]['ctx']['error']} at character {position}.")
    if isinstance(error.body, bytes):
        return Problem(UNSUPPORTED_MEDIA, "Send JSON with Content-Type: application/json.")
    fields = [_field_error(item) for item in items[:MAX_ERRORS]]
    names = dict.fromkeys(field.field for field in fields)
    return Problem(INVALID_REQUEST, f"Check {', '.join(names)}.", fields)


def _of_http(error: HTTPException, method: str) -> Problem:
    """Of an HTTPException that Starlette, FastAPI or a middleware raised."""
    if error.status_code == 404:
        return Problem(NOT_FOUND, "See /docs for the paths there are.", headers=error.headers)
    if error.status_code == 405:
        return Problem(METHOD_NOT_ALLOWED, f"{method[:MAX_NAME]} is not served here.", headers=error.headers)
    if error.status_code == 400 and isinstance(error.__cause__, UnicodeDecodeError):
        return Problem(INVALID_UTF8, f"Byte {error.__cause__.start} is not valid UTF-8.")
    if error.status_code == 400 and error.__cause__ is not None:  # FastAPI could not read the body
        return Problem(INVALID_JSON, "The body could not be read.")
    phrase = HTTPStatus(error.status_code).phrase
    other = ProblemType(error.status_code, phrase.lower().replace(" ", "-"), phrase)
    return Problem(other, error.detail, headers=error.headers)


def _field_error(item: Mapping[str, Any]) -> FieldError:
    inner = [str(part) for part in item["loc"] if part not in ("body", "[key]")]
    message = "unknown field" if item["type"] == "extra_forbidden" else item["msg"][:MAX_MESSAGE]
    return FieldError(field=".".join(inner)[:MAX_NAME] or "body", message=message)


def install(app: FastAPI) -> None:
    """Makes every refusal of the app a problem."""

    async def handle(request: Request, error: Exception) -> JSONResponse:
        return respond(request.scope, problem_of(error, request.method))

    for kind in (RequestValidationError, HTTPException, errors.Refusal, Exception):
        app.add_exception_handler(kind, handle)
