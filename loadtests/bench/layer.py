"""What HTTP and typed answers add to the engine: the server and the bare engine, asked in turn.

The speed of a machine that is shared changes within a minute by more than this layer costs, so
that two sides measured one after the other do not tell. Here both are up, and ratios and
differences are of turns, or of one and the same request, that follow each other.
`loadtests.bench.run` calls `measure`.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

from adapters.ontology import Ontology
from loadtests.bench.load import Ask, closed
from loadtests.bench.sides import Plan, asking, engine, typed

TURNS, SECONDS = 9, 2.0  # of each at FULL in flight, and how long
FULL = 64  # requests in flight, as many as the server takes into a batch
PAIRS = 60  # requests asked of both, one at a time


def measure(plan: Plan) -> dict[str, float]:
    """Medians for each workload: answers a second where the bare engine has 1, and ms added."""
    return asyncio.run(_measure(plan))


async def _measure(plan: Plan) -> dict[str, float]:
    found, ontology = {}, Ontology.load()
    async with typed(plan, ontology) as server, engine(plan, ontology) as bare:
        for workload in plan.workloads:

            def both(workload: str = workload) -> list[Ask]:
                return [asking(side, workload, plan) for side in (server, bare)]

            name = f"layer.{workload}"
            found[f"{name}.answers_per_second.{FULL}"] = await throughput(workload, *both())
            found[f"{name}.added_ms.1"] = await added(*both())
    return found


async def throughput(workload: str, ours: Ask, theirs: Ask) -> float:
    """Median over the turns of what ours answers where the other answers 1."""
    ratios = []
    for number in range(TURNS):
        rates = {}
        for ask in _in_turn(ours, theirs, number):
            level = await closed(workload, ask, FULL, SECONDS)
            rates[ask] = level.answers_per_second
        ratios.append(rates[ours] / rates[theirs])
    return median(ratios)


async def added(ours: Ask, theirs: Ask) -> float:
    """Median of the ms that ours takes longer for the same request."""
    longer = []
    for number in range(PAIRS):
        took = {}
        for ask in _in_turn(ours, theirs, number):
            began = time.perf_counter()
            await ask()
            took[ask] = time.perf_counter() - began
        longer.append(1000 * (took[ours] - took[theirs]))
    return median(longer)


def _in_turn(ours: Ask, theirs: Ask, number: int) -> tuple[Ask, Ask]:
    return (ours, theirs) if number % 2 else (theirs, ours)
