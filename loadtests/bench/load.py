"""Load generators, a closed loop and Poisson arrivals, and the figures of one load.

Knows asyncio and a function that sends a request; nothing of sides, tasks or HTTP. `loadtests.bench.sides` and
`loadtests.bench.layer` call it. All times are the event loop's.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import fmean

import numpy as np

WARM_UP = 60.0  # seconds, at most; it ends when as many are answered as are in flight
LEAST = 30  # answers that are counted, or as many as are in flight if those are more
LONGEST = 120.0  # seconds at most, for a slow side with too few answers
IN_TIME = 0.5  # seconds in which a shopper should have an answer
PATIENCE = 20.0  # seconds of waiting for the last arrivals
CROWD = 512  # requests in flight above which arrivals count as failed


class Failed(Exception):
    """A request without an answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: its fields if they are compared, its tokens, and the seconds to the first token if known."""

    fields: dict[str, object] | None
    tokens: int
    first_token: float | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """The figures of one load; times in milliseconds, rates a second."""

    workload: str
    in_flight: int | None  # of a closed loop
    rate: float | None  # of arrivals, of an open one
    answers: int
    failed: int
    answers_per_second: float
    tokens_per_answer: float
    p50: float | None  # None without an answer
    p95: float | None
    p99: float | None
    ttft: float | None  # mean time to first token, in the engine; None if the side does not report it
    in_time: float  # share of all requests that were answered within IN_TIME


Send = Callable[[], Awaitable[Reply]]


async def closed(workload: str, send: Send, in_flight: int, seconds: float) -> Level:
    """So many requests in flight, each replaced by the next when it is answered."""
    clock = asyncio.get_running_loop().time
    answered: list[tuple[float, float, Reply]] = []  # time of the answer, latency
    failed: list[float] = []
    stop = asyncio.Event()

    async def user() -> None:
        while not stop.is_set():
            began = clock()
            try:
                reply = await send()
            except Failed:
                failed.append(clock())
                await asyncio.sleep(0.05)
                continue
            answered.append((clock(), clock() - began, reply))

    began = clock()
    users = [asyncio.create_task(user()) for _ in range(in_flight)]
    while len(answered) < in_flight and clock() - began < WARM_UP:
        await asyncio.sleep(0.01)
    start, first = clock(), len(answered)
    while True:
        await asyncio.sleep(0.02)
        took, counted = clock() - start, len(answered) - first
        if took >= max(LONGEST, seconds) or (took >= seconds and counted >= max(LEAST, in_flight)):
            break
    end = clock()
    stop.set()
    measured = [(latency, reply) for when, latency, reply in answered[first:] if when <= end]
    missed = sum(start <= when <= end for when in failed)
    await asyncio.gather(*users)
    return _level(workload, in_flight, None, measured, missed, end - start)


async def arriving(workload: str, send: Send, rate: float, seconds: float, seed: int = 0) -> Level:
    """Poisson arrivals at that rate; none waits for the answers before it."""
    clock, draw = asyncio.get_running_loop().time, random.Random(seed)
    measured: list[tuple[float, Reply]] = []
    failed = 0
    arrivals: set[asyncio.Task[None]] = set()

    async def arrive() -> None:
        nonlocal failed
        began = clock()
        try:
            reply = await send()
        except Failed:
            failed += 1
        else:
            measured.append((clock() - began, reply))

    start = due = clock()
    while (due := due + draw.expovariate(rate)) < start + seconds:
        await asyncio.sleep(max(0.0, due - clock()))
        if sum(not arrival.done() for arrival in arrivals) >= CROWD:
            failed += 1
        else:
            arrivals.add(asyncio.create_task(arrive()))
    _, late = await asyncio.wait(arrivals, timeout=PATIENCE) if arrivals else (set(), set())
    took = clock() - start
    for arrival in late:
        arrival.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return _level(workload, None, rate, measured, failed + len(late), took)


def _level(
    workload: str,
    in_flight: int | None,
    rate: float | None,
    measured: list[tuple[float, Reply]],
    failed: int,
    seconds: float,
) -> Level:
    latencies = [latency for latency, _ in measured]
    firsts = [reply.first_token for _, reply in measured if reply.first_token is not None]
    points = np.percentile(latencies, (50, 95, 99)) * 1000 if latencies else (None,) * 3
    p50, p95, p99 = (point if point is None else float(point) for point in points)
    return Level(
        workload=workload,
        in_flight=in_flight,
        rate=rate,
        answers=len(measured),
        failed=failed,
        answers_per_second=len(measured) / seconds,
        tokens_per_answer=fmean(reply.tokens for _, reply in measured) if measured else 0.0,
        p50=p50,
        p95=p95,
        p99=p99,
        ttft=1000 * fmean(firsts) if firsts else None,
        in_time=sum(latency <= IN_TIME for latency in latencies) / max(1, len(measured) + failed),
    )
