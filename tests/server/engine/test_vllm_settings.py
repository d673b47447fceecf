"""How many slots the store's adapters get, and which other arguments of vLLM follow from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.engine.vllm_settings import MAX_GPU_SLOTS, MIN_SLOTS, engine_arguments
from server.settings import Settings

BASE = Path("base")


def arguments(adapters: int, on_cpu: bool, in_flight: int = 64) -> dict[str, Any]:
    modules = ["o_proj", "down_proj", "o_proj"]
    return engine_arguments(Settings(max_num_seqs=in_flight), BASE, [12, 4], modules, adapters, on_cpu)


def test_without_adapters_there_is_no_lora() -> None:
    assert "enable_lora" not in engine_arguments(Settings(), BASE, [], [], 0)


@pytest.mark.parametrize("on_cpu", [True, False])
@pytest.mark.parametrize("adapters", [1, MIN_SLOTS, 9, 1000])
def test_every_adapter_stays_in_memory(adapters: int, on_cpu: bool) -> None:
    values = arguments(adapters, on_cpu)
    assert values["max_cpu_loras"] >= max(adapters, values["max_loras"])
    assert MIN_SLOTS <= values["max_loras"] <= max(MIN_SLOTS, adapters)


def test_on_a_cpu_there_are_as_many_slots_as_a_batch_can_use() -> None:
    assert arguments(1000, on_cpu=True, in_flight=48)["max_loras"] == 48
    assert arguments(40, on_cpu=True, in_flight=48)["max_loras"] == 40


def test_on_a_gpu_slots_have_a_limit_of_their_own() -> None:
    assert arguments(1000, on_cpu=False, in_flight=256)["max_loras"] == MAX_GPU_SLOTS


def test_a_module_that_peft_knows_by_its_path_is_given_by_its_name() -> None:
    values = engine_arguments(Settings(), BASE, [8], ["attention.dense", "o_proj"], 1)
    assert values["lora_target_modules"] == ["dense", "o_proj"]


def test_rank_and_modules_are_the_ones_that_the_adapters_need() -> None:
    values = arguments(2, on_cpu=True)
    assert values["max_lora_rank"] == 16
    assert values["lora_target_modules"] == ["down_proj", "o_proj"]
