"""The sides of the benchmark: how each is started, sent requests, and read.

    typed   the typed endpoints of this server, over HTTP
    engine  vLLM's AsyncLLM in this process, with the same prompts, adapters and grammars
    plain   `vllm serve --enable-lora` as it comes: its chat endpoint, adapters that answer in JSON
    peft    transformers and PEFT behind FastAPI, `set_adapter` for each request

Each side is measured in a process of its own, which also generates the load, so that none affects the next.
`loadtests.peers` defines the peers' requests. `loadtests.bench.run` calls `measure`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
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
from loadtests.bench.load import Failed, Level, Reply, Send, arriving, closed
from loadtests.peers import peft, plain
from training.studies.local_server import running, server

COMPARED = 32  # requests of each task whose answers are compared between the sides
MIXED = "mixed"  # the workload of all tasks in turn
TIMEOUT = 300.0  # seconds for one answer


@dataclass(frozen=True, slots=True)
class Plan:
    """The requests by task and the loads, the same for every side."""

    requests: Mapping[str, tuple[dict[str, Any], ...]]
    workloads: tuple[str, ...]
    in_flight: tuple[int, ...]
    rates: tuple[float, ...]  # of arrivals a second
    seconds: float


@dataclass(slots=True)
class Result:
    """The figures of one side: plain values, since it comes from another process."""

    start_seconds: float
    memory_mb: float = 0.0  # most PSS of all its processes
    levels: list[dict[str, Any]] = field(default_factory=list)
    compared: dict[str, list[dict[str, Any] | None]] = field(default_factory=dict)  # answers, by task


class Client(NamedTuple):
    """A side that is ready for requests."""

    send: Callable[[str, int], Awaitable[Reply]]  # a task's request, by number
    first_tokens: Callable[[], Awaitable[tuple[float, float] | None]]  # seconds to the first token and requests, in all


Side = Callable[[Plan, Ontology], AbstractAsyncContextManager[Client]]
HttpRequest = Callable[[str, int], tuple[str, dict[str, Any]]]  # task and number: path and body
ReadReply = Callable[[str, int, dict[str, Any]], Reply]


def measure(name: str, plan: Plan) -> Result:
    """Starts that side, runs the plan, stops it."""
    return asyncio.run(_measure(SIDES[name], plan))


async def _measure(side: Side, plan: Plan) -> Result:
    began = time.perf_counter()
    async with side(plan, Ontology.load()) as client:
        result = Result(start_seconds=time.perf_counter() - began)
        with _measured_memory(result, with_this_process=side is engine):
            for name, requests in plan.requests.items():
                answers = await _answers(client, name, min(COMPARED, len(requests)))
                if task(name).samples == 1:  # samples are random, and differ
                    result.compared[name] = answers
            for workload in plan.workloads:
                send = sender(client, workload, plan)
                for in_flight in plan.in_flight:
                    level = closed(workload, send, in_flight, plan.seconds)
                    _add(result, await _with_ttft(client, level))
            for rate in plan.rates:
                level = arriving(MIXED, sender(client, MIXED, plan), rate, 2 * plan.seconds)
                _add(result, await _with_ttft(client, level))
    return result


def _add(result: Result, level: Level) -> None:
    load = f"{level.in_flight} in flight" if level.in_flight else f"{level.rate:g} arrivals/s"
    print(f"  {level.workload}, {load}: {level.answers_per_second:.1f} answers/s", flush=True)
    result.levels.append(asdict(level))


def sender(client: Client, workload: str, plan: Plan) -> Send:
    """Sends the workload's next request at each call; the first after those that are compared."""
    tasks = list(plan.requests) if workload == MIXED else [workload]
    numbers = count(COMPARED)

    async def send() -> Reply:
        turn, place = divmod(next(numbers), len(tasks))
        name = tasks[place]
        return await client.send(name, turn % len(plan.requests[name]))

    return send


async def _answers(client: Client, name: str, number: int) -> list[dict[str, Any] | None]:
    """The answers to a task's first requests, eight in flight; None for those that fail."""
    slots = asyncio.Semaphore(8)

    async def answer(i: int) -> dict[str, Any] | None:
        async with slots:
            with suppress(Failed):
                return (await client.send(name, i)).fields
        return None

    return await asyncio.gather(*(answer(i) for i in range(number)))


async def _with_ttft(client: Client, measuring: Awaitable[Level]) -> Level:
    before = await client.first_tokens()
    level = await measuring
    after = await client.first_tokens()
    if before is None or after is None or after[1] == before[1]:
        return level
    return replace(level, ttft=1000 * (after[0] - before[0]) / (after[1] - before[1]))


@contextmanager
def _measured_memory(result: Result, with_this_process: bool) -> Iterator[None]:
    """Writes into the result the most memory that the child processes use, and this one if it is the side."""
    import psutil

    this, stop = psutil.Process(), threading.Event()

    def watch() -> None:
        while True:
            used = 0
            for process in [this] * with_this_process + this.children(recursive=True):
                with suppress(psutil.Error):
                    used += process.memory_full_info().pss
            result.memory_mb = max(result.memory_mb, used / 2**20)
            if stop.wait(5):
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def answer_fields(name: str, labels: Any, request: Any, ontology: Ontology) -> dict[str, Any] | None:
    """The task's own fields of the answer with those labels, as JSON; None without labels."""
    if labels is None:
        return None
    expanded = task(name).expand(labels, request, ontology)
    answer = task(name).answer.model_construct(**expanded)
    return dict(json.loads(answer.model_dump_json(exclude=set(Answered.model_fields))))


@asynccontextmanager
async def typed(plan: Plan, ontology: Ontology) -> AsyncIterator[Client]:
    def http_request(name: str, number: int) -> tuple[str, dict[str, Any]]:
        return f"/v1/{name}", plan.requests[name][number]

    with TemporaryDirectory() as store, server({**os.environ, "SHOPLORA_STORE": store}) as url:
        async with _over_http(url, http_request, lambda name, number, answer: _reply(answer)) as client:
            yield client


def _reply(answer: dict[str, Any]) -> Reply:
    """A typed answer: the fields that every task has are not compared."""
    fields = {key: value for key, value in answer.items() if key not in Answered.model_fields}
    return Reply(fields, answer["usage"]["completion_tokens"])


@asynccontextmanager
async def _peer(peer: Any, plan: Plan, ontology: Ontology) -> AsyncIterator[Client]:
    def http_request(name: str, number: int) -> tuple[str, dict[str, Any]]:
        path, body = peer.http_request(name, plan.requests[name][number], ontology)
        return path, body

    def read_reply(name: str, number: int, answer: dict[str, Any]) -> Reply:
        request = plan.requests[name][number]
        tokens, labels = peer.read_answer(name, request, answer, ontology)
        if number >= COMPARED:
            return Reply(None, tokens)
        return Reply(answer_fields(name, labels, task(name).request.model_validate(request), ontology), tokens)

    with running(peer.command(), peer.environment(), ready="/health") as url:
        async with _over_http(url, http_request, read_reply) as client:
            yield client


@asynccontextmanager
async def _over_http(url: str, http_request: HttpRequest, read_reply: ReadReply) -> AsyncIterator[Client]:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector, timeout=timeout) as session:

        async def send(name: str, number: int) -> Reply:
            path, body = http_request(name, number)
            try:
                async with session.post(path, json=body) as response:
                    answer = await response.json()
                    if response.status != 200:
                        raise Failed(str(answer)[:500])
            except (aiohttp.ClientError, TimeoutError) as error:
                raise Failed(str(error)) from error
            return read_reply(name, number, answer)

        async def first_tokens() -> tuple[float, float] | None:
            async with session.get("/metrics") as response:
                if response.status != 200:
                    return None
                return _first_tokens(await response.text())

        yield Client(send, first_tokens)


def _first_tokens(metrics: str) -> tuple[float, float]:
    """Seconds to the first token and requests, in all, from vLLM's histogram."""
    line = r"^vllm:time_to_first_token_seconds_{}(?:{{[^}}]*}})? (\S+)"
    values = (re.findall(line.format(part), metrics, re.MULTILINE) for part in ("sum", "count"))
    seconds, requests = (sum(map(float, value)) for value in values)
    return seconds, requests


@asynccontextmanager
async def engine(plan: Plan, ontology: Ontology) -> AsyncIterator[Client]:
    """The engine alone: all requests are admitted before the first is sent."""
    from server.answering import Answering
    from server.engine.engine import Engine
    from server.errors import Refusal
    from server.metrics import Metrics, Record
    from server.settings import Settings

    settings = Settings()
    llm = Engine(settings)
    with TemporaryDirectory() as store:
        live = Store(Path(store)).live()
        try:
            await llm.start(base_folder(settings.base), {version.name: version.folder for version in live.values()})
            answering = Answering(llm, ontology, live, Metrics())
            admitted = {
                name: [
                    await answering.admit(task(name), task(name).request.model_validate(body), Record("", name))
                    for body in requests
                ]
                for name, requests in plan.requests.items()
            }
            ids = count()

            async def send(name: str, number: int) -> Reply:
                request = admitted[name][number]
                request = replace(request, job=replace(request.job, request_id=str(next(ids))))
                try:
                    if number >= COMPARED:
                        generation = await llm.generate(request.job)
                        return Reply(None, generation.completion_tokens, generation.first_token)
                    answer = await answering.answer(request)
                except Refusal as refusal:
                    raise Failed(str(refusal)) from refusal
                first_token = request.record.generation.first_token if request.record.generation else None
                return replace(_reply(answer.model_dump(mode="json")), first_token=first_token)

            async def first_tokens() -> None:
                return None  # each reply has its own

            yield Client(send, first_tokens)
        finally:
            await llm.close()


SIDES: dict[str, Side] = {
    "typed": typed,
    "engine": engine,
    "plain": partial(_peer, plain),
    "peft": partial(_peer, peft),
}
