"""A streamed answer as server-sent events: `delta` with a piece of text, then `answer`, or `problem` instead.

Knows the wire format; the pieces come from `server.answering`. The routes of tasks that stream use it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi.sse import EventSourceResponse, format_sse_event
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from adapters.tasks.contract import Answered
from server.answering import Admitted, Answering
from server.http.problems import INTERNAL_ERROR, problem_of

log = logging.getLogger("uvicorn.shoplora")
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class Delta(BaseModel):
    """A piece of the first sample's text; the answer may come from another sample."""

    text: str


class EventStream(EventSourceResponse):
    """Closes its events however the response ends, so that the engine's slot is free at once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.body_iterator.aclose()  # type: ignore[attr-defined]


async def events(answering: Answering, admitted: Admitted) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(answering.stream(admitted)) as items:
            async for item in items:
                yield _event("answer", item) if isinstance(item, Answered) else _event("delta", Delta(text=item))
    except Exception as error:
        problem = problem_of(error)
        if problem.type is INTERNAL_ERROR:
            log.exception("request %s failed", admitted.record.request_id)
        admitted.record.outcome = problem.type.slug
        yield _event("problem", problem.details(admitted.record.request_id))


def _event(name: str, data: BaseModel) -> bytes:
    return format_sse_event(event=name, data_str=data.model_dump_json())
