"""Transformers and PEFT as a peer: how `peft_server` is started and how its answers are read.

It uses this project's adapters and short answer lines, which is to its advantage: only the server differs.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from adapters.ontology import Ontology
from adapters.preload import ld_preload
from adapters.tasks import tasks


def command() -> list[str]:
    app = "loadtests.peers.peft_server:create_app"
    return [sys.executable, "-m", "uvicorn", "--factory", "--no-access-log", app]


def environment() -> dict[str, str]:
    return {**os.environ, "LD_PRELOAD": ld_preload()}


def http_request(task: str, request: dict[str, Any], ontology: Ontology) -> tuple[str, dict[str, Any]]:
    """Path and body that ask for an answer."""
    return f"/v1/{task}", request


def read_answer(task: str, request: dict[str, Any], answer: dict[str, Any], ontology: Ontology) -> tuple[int, Any]:
    """Tokens and labels of an answer; no labels if the task's grammar does not admit the line."""
    typed = tasks()[task].request.model_validate(request)
    return answer["tokens"], tasks()[task].read(answer["line"], typed, ontology)
