"""The sides of the bench: how each is started, asked, and what it said.

    typed   the typed endpoints of this server, over HTTP
    engine  vLLM's AsyncLLM in this process, with the same prompts, adapters and grammars
    plain   `vllm serve --enable-lora` as it comes: its chat endpoint, adapters that answer in JSON
    peft    transformers and PEFT behind FastAPI, `set_adapter` for each request

Each runs in a process of its own that also makes the load, so that nothing is left of the one
before. Knows the peers' requests by `loadtests.peers`; `loadtests.bench.run` calls `measure`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from adapters.base import base_folder
from adapters.ontology import Ontology
from adapters.store import Store
from adapters.tasks import task
from adapters.tasks.contract import Answered
from loadtests.bench.load import Failed, Level, Told, arriving, closed
from loadtests.peers import peft, plain
from training.studies.local_server import running, server

COMPARED = 32  # requests of each task whose answers the sides must agree on
MIXED = "mixed"  # the workload of all tasks in turn
TIMEOUT = 300.0  # seconds for one answer


@dataclass(frozen=True, slots=True)
class Plan:
    """What every side is asked: requests by task, and the loads."""

    requests: Mapping[str, tuple[dict[str, Any], ...]]
    workloads: tuple[str, ...]
    in_flight: tuple[int, ...]
    rates: tuple[float, ...]  # of arrivals a second
    seconds: float


@dataclass(slots=True)
class Result:
    """What one side did: plain values, since it comes from another process."""

    start_seconds: float
    memory_mb: float = 0.0  # PSS of all its processes, at most
    levels: list[dict[str, Any]] = field(default_factory=list)
    said: dict[str, list[dict[str, Any] | None]] = field(default_factory=dict)


class Asker(NamedTuple):
    """A side that is ready."""

    ask: Callable[[str, int], Awaitable[Told]]  # a task's request, by number
    first_tokens: Callable[[], Awaitable[tuple[float, float] | None]]  # seconds and how many


Side = Callable[[Plan, Ontology], AbstractAsyncContextManager[Asker]]


def measure(name: str, plan: Plan) -> Result:
    """Start that side, ask it all that is planned, end it."""
    return asyncio.run(_measure(SIDES[name], plan))


async def _measure(side: Side, plan: Plan) -> Result:
    began = time.perf_counter()
    async with side(plan, Ontology.load()) as asker:
        result = Result(start_seconds=time.perf_counter() - began)
        with _memory(result, with_this=side is engine):
            for name, requests in plan.requests.items():
                said = await _said(asker, name, min(COMPARED, len(requests)))
                if task(name).samples == 1:  # samples are drawn, and differ
                    result.said[name] = said
            for workload in plan.workloads:
                ask = asking(asker, workload, plan)
                for in_flight in plan.in_flight:
                    level = closed(workload, ask, in_flight, plan.seconds)
                    _add(result, await _with_ttft(asker, level))
            for rate in plan.rates:
                level = arriving(MIXED, asking(asker, MIXED, plan), rate, 2 * plan.seconds)
                _add(result, await _with_ttft(asker, level))
    return result


def _add(result: Result, level: Level) -> None:
    load = f"{level.in_flight} in flight" if level.in_flight else f"{level.rate:g} arrivals/s"
    print(f"  {level.workload}, {load}: {level.answers_per_second:.1f} answers/s", flush=True)
    result.levels.append(asdict(level))


def asking(asker: Asker, workload: str, plan: Plan) -> Callable[[], Awaitable[Told]]:
    """The workload's next request; one after the other, from where warming up has ended."""
    tasks = list(plan.requests) if workload == MIXED else [workload]
    numbers = count(COMPARED)

    async def ask() -> Told:
        turn, place = divmod(next(numbers), len(tasks))
        name = tasks[place]
        return await asker.ask(name, turn % len(plan.requests[name]))

    return ask


async def _said(asker: Asker, name: str, number: int) -> list[dict[str, Any] | None]:
    """What the side answers to the first requests, eight at once."""
    slots = asyncio.Semaphore(8)

    async def one(i: int) -> dict[str, Any] | None:
        async with slots:
            with suppress(Failed):
                return (await asker.ask(name, i)).fields
        return None

    return await asyncio.gather(*(one(i) for i in range(number)))


async def _with_ttft(asker: Asker, level: Awaitable[Level]) -> Level:
    before = await asker.first_tokens()
    found = await level
    after = await asker.first_tokens()
    if before is None or after is None or after[1] == before[1]:
        return found
    return replace(found, ttft=1000 * (after[0] - before[0]) / (after[1] - before[1]))


class _memory:
    """Writes into the result how much the side's processes use at most: children of this one."""

    def __init__(self, result: Result, with_this: bool) -> None:
        self._result, self._with_this, self._stop = result, with_this, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        this = psutil.Process()
        while True:
            used = 0
            for process in [this] * self._with_this + this.children(recursive=True):
                with suppress(psutil.Error):
                    used += process.memory_full_info().pss
            self._result.memory_mb = max(self._result.memory_mb, used / 2**20)
            if self._stop.wait(5):
                return


def fields(name: str, labels: Any, request: Any, ontology: Ontology) -> dict[str, Any] | None:
    """What the labels say in the task's own fields of an answer, as JSON; None without labels."""
    if labels is None:
        return None
    told: dict[str, Any] = json.loads(
        task(name)
        .answer.model_construct(**task(name).expand(labels, request, ontology))
        .model_dump_json(exclude=set(Answered.model_fields))
    )
    return told


@asynccontextmanager
async def typed(plan: Plan, ontology: Ontology) -> AsyncIterator[Asker]:
    own = set(Answered.model_fields)

    def told(name: str, number: int, answer: dict[str, Any]) -> Told:
        said = {key: value for key, value in answer.items() if key not in own}
        return Told(said, answer["usage"]["completion_tokens"])

    def asked(name: str, number: int) -> tuple[str, dict[str, Any]]:
        return f"/v1/{name}", plan.requests[name][number]

    with TemporaryDirectory() as store, server({**os.environ, "SHOPLORA_STORE": store}) as url:
        async with _over_http(url, asked, told) as asker:
            yield asker


@asynccontextmanager
async def _peer(peer: Any, plan: Plan, ontology: Ontology) -> AsyncIterator[Asker]:
    def asked(name: str, number: int) -> tuple[str, dict[str, Any]]:
        path, body = peer.asked(name, plan.requests[name][number], ontology)
        return path, body

    def told(name: str, number: int, answer: dict[str, Any]) -> Told:
        request = plan.requests[name][number]
        tokens, labels = peer.told(name, request, answer, ontology)
        if number >= COMPARED:
            return Told(None, tokens)
        read = task(name).request.model_validate(request)
        return Told(fields(name, labels, read, ontology), tokens)

    with running(peer.command(), peer.environment(), ready="/health") as url:
        async with _over_http(url, asked, told) as asker:
            yield asker


@asynccontextmanager
async def _over_http(
    url: str, asked: Callable[[str, int], tuple[str, dict[str, Any]]], told: Callable[[str, int, dict[str, Any]], Told]
) -> AsyncIterator[Asker]:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector, timeout=timeout) as client:

        async def ask(name: str, number: int) -> Told:
            path, body = asked(name, number)
            try:
                async with client.post(path, json=body) as response:
                    answer = await response.json()
                    if response.status != 200:
                        raise Failed(str(answer)[:500])
            except (aiohttp.ClientError, TimeoutError) as error:
                raise Failed(str(error)) from error
            return told(name, number, answer)

        async def first_tokens() -> tuple[float, float] | None:
            async with client.get("/metrics") as response:
                if response.status != 200:
                    return None
                return _time_to_first_token(await response.text())

        yield Asker(ask, first_tokens)


def _time_to_first_token(metrics: str) -> tuple[float, float]:
    """Seconds in all and how many requests, from vLLM's histogram."""
    line = r"^vllm:time_to_first_token_seconds_{}(?:{{[^}}]*}})? (\S+)"
    found = (re.findall(line.format(part), metrics, re.MULTILINE) for part in ("sum", "count"))
    seconds, requests = (sum(map(float, values)) for values in found)
    return seconds, requests


@asynccontextmanager
async def engine(plan: Plan, ontology: Ontology) -> AsyncIterator[Asker]:
    """Jobs are made before they are asked for: what is measured is the engine alone."""
    from server.engine.engine import Engine
    from server.engine.generation import Job
    from server.errors import Refusal
    from server.settings import Settings

    with TemporaryDirectory() as store:
        live = Store(Path(store)).live()
        settings = Settings()
        llm = Engine(settings)
        await llm.start(base_folder(settings.base), list(live.values()))
        try:
            jobs: dict[str, list[tuple[Any, Job]]] = {}
            for name, requests in plan.requests.items():
                of = task(name)
                for body in requests:
                    request = of.request.model_validate(body)
                    tokens = of.max_tokens(request)
                    job = Job(
                        "",
                        live[name],
                        llm.tokenize(of.prompt(request, ontology), tokens),
                        of.grammar(request, ontology),
                        tokens,
                        of.samples,
                        of.temperature,
                    )
                    jobs.setdefault(name, []).append((request, job))
            ids = count()

            async def ask(name: str, number: int) -> Told:
                request, job = jobs[name][number]
                try:
                    made = await llm.generate(replace(job, request_id=str(next(ids))))
                except Refusal as problem:
                    raise Failed(str(problem)) from problem
                said: dict[str, Any] | None = None
                if number < COMPARED:
                    of = task(name)
                    lines = [completion.text for completion in made.completions]
                    logprobs = [completion.logprob for completion in made.completions]
                    fitted = job.version.manifest.calibration
                    decided = of.decide(lines, logprobs, fitted, request, ontology)
                    said = fields(name, decided.labels, request, ontology)
                return Told(said, made.completion_tokens, made.first_token)

            async def first_tokens() -> None:
                return None  # each answer tells its own

            yield Asker(ask, first_tokens)
        finally:
            await llm.close()


SIDES: dict[str, Side] = {
    "typed": typed,
    "engine": engine,
    "plain": partial(_peer, plain),
    "peft": partial(_peer, peft),
}
