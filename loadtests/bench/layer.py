"""The cost of HTTP and typed answers: the server beside the bare engine, measured in turn.

The speed of a shared machine changes within a minute by more than this layer costs, so two sides that are measured
one after the other cannot be compared. Here both run, and each ratio or difference is of two turns, or of one
request sent to both, that follow each other. `loadtests.bench.run` calls `measure`.
"""

from __future__ import annotations

import asyncio
from statistics import median

from adapters.ontology import Ontology
from loadtests.bench.load import Send, closed
from loadtests.bench.sides import Plan, engine, sender, typed

TURNS, SECONDS = 9, 2.0  # turns of each side at FULL in flight, and the seconds of a turn
FULL = 64  # requests in flight, the server's batch
PAIRS = 60  # requests sent to both, one at a time


def measure(plan: Plan) -> dict[str, float]:
    """For each workload the medians of answers a second (bare engine: 1) and of the added ms."""
    return asyncio.run(_measure(plan))


async def _measure(plan: Plan) -> dict[str, float]:
    ratios, ontology = {}, Ontology.load()
    async with typed(plan, ontology) as server, engine(plan, ontology) as bare:
        for workload in plan.workloads:

            def both(workload: str = workload) -> list[Send]:
                return [sender(client, workload, plan) for client in (server, bare)]

            name = f"layer.{workload}"
            ratios[f"{name}.answers_per_second.{FULL}"] = await throughput(workload, *both())
            ratios[f"{name}.added_ms.1"] = await added(*both())
    return ratios


async def throughput(workload: str, ours: Send, theirs: Send) -> float:
    """Median over the turns of our answers a second; theirs are 1."""
    ratios = []
    for number in range(TURNS):
        rates = {}
        for send in _in_turn(ours, theirs, number):
            rates[send] = (await closed(workload, send, FULL, SECONDS)).answers_per_second
        ratios.append(rates[ours] / rates[theirs])
    return median(ratios)


async def added(ours: Send, theirs: Send) -> float:
    """Median of our additional ms for the same request."""
    clock, differences = asyncio.get_running_loop().time, []
    for number in range(PAIRS):
        took = {}
        for send in _in_turn(ours, theirs, number):
            began = clock()
            await send()
            took[send] = clock() - began
        differences.append(1000 * (took[ours] - took[theirs]))
    return median(differences)


def _in_turn(ours: Send, theirs: Send, number: int) -> tuple[Send, Send]:
    return (ours, theirs) if number % 2 else (theirs, ours)
