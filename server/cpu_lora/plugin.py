"""A plugin for vLLM: on a CPU, LoRA by `server.cpu_lora.layers` instead of vLLM's operation.

`register` is an entry point in `vllm.general_plugins`: vLLM calls it in each process that runs a model, and imports the
class where LoRA is used. On a GPU nothing is imported or changed.
"""

from __future__ import annotations


def register() -> None:
    from vllm.platforms import current_platform

    if current_platform.is_cpu():
        name = "server.cpu_lora.layers.CpuLora"
        type(current_platform).get_punica_wrapper = classmethod(lambda _: name)
