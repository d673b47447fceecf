"""How much memory a base, its adapters' slots and the cache take, and how much is free. Loads nothing, knows no vLLM.

Called by `server.engine.config` before the start and by `server.engine.cpu_worker` once the base is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from math import prod
from pathlib import Path

from safetensors import safe_open

from adapters.base_files import INDEX
from server.errors import StartError

GIB = 1024**3
CACHE_SHARE = 0.25  # of the memory that is free once the base is loaded
# One of so many sequences of a batch fills the context, in the cache's size: the context is that of the largest request
# of any task, at 2 characters a token, and typical texts take a tenth of it. Where more are long, some wait.
BATCH_PART = 4
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}  # types that vLLM converts to the served one
_PACKED = {"I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2}  # all others have one byte
# Limit, usage and statistics of a container's memory, by version 2 and 1 of Linux's control groups.
_CGROUPS = [
    ("memory.max", "memory.current", "memory.stat", ""),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_"),
]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of a base's weights, and of one slot for an adapter."""

    weights: int
    slot: int


def sizes(base: Path, modules: Collection[str], rank: int, bytes_a_number: int) -> Sizes:
    """From the headers of a base's files; in vLLM a slot has A and B of every adapted module, at the largest rank."""
    weights = slot = 0
    for path in _loaded_files(base):
        with safe_open(path, "numpy") as file:
            for name in file.keys():  # noqa: SIM118
                tensor = file.get_slice(name)
                shape, kind = tensor.get_shape(), tensor.get_dtype()
                weights += prod(shape) * (bytes_a_number if kind in _BYTES else _PACKED.get(kind, 1))
                module, _, parameter = name.rpartition(".")
                if parameter == "weight" and len(shape) == 2 and module.rpartition(".")[2] in modules:
                    slot += rank * sum(shape) * bytes_a_number
    return Sizes(weights, slot)


def _loaded_files(base: Path) -> list[Path]:
    """The files of the weights; a base may hold them once more in `consolidated.safetensors` or beside its index."""
    files = sorted(base.glob("*.safetensors"))
    if (base / INDEX).exists():
        names = json.loads((base / INDEX).read_bytes())["weight_map"].values()
        return [path for path in files if path.name in names]
    return [path for path in files if not path.name.startswith("consolidated")] or files


def free_memory(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that can still be taken of the machine's memory, or of its container's; what files can give up counts."""
    meminfo = dict(line.split(":") for line in (proc / "meminfo").read_text().splitlines())
    free = int(meminfo["MemAvailable"].split()[0]) * 1024
    for limit, usage, statistics, prefix in _CGROUPS:
        try:
            most, used = int((cgroups / limit).read_text()), int((cgroups / usage).read_text())
            counts = dict(line.split() for line in (cgroups / statistics).read_text().splitlines())
        except (OSError, ValueError):  # no such version, or no limit ("max")
            continue
        files = sum(int(counts.get(f"{prefix}{name}", 0)) for name in ("inactive_file", "active_file"))
        free = min(free, most - used + files)
    return max(free, 0)


def cache_size(sequence: int, sequences: int, context: int, free: int) -> int:
    """Bytes for the cache: a `BATCH_PART` of a batch if it fits into `CACHE_SHARE` of the free memory, at least one.

    Args:
        sequence: bytes of one sequence that fills the context.

    Raises:
        StartError: one sequence takes more than is free.
    """
    if sequence > free:
        raise StartError(
            f"the cache of one sequence of {context} tokens takes {sequence / GIB:.2f} GiB, and {free / GIB:.2f} GiB "
            "are free: set SHOPLORA_MAX_MODEL_LEN lower"
        )
    return min(-(-sequences // BATCH_PART) * sequence, max(sequence, int(CACHE_SHARE * free)))


def check_memory(sizes: Sizes, slots: int, sequence: int, free: int) -> None:
    """Before anything is loaded: base, slots and the cache of one sequence.

    Raises:
        StartError: they take more than is free.
    """
    parts = {"weights": sizes.weights, f"{slots} adapter slots": slots * sizes.slot, "cache of one sequence": sequence}
    if sum(parts.values()) > free:
        listed = ", ".join(f"{name} {size / GIB:.2f}" for name, size in parts.items())
        raise StartError(
            f"the base needs {sum(parts.values()) / GIB:.2f} GiB of memory ({listed}), and {free / GIB:.2f} GiB are "
            "free: free some, take a smaller base, or set SHOPLORA_MAX_MODEL_LEN or SHOPLORA_MAX_NUM_SEQS lower"
        )
