"""Many adapters in few slots: throughput beside four adapters, and how much loading one delays other requests.

    LD_PRELOAD=$(python -m adapters.preload) python -m loadtests.slots

Knows vLLM's engine, the base and the shipped adapters, and makes copies of the adapters with other weights; nothing
of HTTP or answers. `loadtests.kernel` starts the engines, which all run in this process and take turns in each
round. `loadtests.bench.run` calls `measure`.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from shutil import copy
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from adapters.adapter_folder import CONFIG, WEIGHTS
from adapters.store import Store
from loadtests.kernel import only, start_engine, turn
from server.engine.vllm_settings import set_environment

FEW, MANY = 4, 100  # adapters
MODULE = "o_proj"  # a recipe's default
SLOTS = (8, 64, 100)  # of the hundred
IN_FLIGHT = (8, 64)  # requests
PROMPT, ANSWER = 65, 32  # tokens
ORDERS = ("round-robin", "zipf")
RUNNING = 8  # requests that decode while an adapter is loaded
PAUSE = 8  # steps between two loads
Engine = tuple[Any, list[Any]]  # vLLM, and the request for each adapter


def main(rounds: Annotated[int, typer.Option(help="Rounds measured, after one that is not.")] = 5) -> None:
    """Throughput of 100 adapters, that of 4 is 1, and how much loading delays other requests."""
    for name, figure in measure(rounds).items():
        print(f"{name:56}{figure:8.2f}")


def measure(rounds: int, slots: Sequence[int] = SLOTS) -> dict[str, float]:
    """Medians over the rounds of the ratio to the same round's turn of the four adapters."""
    set_environment(on_cpu=True)
    with TemporaryDirectory() as folder:
        live = Store(Path(folder)).live().values()
        shipped = [only(MODULE, version.folder, Path(folder, "only")) for version in live]
        adapters = [copied(shipped[i % len(shipped)], Path(folder), i) for i in range(MANY)]
        few = start_engine(max(IN_FLIGHT), adapters[:FEW])
        many = {count: start_engine(max(IN_FLIGHT), adapters, max_loras=count, max_cpu_loras=MANY) for count in slots}
        for llm, loras in many.values():
            for lora in loras:  # as the server does when it starts
                llm.llm_engine.add_lora(lora)
        return _throughput(few, many, rounds) | _stalls(many[min(slots)], rounds)


def copied(source: Path, folder: Path, number: int) -> Path:
    """A copy of an adapter with slightly different weights."""
    import torch
    from safetensors.torch import load_file, save_file

    made = folder / str(number) / "default" / "1"
    made.mkdir(parents=True)
    draw = torch.Generator().manual_seed(number)
    weights = load_file(source / WEIGHTS)
    for weight in weights.values():
        weight *= 1 + 0.01 * torch.randn(weight.shape, generator=draw)
    save_file(weights, made / WEIGHTS)
    copy(source / CONFIG, made / CONFIG)
    return made


def order(name: str, count: int, seed: int) -> Iterator[int]:
    """The numbers of the adapters of an endless sequence of requests."""
    if name == "round-robin":
        yield from itertools.cycle(range(count))
    draw = random.Random(seed)
    weights = list(itertools.accumulate(1 / rank for rank in range(1, count + 1)))
    while True:
        yield draw.choices(range(count), cum_weights=weights)[0]


def _throughput(few: Engine, many: dict[int, Engine], rounds: int) -> dict[str, float]:
    figures = {}
    for name, size in itertools.product(ORDERS, IN_FLIGHT):
        orders = {count: order(name, MANY, count) for count in many}
        ratios: dict[int, list[tuple[float, float]]] = {count: [] for count in many}
        for number in range(rounds + 1):
            base = turn(*few, number, size, PROMPT, ANSWER)
            for count, (llm, loras) in many.items():
                chosen = [loras[i] for i in itertools.islice(orders[count], size)]
                took = turn(llm, chosen, number, size, PROMPT, ANSWER)
                ratios[count].append((base[0] / took[0], base[1] / took[1]))
        for count, pairs in ratios.items():
            load = f"{name}, {size} in flight, {count} slots"
            figures[load] = median(wall for wall, _ in pairs[1:])
            figures[f"{load}, processor"] = median(cpu for _, cpu in pairs[1:])
    return figures


def _stalls(engine: Engine, rounds: int) -> dict[str, float]:
    """The duration of a step that loads an adapter, from its files or from memory; without a load it is 1."""
    llm, loras = engine
    core, running, cold = llm.llm_engine, loras[:FEW], itertools.cycle(loras[FEW:])

    def from_files() -> None:
        lora = next(cold)
        core.remove_lora(lora.lora_int_id)
        core.add_lora(lora)

    loads: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "from its files": from_files,
        "from memory": lambda: core.add_lora(next(cold)),
    }
    steps: dict[str, list[tuple[float, float]]] = {name: [] for name in loads}
    for number in range(rounds + 1):
        for name, load in loads.items():
            gaps = _gaps(core, running, number, load)
            steps[name].append((median(gaps[PAUSE - 1 :: PAUSE]), quantiles(gaps, n=100)[98]))
    figures = {}
    for name in list(loads)[1:]:
        for i, figure in enumerate(("step with a load", "p99 between tokens")):
            pairs = zip(steps[name][1:], steps["nothing"][1:], strict=True)
            figures[f"{figure}, {name}"] = median(a[i] / b[i] for a, b in pairs)
    return figures


def _gaps(core: Any, loras: list[Any], seed: int, load: Callable[[], object]) -> list[float]:
    """Seconds between tokens while all requests decode and an adapter is loaded every PAUSE steps."""
    from vllm import SamplingParams

    draw, words = random.Random(seed), core.get_tokenizer().vocab_size
    steps = 25 * PAUSE
    sampling = SamplingParams(temperature=0, max_tokens=steps + 2, ignore_eos=True)
    for i in range(RUNNING):
        prompt = {"prompt_token_ids": [draw.randrange(words) for _ in range(PROMPT)]}
        core.add_request(f"{seed}-{i}", prompt, sampling, lora_request=loras[i % len(loras)])
    core.step()  # reads the prompts
    gaps = []
    for number in range(1, steps + 1):
        began = time.perf_counter()
        if number % PAUSE == 0:
            load()
        core.step()
        gaps.append(time.perf_counter() - began)
    while core.has_unfinished_requests():
        core.step()
    return gaps


if __name__ == "__main__":
    typer.run(main)
