"""The server of transformers and PEFT, started on a tiny base, and how its answers are read."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from adapters.ontology import Ontology
from adapters.store import Store
from adapters.tasks import classify, tasks
from loadtests.peers import peft
from tests.tiny import make_base, publish_all
from training.studies.local_server import running

SHOP = Ontology.load()
EXAMPLE = tasks()["classify"].example


def test_an_answer_is_read_as_tokens_and_labels() -> None:
    labels = classify.Labels(category="Shirts", attributes={"gender": "men"})
    answer = {"line": "shirts; -; men", "tokens": 6}
    assert peft.read_answer("classify", EXAMPLE, answer, SHOP) == (6, labels)
    assert peft.read_answer("classify", EXAMPLE, {"line": "a shirt", "tokens": 3}, SHOP) == (3, None)


def test_every_live_adapter_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, store = make_base(tmp_path / "base", "llama", SHOP), tmp_path / "store"
    publish_all(Store(store), base, SHOP, tmp_path / "staged")
    for name, value in (("SHOPLORA_BASE", base), ("SHOPLORA_STORE", store), ("OMP_NUM_THREADS", 1)):
        monkeypatch.setenv(name, str(value))
    lines = []
    with running(peft.command(), peft.environment(), ready="/health") as url:
        for name in ("classify", "rewrite", "extract", "copywrite", "classify"):
            request = tasks()[name].example
            path, body = peft.http_request(name, request, SHOP)
            answer = httpx.post(url + path, json=body, timeout=120).raise_for_status().json()
            tokens, _ = peft.read_answer(name, request, answer, SHOP)
            assert 0 < tokens <= tasks()[name].max_tokens(tasks()[name].request(**request))
            lines.append(answer["line"])
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/health")
    assert lines[0] == lines[-1]  # the other adapters in between changed nothing
    assert len(set(lines)) == 4
