"""What a base takes and what is free, with files in place of a machine's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from adapters.base_files import INDEX
from server.engine.context import needed_context
from server.engine.memory import BATCH_PART, CACHE_SHARE, GIB, Sizes, cache_size, check_memory, free_memory, sizes
from server.errors import StartError
from server.settings import Settings
from tests.tiny import FEED_FORWARD, HEAD, HEADS, HIDDEN, LAYERS, make_weights

MIB = 1024**2


def test_sizes_follow_from_the_shapes_of_the_bases_weights(tmp_path: Path) -> None:
    o_proj, down_proj = HEADS * HEAD * HIDDEN, FEED_FORWARD * HIDDEN
    base = make_weights(tmp_path)
    assert sizes(base, ["o_proj"], 16, 4) == Sizes(
        weights=LAYERS * (o_proj + down_proj) * 4, slot=LAYERS * 16 * (HEADS * HEAD + HIDDEN) * 4
    )
    assert sizes(base, [], 16, 2).slot == 0


@pytest.mark.parametrize("other", ["consolidated.safetensors", "consolidated-00001-of-00002.safetensors"])
def test_weights_that_a_folder_holds_in_two_formats_count_once(tmp_path: Path, other: str) -> None:
    base = make_weights(tmp_path)
    once = sizes(base, ["o_proj"], 16, 2)
    shutil.copy(base / "model.safetensors", base / other)
    assert sizes(base, ["o_proj"], 16, 2) == once
    (base / "model.safetensors").unlink()
    assert sizes(base, ["o_proj"], 16, 2) == once


def test_a_file_that_the_index_does_not_name_counts_as_little_as_it_is_loaded(tmp_path: Path) -> None:
    base = make_weights(tmp_path)
    once = sizes(base, ["o_proj"], 16, 2)
    shutil.move(base / "model.safetensors", base / "model-00001-of-00001.safetensors")
    (base / INDEX).write_text(json.dumps({"weight_map": {"x": "model-00001-of-00001.safetensors"}}))
    make_weights(tmp_path)
    assert sizes(base, ["o_proj"], 16, 2) == once


def machine(folder: Path, available: int, files: dict[str, str]) -> int:
    """The free memory of a machine with that many MiB available and these files of control groups."""
    folder.joinpath("meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable: {available * 1024} kB\nHugePages: 0\n")
    for name, text in files.items():
        path = folder / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return free_memory(folder, folder / "cgroup") // MIB


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 8000),
        ({"memory.max": "max", "memory.current": "5", "memory.stat": "anon 5"}, 8000),
        (
            {
                "memory.max": f"{1000 * MIB}",
                "memory.current": f"{700 * MIB}",
                "memory.stat": f"anon {300 * MIB}\ninactive_file {150 * MIB}\nactive_file {250 * MIB}",
            },
            700,
        ),
        (
            {
                "memory/memory.limit_in_bytes": f"{1000 * MIB}",
                "memory/memory.usage_in_bytes": f"{700 * MIB}",
                "memory/memory.stat": f"total_inactive_file {100 * MIB}\ntotal_active_file {100 * MIB}\ncache 9",
            },
            500,
        ),
        (
            {
                "memory/memory.limit_in_bytes": str(2**63 - 4096),
                "memory/memory.usage_in_bytes": "5",
                "memory/memory.stat": "",
            },
            8000,
        ),
    ],
    ids=["no groups", "no limit", "version 2", "version 1", "version 1 without a limit"],
)
def test_a_containers_limit_counts_and_files_that_linux_can_drop_do_not(
    tmp_path: Path, files: dict[str, str], free: int
) -> None:
    assert machine(tmp_path, 8000, files) == free


def test_the_cache_holds_a_part_of_a_batch_or_a_share_of_the_free_memory_or_one_sequence() -> None:
    assert cache_size(sequence=10, sequences=64, context=512, free=10_000) == 10 * 64 / BATCH_PART
    assert cache_size(sequence=10, sequences=1, context=512, free=10_000) == 10
    assert cache_size(sequence=10, sequences=64, context=512, free=400) == 400 * CACHE_SHARE
    assert cache_size(sequence=900, sequences=64, context=512, free=1_000) == 900


def test_by_default_a_batch_of_the_shipped_tasks_has_a_gibibyte_of_cache() -> None:
    context = needed_context(["classify", "rewrite", "extract", "copywrite"])
    assert context
    sequence = 2 * 30 * 3 * 64 * 2 * context  # keys and values of SmolLM2-135M's layers and heads in bfloat16
    assert cache_size(sequence, Settings().max_num_seqs, context, free=100 * GIB) < 1.1 * GIB


def test_a_cache_that_does_not_hold_one_sequence_is_refused_with_the_setting_and_both_numbers() -> None:
    with pytest.raises(StartError, match=r"8192 tokens takes 4\.00 GiB, and 1\.00 GiB .*SHOPLORA_MAX_MODEL_LEN"):
        cache_size(4 * GIB, 64, 8192, GIB)


def test_too_little_memory_for_weights_slots_and_one_sequence_is_refused_with_their_sizes() -> None:
    base = Sizes(weights=2 * GIB, slot=GIB // 4)
    check_memory(base, slots=4, sequence=GIB, free=4 * GIB)
    with pytest.raises(StartError, match=r"needs 4\.00 GiB .*weights 2\.00, 4 adapter slots 1\.00, .* 3\.00 GiB are"):
        check_memory(base, slots=4, sequence=GIB, free=3 * GIB)
