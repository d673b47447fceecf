"""Requests sent in a closed loop or at random times, and what is measured of their answers.

Knows asyncio and a function that asks; nothing of sides, tasks or HTTP. `loadtests.bench.sides`
calls it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import fmean

import numpy as np

WARM_UP = 5.0  # seconds at most until as many are answered as are in flight, which do not count
LEAST = 30  # answers counted, or as many as are in flight if those are more
LONGEST = 4  # times the seconds asked for, for a side so slow that few are answered
IN_TIME = 0.5  # seconds in which a shopper should have an answer
PATIENCE = 20.0  # seconds that the last arrivals are waited for
CROWD = 512  # unanswered at once, beyond which arrivals count as failed


class Failed(Exception):
    """A request without an answer."""


@dataclass(frozen=True, slots=True)
class Told:
    """One answer: what its line says, its tokens, and the seconds to the first, if known."""

    fields: dict[str, object] | None
    tokens: int
    first_token: float | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """What was measured at one load; times in milliseconds, rates a second."""

    workload: str
    in_flight: int | None  # of a closed loop
    rate: float | None  # of arrivals, of an open one
    answers: int
    failed: int
    answers_per_second: float
    tokens_per_answer: float
    p50: float | None  # None where nothing was answered
    p95: float | None
    p99: float | None
    ttft: float | None  # mean, in the engine; None where the side does not tell
    in_time: float  # share answered within IN_TIME of all that were asked


Ask = Callable[[], Awaitable[Told]]


async def closed(workload: str, ask: Ask, in_flight: int, seconds: float) -> Level:
    """Always that many in flight, each asking again when it is answered."""
    answered: list[tuple[float, float, Told]] = []  # when, latency
    failed: list[float] = []
    stop = asyncio.Event()

    async def user() -> None:
        while not stop.is_set():
            began = time.perf_counter()
            try:
                told = await ask()
            except Failed:
                failed.append(time.perf_counter())
                await asyncio.sleep(0.05)
                continue
            now = time.perf_counter()
            answered.append((now, now - began, told))

    began = time.perf_counter()
    users = [asyncio.create_task(user()) for _ in range(in_flight)]
    while len(answered) < in_flight and time.perf_counter() - began < WARM_UP:
        await asyncio.sleep(0.01)
    start, first = time.perf_counter(), len(answered)
    while True:
        await asyncio.sleep(0.02)
        took, counted = time.perf_counter() - start, len(answered) - first
        if took >= LONGEST * seconds or (took >= seconds and counted >= max(LEAST, in_flight)):
            break
    end = time.perf_counter()
    stop.set()
    measured = [(latency, told) for when, latency, told in answered[first:] if when <= end]
    missed = sum(start <= when <= end for when in failed)
    await asyncio.gather(*users)
    return _level(workload, in_flight, None, measured, missed, end - start)


async def arriving(workload: str, ask: Ask, rate: float, seconds: float, seed: int = 0) -> Level:
    """Poisson arrivals at that rate, whether or not those before are answered."""
    draw = random.Random(seed)
    measured: list[tuple[float, Told]] = []
    failed = 0
    asked: set[asyncio.Task[None]] = set()

    async def one() -> None:
        nonlocal failed
        began = time.perf_counter()
        try:
            told = await ask()
        except Failed:
            failed += 1
        else:
            measured.append((time.perf_counter() - began, told))

    start = due = time.perf_counter()
    while (due := due + draw.expovariate(rate)) < start + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if sum(not task.done() for task in asked) >= CROWD:
            failed += 1
        else:
            asked.add(asyncio.create_task(one()))
    _, late = await asyncio.wait(asked, timeout=PATIENCE) if asked else (set(), set())
    took = time.perf_counter() - start
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return _level(workload, None, rate, measured, failed + len(late), took)


def _level(
    workload: str,
    in_flight: int | None,
    rate: float | None,
    measured: list[tuple[float, Told]],
    failed: int,
    seconds: float,
) -> Level:
    latencies = [latency for latency, _ in measured]
    firsts = [told.first_token for _, told in measured if told.first_token is not None]
    points = np.percentile(latencies, (50, 95, 99)) * 1000 if latencies else (None,) * 3
    p50, p95, p99 = (point if point is None else float(point) for point in points)
    return Level(
        workload=workload,
        in_flight=in_flight,
        rate=rate,
        answers=len(measured),
        failed=failed,
        answers_per_second=len(measured) / seconds,
        tokens_per_answer=fmean(told.tokens for _, told in measured) if measured else 0.0,
        p50=p50,
        p95=p95,
        p99=p99,
        ttft=1000 * fmean(firsts) if firsts else None,
        in_time=sum(latency <= IN_TIME for latency in latencies) / max(1, len(measured) + failed),
    )
