"""Every setting of vLLM that this project makes: environment variables and engine arguments.

Starts nothing. `server.engine.engine` starts the engine with them, `loadtests` measures engines with them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from server.settings import Settings

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # as vLLM accepts them
MIN_SLOTS = 4
# On a CPU a slot costs an adapter's size in memory and no time: as many as a batch can use (docs/performance.md, "Many
# adapters"). On a GPU it takes room from the KV cache: this cap is not measured.
MAX_GPU_SLOTS = 32
# Defaults: what the operator has set stays. vLLM reads these when it starts.
ENVIRONMENT = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
CPU_ENVIRONMENT = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the worker runs inside the engine core
    # A core is left to the front end. Over HTTP on two cores, one thread and two, at 64 in flight:
    # classify 125 and 103 answers a second, rewrite 198 and 130; at 1 in flight 12.5 and 10.5.
    "OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) - 1)),
    # ms that an idle thread spins for. On idle cores 0 is slow: 64 classify requests at once in 575
    # and 518 ms instead of 362 and 381, one in 144 and 138 instead of 82 and 105; 20 is as 1 is.
    # Where other work fills the cores it is the other way round, by a seventh.
    "KMP_BLOCKTIME": "1",
    "KMP_WARNINGS": "0",  # Numba's threads are set by a call that Intel's OpenMP calls deprecated
    "TORCH_COMPILE_DISABLE": "1",  # the sampler would compile one small function with g++
}
CPU_ARGUMENTS = {
    "distributed_executor_backend": "uni",
    "enforce_eager": True,
    "worker_cls": "server.engine.cpu_worker.Worker",
    "gpu_memory_utilization": 0.01,  # vLLM refuses to start with less of the memory free; the worker checks instead
}


def engine_arguments(
    settings: Settings, base: Path, ranks: Iterable[int], modules: Iterable[str], adapters: int, on_cpu: bool = True
) -> dict[str, Any]:
    """Arguments of `AsyncEngineArgs` for that many adapters of those ranks on those modules; without LoRA for 0.

    Args:
        modules: as PEFT's `target_modules`; vLLM knows a module by the last part of its name.
    """
    arguments: dict[str, Any] = {
        "model": str(base),
        "dtype": settings.dtype,
        "load_format": settings.load_format,
        "use_tqdm_on_load": False,
        "max_model_len": settings.max_model_len,
        "max_num_seqs": settings.max_num_seqs,
        "structured_outputs_config": {"backend": "xgrammar"},
        "generation_config": "vllm",  # ignores the sampling defaults in the base's folder
    } | (CPU_ARGUMENTS if on_cpu else {})
    if adapters:
        most = settings.max_num_seqs if on_cpu else MAX_GPU_SLOTS
        slots = max(MIN_SLOTS, min(adapters, most))
        rank = max(ranks)
        arguments |= {
            "enable_lora": True,
            "max_loras": slots,
            "max_cpu_loras": max(slots, adapters),  # a slot is filled anew from memory
            "max_lora_rank": next(size for size in RANKS if size >= rank),
            "lora_target_modules": sorted({module.rpartition(".")[2] for module in modules}),
        }
    return arguments


def set_environment(on_cpu: bool) -> None:
    for name, value in {**ENVIRONMENT, **(CPU_ENVIRONMENT if on_cpu else {})}.items():
        os.environ.setdefault(name, value)


def installed_version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
