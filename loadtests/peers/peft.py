"""Transformers and PEFT as a peer: `peft_server`, started and asked.

It answers with the adapters and the short lines of this project, to its advantage: what differs is
the server alone.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from adapters.ontology import Ontology
from adapters.tasks import tasks
from adapters.tasks.contract import LineError
from server.engine.preload import ld_preload


def command() -> list[str]:
    app = "loadtests.peers.peft_server:create_app"
    return [sys.executable, "-m", "uvicorn", "--factory", "--no-access-log", app]


def environment() -> dict[str, str]:
    return {**os.environ, "LD_PRELOAD": ld_preload()}


def asked(task: str, request: dict[str, Any], ontology: Ontology) -> tuple[str, dict[str, Any]]:
    """Path and body of a request."""
    return f"/v1/{task}", request


def told(task: str, request: dict[str, Any], answer: dict[str, Any], ontology: Ontology) -> tuple[int, Any]:
    """Tokens of an answer and the labels that it tells; None if it cannot be read."""
    typed = tasks()[task].request.model_validate(request)
    try:
        labels = tasks()[task].decode(answer["line"], typed, ontology)
    except LineError:
        labels = None
    return answer["tokens"], labels
