from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from adapters.tasks import tasks


def sample(text: str, name: str, **labels: str) -> float:
    values = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(values)


def test_an_answer_is_counted_by_task_and_version(client: TestClient) -> None:
    for _ in range(2):
        answer = client.post("/v1/classify", json=tasks()["classify"].example).json()
    page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    labels = {"task": "classify", "adapter": answer["model"]}
    assert sample(page.text, "shoplora_requests_total", outcome="ok", **labels) == 2
    assert sample(page.text, "shoplora_request_seconds_count", **labels) == 2
    assert sample(page.text, "shoplora_first_token_seconds_count", **labels) == 2
    read, written = (answer["usage"][kind] for kind in ("prompt_tokens", "completion_tokens"))
    assert sample(page.text, "shoplora_prompt_tokens_total", **labels) == 2 * read
    assert sample(page.text, "shoplora_completion_tokens_total", **labels) == 2 * written
    assert sample(page.text, "shoplora_in_flight", **labels) == 0


def test_every_live_adapter_shows_before_its_first_request(client: TestClient) -> None:
    page = client.get("/metrics").text
    for task in tasks():
        assert f'task="{task}"' in page
