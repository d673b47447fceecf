from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from adapters.manifest import Calibration
from adapters.ontology import Ontology
from adapters.tasks import tasks
from server.engine.fake_engine import FakeEngine
from tests.server.conftest import COPY
from training.evaluation.answers import Models

CANDLE = tasks()["copywrite"].example


def set_samples(engine: FakeEngine, *samples: str) -> None:
    engine.answer = lambda job: list(samples)


def test_the_job_is_the_tasks(client: TestClient, engine: FakeEngine, ontology: Ontology) -> None:
    task = tasks()["copywrite"]
    client.post("/v1/copywrite", json=CANDLE)
    job, request = engine.jobs[-1], task.request(**CANDLE)
    assert job.n == task.samples and job.temperature == task.temperature
    assert job.grammar == task.grammar(request, ontology)
    assert job.max_tokens == task.max_tokens(request)
    assert job.adapter == "copywrite@1"


@pytest.mark.parametrize("name", sorted(tasks()))
def test_evaluation_sends_the_engine_the_job_of_the_server(
    name: str, client: TestClient, engine: FakeEngine, ontology: Ontology
) -> None:
    """So its figures are those of what is served."""
    task = tasks()[name]
    client.post(f"/v1/{name}", json=task.example)
    served = engine.jobs[-1]
    Models(engine, ontology).lines(task, [task.request.model_validate(task.example)], f"{name}@1")
    assert replace(engine.jobs[-1], request_id=served.request_id) == served != engine.jobs[-1]


def test_every_grammar_is_warm_before_the_server_is_ready(client: TestClient, engine: FakeEngine) -> None:
    assert len(engine.jobs) == sum(len(task.warm()) for task in tasks().values())


def test_the_most_faithful_sample_is_shown(client: TestClient, engine: FakeEngine) -> None:
    set_samples(engine, "A red candle.", "A candle.", COPY, "\x00")
    answer = client.post("/v1/copywrite", json=CANDLE).json()
    assert (answer["description"], answer["source"]) == (COPY, "model")
    assert answer["unsupported"] == [] and answer["missing"] == []


@pytest.mark.parametrize("samples", [["A red steel candle."], ["", "\x00"]])
def test_the_fallback_answers_where_no_sample_is_faithful(
    client: TestClient, engine: FakeEngine, samples: list[str]
) -> None:
    set_samples(engine, *samples)
    answer = client.post("/v1/copywrite", json=CANDLE).json()
    assert answer["source"] == "fallback" and answer["unsupported"] == []
    assert (answer["confidence"], answer["needs_review"]) == (0, True)  # nothing is known of such answers
    assert 'outcome="fallback",task="copywrite"' in client.get("/metrics").text


def test_no_answer_and_no_fallback(client: TestClient, engine: FakeEngine) -> None:
    set_samples(engine, "shirts; navy")
    response = client.post("/v1/classify", json={"title": "shirt"})
    assert response.status_code == 503
    assert response.json()["type"].endswith(":undecodable-answer")
    assert 'outcome="undecodable-answer",task="classify"' in client.get("/metrics").text


def test_a_doubtful_answer_needs_review(
    client: TestClient, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Calibration, "confidence", lambda self, source, features: 0.2)
    answer: dict[str, Any] = client.post("/v1/classify", json={"title": "shirt"}).json()
    assert (answer["confidence"], answer["needs_review"]) == (0.2, True)
