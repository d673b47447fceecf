"""Ratios between the sides, under stable names, and their targets.

A name joins the sides, the workload, the measure and the load, such as
`typed_to_plain.classify.answers_per_second.64`. Pure; `loadtests.bench.cli` calls it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PEERS = ("engine", "plain", "peft")


@dataclass(frozen=True, slots=True)
class Target:
    """A figure and what it should be at least, or at most."""

    name: str
    bound: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


def _targets() -> Iterator[Target]:
    for workload, least in (("classify", 8), ("rewrite", 5), ("extract", 5)):
        yield Target(f"typed_to_plain.{workload}.answers_per_second.64", least)
    for workload in ("classify", "rewrite", "extract"):
        yield Target(f"typed_to_peft.{workload}.answers_per_second.64", 12)
    for workload in ("classify", "rewrite"):
        yield Target(f"typed_to_plain.{workload}.p50.1", 0.33, at_most=True)
    for workload in ("classify", "rewrite", "extract", "mixed"):
        yield Target(f"layer.{workload}.answers_per_second.64", 0.95)
    for workload in ("classify", "rewrite", "extract", "mixed"):
        yield Target(f"layer.{workload}.added_ms.1", 3, at_most=True)
    yield Target("kernel_to_no_lora.o_proj.tokens_per_second.64", 0.90)
    yield Target("kernel_to_no_lora.shipped.tokens_per_second.64", 0.80)
    for load in ("8_in_flight.8_slots", "64_in_flight.8_slots", "64_in_flight.64_slots"):
        yield Target(f"slots.round-robin.{load}", 0.90)
        yield Target(f"slots.zipf.{load}", 0.95)
    for source in ("memory", "its_files"):
        yield Target(f"slots.p99_between_tokens.from_{source}", 1.2, at_most=True)
    yield Target("typed.ready_seconds", 20, at_most=True)


TARGETS = tuple(_targets())


def ratios(sides: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The typed side to each other side, at each load that both have answers for."""
    if "typed" not in sides:
        return {}
    figures = {"typed.ready_seconds": sides["typed"]["start_seconds"]}
    typed = _closed(sides["typed"])
    for peer in PEERS:
        theirs = _closed(sides[peer]) if peer in sides else {}
        for (workload, in_flight), ours in typed.items():
            other = theirs.get((workload, in_flight))
            if other is None or not ours["answers"] or not other["answers"]:
                continue
            name = f"typed_to_{peer}.{workload}"
            rate = "answers_per_second"
            figures[f"{name}.{rate}.{in_flight}"] = ours[rate] / other[rate]
            figures[f"{name}.p50.{in_flight}"] = ours["p50"] / other["p50"]
    return figures


def agreement(sides: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Share of equal answers to the same requests, of each side and the typed side, by side and task."""
    shares = {}
    for peer in PEERS:
        if "typed" not in sides or peer not in sides:
            continue
        for name, ours in sides["typed"]["compared"].items():
            pairs = list(zip(ours, sides[peer]["compared"][name], strict=True))
            equal = sum(a is not None and a == b for a, b in pairs)
            shares[f"{peer}.{name}"] = equal / len(pairs)
    return shares


def _closed(side: Mapping[str, Any]) -> dict[tuple[str, int], Mapping[str, Any]]:
    return {
        (level["workload"], level["in_flight"]): level for level in side["levels"] if level["in_flight"] is not None
    }
