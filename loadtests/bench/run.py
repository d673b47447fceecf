"""Measures each side, the HTTP layer and the engine in a process of its own. `loadtests.bench.cli` calls it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from typing import Any, TypeVar

from loadtests.bench import layer
from loadtests.bench.sides import Plan, measure

T = TypeVar("T")
ROUNDS = 7
SLOTS_ROUNDS, SLOTS = 3, (8, 64)  # 64 are the server's most


def side(name: str, plan: Plan) -> dict[str, Any]:
    """The figures of that side as plain values."""
    return asdict(_alone(measure, name, plan))


def layer_ratios(plan: Plan) -> dict[str, float]:
    """The cost of HTTP and typed answers."""
    return _alone(layer.measure, plan)


def engine_ratios() -> dict[str, float]:
    """The cost of LoRA in the engine, without HTTP, answers and grammars."""
    from loadtests import kernel, slots

    costs = _alone(kernel.measure, ROUNDS)
    names = {"o_proj, kernel": "o_proj", "shipped, kernel": "shipped"}
    ratios = {f"kernel_to_no_lora.{name}.tokens_per_second.64": costs[cost].to_no_lora for cost, name in names.items()}
    for name, ratio in _alone(slots.measure, SLOTS_ROUNDS, SLOTS).items():
        ratios[f"slots.{name.replace(', ', '.').replace(' ', '_')}"] = ratio
    return ratios


def _alone(function: Callable[..., T], *arguments: Any) -> T:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()
