"""A plugin for vLLM: on a CPU, LoRA by `server.cpu_lora.layers` instead of vLLM's operation.

`register` is an entry point in `vllm.general_plugins`: vLLM calls it in each process that runs a model, and imports the
class where LoRA is used. On a GPU no kernel is imported or changed. There and here a process of vLLM's own ends with
the one that started it, and says in one line why it does not start.
"""

from __future__ import annotations

import multiprocessing

from server.engine.process import end_with_parent, report_failure


def register() -> None:
    from vllm.platforms import current_platform

    if multiprocessing.parent_process():
        end_with_parent()
        report_failure()
    if current_platform.is_cpu():
        name = "server.cpu_lora.layers.CpuLora"
        type(current_platform).get_punica_wrapper = classmethod(lambda _: name)
