"""The server of transformers and PEFT, started on the shipped base, and how its answers are read."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from adapters.ontology import Ontology
from adapters.tasks import classify, tasks
from loadtests.peers import peft
from training.studies.local_server import running

SHOP = Ontology.load()
EXAMPLE = tasks()["classify"].example


def test_an_answer_is_read_as_tokens_and_labels() -> None:
    labels = classify.Labels(category="Shirts", attributes={"gender": "men"})
    answer = {"line": "shirts; -; men", "tokens": 6}
    assert peft.read_answer("classify", EXAMPLE, answer, SHOP) == (6, labels)
    assert peft.read_answer("classify", EXAMPLE, {"line": "a shirt", "tokens": 3}, SHOP) == (3, None)


def test_every_shipped_adapter_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLORA_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    labels = {}
    with running(peft.command(), peft.environment(), ready="/health") as url:
        for name in ("classify", "rewrite", "extract", "copywrite", "classify"):
            request = tasks()[name].example
            path, body = peft.http_request(name, request, SHOP)
            answer = httpx.post(url + path, json=body, timeout=120).raise_for_status().json()
            tokens, labels[name] = peft.read_answer(name, request, answer, SHOP)
            assert 0 < tokens <= tasks()[name].max_tokens(tasks()[name].request(**request))
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/health")
    assert labels["classify"].category == "Shirts"
    assert len(labels["rewrite"].tags) == 7
    assert labels["extract"].overall_sentiment == "positive"
    assert labels["copywrite"].description
