"""From a valid request to a typed answer: admit, generate, decide, expand. The same for every task.

Knows the contract of a task and the engine's interface, nothing of HTTP. The routes call it: first `admit`, then
`answer` or `stream`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from adapters.ontology import Ontology
from adapters.store import Version
from adapters.tasks.contract import Answered, Task, Usage
from server.engine.generation import Generation, Job, Model, job_of
from server.errors import NoAdapter, Undecodable, UnknownVariant
from server.metrics import Metrics, Record

AnyTask = Task[Any, Any]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that has its adapter and its prompt and will be answered."""

    task: AnyTask
    request: BaseModel
    version: Version
    job: Job
    record: Record


class Answering:
    """Every task on one engine; `versions` are the live ones by channel."""

    def __init__(self, engine: Model, ontology: Ontology, versions: dict[str, Version], metrics: Metrics) -> None:
        self._engine = engine
        self._ontology = ontology
        self._versions = versions
        self._metrics = metrics

    async def admit(self, task: AnyTask, request: BaseModel, record: Record) -> Admitted:
        """The one way into the engine, for plain and for streamed answers.

        Raises:
            NoAdapter: no version of the task is live.
            UnknownVariant: none of the variant that the request names.
            TextTooLong: prompt and answer exceed the context.
        """
        version = self._version(task, request)
        record.adapter = version.name
        job = self._job(task, request, version, record.request_id)
        self._metrics.admit(record)
        return Admitted(task, request, version, job, record)

    async def answer(self, admitted: Admitted) -> Answered:
        """The whole answer at once.

        Raises:
            EngineFailed: the engine failed or has ended.
            Undecodable: no output of the model is an answer, and the task has no fallback.
        """
        return self._answered(admitted, await self._engine.generate(admitted.job))

    async def stream(self, admitted: Admitted) -> AsyncGenerator[str | Answered]:
        """Pieces of the first sample's text, then the answer, which may come from another sample.

        Raises:
            EngineFailed, Undecodable: as `answer`.
        """
        async with aclosing(self._engine.stream(admitted.job)) as items:
            async for item in items:
                yield self._answered(admitted, item) if isinstance(item, Generation) else item

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
        variants = [name.removeprefix(prefix) for name in sorted(self._versions) if name.startswith(prefix)]
        raise UnknownVariant(task.variant_field, variants)

    def _job(self, task: AnyTask, request: BaseModel, version: Version, request_id: str) -> Job:
        return job_of(self._engine, task, request, self._ontology, version.name, request_id)

    def _answered(self, admitted: Admitted, generation: Generation) -> Answered:
        task, request, record = admitted.task, admitted.request, admitted.record
        record.generation = generation
        calibration = admitted.version.manifest.calibration
        decided = task.decide(generation.completions, calibration, request, self._ontology)
        if decided.labels is None:
            raise Undecodable("Nothing that the model wrote is an answer of this task.")
        if decided.source == "fallback":
            record.outcome = "fallback"
        return task.answer(
            **task.expand(decided.labels, request, self._ontology),
            model=admitted.version.name,
            request_id=admitted.job.request_id,
            usage=Usage(prompt_tokens=generation.prompt_tokens, completion_tokens=generation.completion_tokens),
            confidence=decided.confidence,
            needs_review=decided.needs_review,
            source=decided.source,
        )
