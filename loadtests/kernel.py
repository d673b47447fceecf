"""The cost of LoRA in the engine: this project's kernel, vLLM's own and no LoRA, measured in turn.

    LD_PRELOAD=$(python -m adapters.preload) python -m loadtests.kernel

Knows vLLM's engine, the base and the shipped adapters, nothing of HTTP or answers. All engines run in this process,
with the server's settings, and take turns in each round, so that a slow moment of the machine affects all of them.
On a shared machine processor time is the fairer figure. Prompts are random tokens from a fixed seed, none is
repeated.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import typer

from adapters.adapter_folder import CONFIG, WEIGHTS
from adapters.base import base_folder
from adapters.store import Store
from server.engine.vllm_settings import engine_arguments, set_environment
from server.settings import Settings

ROW = "{:20}{:>10}{:>12}{:>14}{:>12}"


def main(
    rounds: Annotated[int, typer.Option(help="Rounds measured, after one that is not.")] = 7,
    in_flight: Annotated[int, typer.Option(help="Requests in one batch.")] = 64,
    prompt: Annotated[int, typer.Option(help="Tokens of a prompt.")] = 65,
    answer: Annotated[int, typer.Option(help="Tokens of an answer.")] = 32,
) -> None:
    """Tokens a second with the shipped adapters mixed in each batch, and the ratio to no LoRA."""
    print(ROW.format("", "tokens/s", "to no LoRA", "CPU ms/token", "to no LoRA"))
    for name, cost in measure(rounds, in_flight, prompt, answer).items():
        figures = cost.tokens_per_second, cost.to_no_lora, cost.cpu_ms, cost.cpu_to_no_lora
        print(ROW.format(name, *(f"{f:.{d}f}" for f, d in zip(figures, (0, 2, 2, 2), strict=True))))


class Cost(NamedTuple):
    """The cost of one kind of engine: medians over the rounds; `to_no_lora` is its speed, no LoRA is 1."""

    tokens_per_second: float
    to_no_lora: float
    cpu_ms: float  # processor time of a token
    cpu_to_no_lora: float


def measure(rounds: int, in_flight: int = 64, prompt: int = 65, answer: int = 32) -> dict[str, Cost]:
    """Each kind of engine's cost, "no LoRA" first; vLLM stays in this process afterwards."""
    set_environment(on_cpu=True)
    from vllm.platforms import current_platform

    from server.cpu_lora.plugin import register

    platform = type(current_platform)
    vllms = staticmethod(platform.get_punica_wrapper)
    with TemporaryDirectory() as folder:
        shipped = [version.folder for version in Store(Path(folder)).live().values()]
        alone = [only("o_proj", source, Path(folder)) for source in shipped]
        engines = {"no LoRA": start_engine(in_flight, [])}
        for kind, adapters in (("o_proj", alone), ("shipped", shipped)):
            platform.get_punica_wrapper = vllms
            engines[f"{kind}, vLLM's"] = start_engine(in_flight, adapters)
            register()
            engines[f"{kind}, kernel"] = start_engine(in_flight, adapters)
        turns: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
        for number in range(rounds + 1):
            for name, engine in engines.items():
                turns[name].append(turn(*engine, number, in_flight, prompt, answer))
    walls, cpus = ({name: [t[i] for t in turns[name][1:]] for name in turns} for i in (0, 1))
    tokens = in_flight * answer
    return {
        name: Cost(
            tokens / median(walls[name]), _ratio(walls, name), 1000 * median(cpus[name]) / tokens, _ratio(cpus, name)
        )
        for name in engines
    }


def _ratio(seconds: dict[str, list[float]], name: str) -> float:
    """Speed, the engine without LoRA is 1: the median over the rounds."""
    return median(a / b for a, b in zip(seconds["no LoRA"], seconds[name], strict=True))


def only(module: str, source: Path, folder: Path) -> Path:
    """The weights of one module of an adapter, as an adapter of their own."""
    from safetensors.torch import load_file, save_file  # imports torch, whose environment must be set before

    made = folder / source.relative_to(source.parents[2])
    made.mkdir(parents=True)
    weights = load_file(source / WEIGHTS)
    selected = {name: weight for name, weight in weights.items() if f".{module}." in name}
    save_file(selected, made / WEIGHTS)
    config = json.loads((source / CONFIG).read_text())
    (made / CONFIG).write_text(json.dumps({**config, "target_modules": [module]}))
    return made


def start_engine(in_flight: int, adapters: list[Path], **changed: Any) -> tuple[Any, list[Any]]:
    """vLLM with the server's settings, except those that are changed, and the request for each adapter."""
    from vllm import LLM
    from vllm.lora.request import LoRARequest

    configs = [json.loads((folder / CONFIG).read_text()) for folder in adapters]
    settings = Settings(max_num_seqs=in_flight, max_model_len=256)  # for short requests
    arguments = engine_arguments(
        settings,
        base_folder(settings.base),
        ranks=(config["r"] for config in configs),
        modules=(module for config in configs for module in config["target_modules"]),
        adapters=len(adapters),
    )
    llm = LLM(**arguments | changed)
    loras = [LoRARequest(str(i), i, str(folder)) for i, folder in enumerate(adapters, 1)]
    return llm, loras


def turn(llm: Any, loras: list[Any], seed: int, in_flight: int, prompt: int, answer: int) -> tuple[float, float]:
    """Wall-clock and processor seconds until all are answered."""
    from vllm import SamplingParams

    draw, words = random.Random(seed), llm.get_tokenizer().vocab_size
    prompts = [{"prompt_token_ids": [draw.randrange(words) for _ in range(prompt)]} for _ in range(in_flight)]
    began = time.perf_counter(), time.process_time()
    llm.generate(
        prompts,
        SamplingParams(temperature=0, max_tokens=answer, ignore_eos=True),
        use_tqdm=False,
        lora_request=[loras[i % len(loras)] for i in range(in_flight)] if loras else None,
    )
    return time.perf_counter() - began[0], time.process_time() - began[1]


if __name__ == "__main__":
    typer.run(main)
