"""From a valid request to a typed answer: prompt, engine, decode, choose, expand.

Knows the contract of a task and the engine's interface; nothing of HTTP but the problems it raises.
The routes call it, the same for every task.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from fastapi.sse import format_sse_event
from pydantic import BaseModel

from adapters.ontology import Ontology
from adapters.store import Version
from adapters.tasks.contract import Answered, Task, Usage
from server.engine.generation import Generation, Job, Model
from server.http.problems import UNEXPECTED, FieldError, Invalid, NoAdapter, Problem, Undecodable
from server.metrics import Metrics, Tracked

log = logging.getLogger("uvicorn.shoplora")

AnyTask = Task[Any, Any]


class Answering:
    """Every task on one engine."""

    def __init__(self, engine: Model, ontology: Ontology, versions: dict[str, Version], metrics: Metrics) -> None:
        self._engine = engine
        self._ontology = ontology
        self._versions = versions
        self._metrics = metrics

    async def answer(self, task: AnyTask, request: BaseModel, request_id: str) -> Answered:
        """The answer.

        Raises:
            Problem: one of NoAdapter, TextTooLong, EngineFailed and Undecodable.
        """
        version = self._version(task, request)
        with self._metrics.track(task.name, version.name) as tracked:
            job = self._job(task, request, version, request_id)
            generation = await self._engine.generate(job)
            return self._told(task, request, job, generation, tracked)

    async def begin(self, task: AnyTask, request: BaseModel, request_id: str) -> Job:
        """What `events` needs; what can be refused is refused here, before the stream begins."""
        version = self._version(task, request)
        try:
            return self._job(task, request, version, request_id)
        except Problem as problem:
            self._metrics.refused(task.name, version.name, problem.slug)
            raise

    async def events(self, task: AnyTask, request: BaseModel, job: Job) -> AsyncGenerator[bytes]:
        """Server-sent events: `delta` as the first sample is written, then `answer`.

        The answer may come from another sample; it is its text that counts. `problem` comes instead
        of `answer` when there is none.
        """
        try:
            with self._metrics.track(task.name, job.version.name) as tracked:
                async with aclosing(self._engine.stream(job)) as items:
                    async for item in items:
                        if isinstance(item, Generation):
                            answer = self._told(task, request, job, item, tracked)
                            yield _event("answer", answer)
                        else:
                            yield _event("delta", Delta(text=item))
        except Problem as problem:
            yield _event("problem", problem.details(job.request_id))
        except Exception:
            log.exception("request %s failed", job.request_id)
            yield _event("problem", Problem(UNEXPECTED).details(job.request_id))

    async def warm(self, task: AnyTask, version: Version) -> None:
        """Has the engine compile the task's grammars and run the adapter once."""
        jobs = (
            self._job(task, request, version, f"warm-{version.name}-{number}")
            for number, request in enumerate(task.warm())
        )
        await asyncio.gather(*(self._engine.generate(replace(job, max_tokens=1)) for job in jobs))

    def _version(self, task: AnyTask, request: BaseModel) -> Version:
        channel = task.channel(request)
        if version := self._versions.get(channel):
            return version
        if channel == task.name or task.variant_field is None:
            raise NoAdapter(f"No adapter is published for {task.name}: train one with `shoplora train {task.name}`.")
        prefix = f"{task.name}/"
        known = (n.removeprefix(prefix) for n in sorted(self._versions) if n.startswith(prefix))
        message = f"no such {task.variant_field}; there are: {', '.join(known) or 'none'}"
        error = FieldError(field=task.variant_field, message=message)
        raise Invalid("No adapter of that name is live.", [error])

    def _job(self, task: AnyTask, request: BaseModel, version: Version, request_id: str) -> Job:
        max_tokens = task.max_tokens(request)
        return Job(
            request_id=request_id,
            version=version,
            prompt=self._engine.tokenize(task.prompt(request, self._ontology), max_tokens),
            grammar=task.grammar(request, self._ontology),
            max_tokens=max_tokens,
            n=task.samples,
            temperature=task.temperature,
        )

    def _told(self, task: AnyTask, request: BaseModel, job: Job, generation: Generation, tracked: Tracked) -> Answered:
        tracked.generation = generation
        decided = task.decide(
            [completion.text for completion in generation.completions],
            [completion.logprob for completion in generation.completions],
            job.version.manifest.calibration,
            request,
            self._ontology,
        )
        if decided.labels is None:
            raise Undecodable("Nothing that the model wrote is an answer of this task.")
        if decided.source == "fallback":
            tracked.outcome = "fallback"
        return task.answer(
            **task.expand(decided.labels, request, self._ontology),
            model=job.version.name,
            request_id=job.request_id,
            usage=Usage(prompt_tokens=generation.prompt_tokens, completion_tokens=generation.completion_tokens),
            confidence=decided.confidence,
            needs_review=decided.needs_review,
            source=decided.source,
        )


class Delta(BaseModel):
    """A piece of the first sample's text."""

    text: str


def _event(name: str, data: BaseModel) -> bytes:
    return format_sse_event(event=name, data_str=data.model_dump_json())
