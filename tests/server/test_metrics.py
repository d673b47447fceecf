import asyncio

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from adapters.tasks import tasks
from server.http.problems import EngineFailed
from server.metrics import SECONDS, Metrics


def sample(text: str, name: str, **labels: str) -> float:
    found = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(found)


def test_an_answer_is_counted_by_task_and_version(client: TestClient) -> None:
    for _ in range(2):
        told = client.post("/v1/classify", json=tasks()["classify"].example).json()
    page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    labels = {"task": "classify", "adapter": told["model"]}
    assert sample(page.text, "shoplora_requests_total", outcome="ok", **labels) == 2
    assert sample(page.text, "shoplora_request_seconds_count", **labels) == 2
    assert sample(page.text, "shoplora_first_token_seconds_count", **labels) == 2
    read, written = (told["usage"][kind] for kind in ("prompt_tokens", "completion_tokens"))
    assert sample(page.text, "shoplora_prompt_tokens_total", **labels) == 2 * read
    assert sample(page.text, "shoplora_completion_tokens_total", **labels) == 2 * written
    assert sample(page.text, "shoplora_in_flight", **labels) == 0


def test_a_refused_request_is_counted_too(client: TestClient) -> None:
    client.post("/v1/classify", json={})
    labels = {"task": "classify", "outcome": "invalid-request"}
    assert sample(client.get("/metrics").text, "shoplora_requests_total", **labels) == 1


def test_every_live_adapter_shows_before_its_first_request(client: TestClient) -> None:
    page = client.get("/metrics").text
    for task in tasks():
        assert f'task="{task}"' in page
    assert SECONDS[0] == 0.005 and SECONDS[-1] == 30


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(EngineFailed("x"), "engine-failed"), (asyncio.CancelledError(), "cancelled"), (ValueError(), "internal-error")],
)
def test_however_a_request_ends_it_is_counted_and_leaves(error: BaseException, outcome: str) -> None:
    metrics = Metrics()
    with pytest.raises(type(error)), metrics.track("classify", "classify@1"):
        page = metrics.page().decode()
        assert sample(page, "shoplora_in_flight", task="classify") == 1
        raise error
    page = metrics.page().decode()
    assert sample(page, "shoplora_in_flight", task="classify") == 0
    assert sample(page, "shoplora_requests_total", outcome=outcome) == 1
