"""Every way a request can be refused, one class a problem type (RFC 9457).

    Problem                     500 internal-error
    ├── Invalid                 422 invalid-request
    ├── InvalidJson             400 invalid-json
    ├── InvalidUtf8             400 invalid-utf8
    ├── UnsupportedMedia        415 unsupported-media-type
    ├── NotFound                404 not-found
    ├── MethodNotAllowed        405 method-not-allowed
    ├── BodyTooLarge            413 body-too-large
    ├── TextTooLong             422 text-too-long
    ├── NotReady                503 not-ready
    ├── NoAdapter               503 no-adapter
    ├── EngineFailed            503 engine-failed
    └── Undecodable             503 undecodable-answer

Knows HTTP and FastAPI, nothing of tasks or the engine. No problem repeats what a client sent, but
for a field's name. `server.app` installs the handlers; anything below it raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
MAX_NAME = 80
MAX_MESSAGE = 200
UNEXPECTED = "The error was logged under the request's id."


class FieldError(BaseModel):
    field: str
    message: str


class Details(BaseModel):
    """What a client gets with every refusal."""

    type: str = Field(examples=["urn:shoplora:problem:invalid-request"])
    title: str
    status: int
    detail: str
    instance: str = Field(examples=["urn:shoplora:request:5f0c1d"])
    errors: list[FieldError] | None = Field(default=None, description="which field and why")


class Problem(HTTPException):
    """An HTTPException, so that FastAPI lets it pass wherever it is raised."""

    status = 500
    slug = "internal-error"
    title = "Internal error"
    retry_after: int | None = None

    def __init__(self, detail: str, errors: list[FieldError] | None = None, headers: Any = None) -> None:
        headers = dict(headers or {})
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        super().__init__(self.status, detail, headers)
        self.errors = errors

    def details(self, request_id: str) -> Details:
        return Details(
            type=f"urn:shoplora:problem:{self.slug}",
            title=self.title,
            status=self.status,
            detail=self.detail,
            instance=f"urn:shoplora:request:{request_id}",
            errors=self.errors,
        )


class Invalid(Problem):
    status, slug, title = 422, "invalid-request", "The request is not valid"


class InvalidJson(Problem):
    status, slug, title = 400, "invalid-json", "The body is not JSON"


class InvalidUtf8(Problem):
    status, slug, title = 400, "invalid-utf8", "The body is not UTF-8"


class UnsupportedMedia(Problem):
    status, slug, title = 415, "unsupported-media-type", "The body is not declared as JSON"


class NotFound(Problem):
    status, slug, title = 404, "not-found", "No such path"


class MethodNotAllowed(Problem):
    status, slug, title = 405, "method-not-allowed", "No such method on this path"


class BodyTooLarge(Problem):
    status, slug, title = 413, "body-too-large", "The body is too large"


class TextTooLong(Problem):
    status, slug, title = 422, "text-too-long", "The text does not fit the model's context"


class NotReady(Problem):
    status, slug, title = 503, "not-ready", "The server is starting"
    retry_after = 5


class NoAdapter(Problem):
    status, slug, title = 503, "no-adapter", "No adapter is live for this task"
    retry_after = 60


class EngineFailed(Problem):
    status, slug, title = 503, "engine-failed", "The engine could not answer"
    retry_after = 5


class Undecodable(Problem):
    status, slug, title = 503, "undecodable-answer", "The model did not finish an answer"
    retry_after = 1


def response(problem: Problem, request_id: str) -> JSONResponse:
    return JSONResponse(
        problem.details(request_id).model_dump(exclude_none=True),
        status_code=problem.status,
        headers={**(problem.headers or {}), "X-Request-ID": request_id},
        media_type=MEDIA_TYPE,
    )


def of_validation(error: RequestValidationError) -> Problem:
    """The problem that FastAPI's validation error tells of."""
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        position = found[0]["loc"][-1]
        return InvalidJson(f"{found[0]['ctx']['error']} at character {position}.")
    if isinstance(error.body, bytes):
        return UnsupportedMedia("Send JSON with Content-Type: application/json.")
    errors = [FieldError(field=_field(item), message=_message(item)) for item in found]
    names = dict.fromkeys(item.field for item in errors[:MAX_ERRORS])
    return Invalid(f"Check {', '.join(names)}.", errors[:MAX_ERRORS])


def of_http(error: HTTPException, method: str) -> Problem:
    """The problem that an error of Starlette's or FastAPI's own tells of."""
    if isinstance(error, Problem):
        return error
    if error.status_code == 404:
        return NotFound("See /docs for the paths there are.")
    if error.status_code == 405:
        return MethodNotAllowed(f"{method[:MAX_NAME]} is not served here.", headers=error.headers)
    if error.status_code == 400 and isinstance(error.__cause__, UnicodeDecodeError):
        return InvalidUtf8(f"Byte {error.__cause__.start} is not valid UTF-8.")
    return InvalidJson("The body could not be read.")


def _field(item: Mapping[str, Any]) -> str:
    inner = [str(part) for part in item["loc"] if part not in ("body", "[key]")]
    return ".".join(inner)[:MAX_NAME] or "body"


def _message(item: Mapping[str, Any]) -> str:
    if item["type"] == "extra_forbidden":
        return "unknown field"
    return str(item["msg"])[:MAX_MESSAGE]


def install(app: FastAPI) -> None:
    """Makes every refusal of the app a problem, and counts those of a task."""

    async def handle(request: Request, error: Exception) -> JSONResponse:
        problem = _problem(request, error)
        route = request.scope.get("route")
        if isinstance(error, RequestValidationError | NoAdapter) and route is not None:
            request.app.state.service.count_refused(route.name, problem.slug)
        return response(problem, request.state.request_id)

    for kind in (RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, handle)


def _problem(request: Request, error: Exception) -> Problem:
    if isinstance(error, RequestValidationError):
        return of_validation(error)
    if isinstance(error, HTTPException):
        return of_http(error, request.method)
    return Problem(UNEXPECTED)
