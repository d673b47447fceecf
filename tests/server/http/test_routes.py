import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from adapters.tasks import tasks
from server.app import create_app
from server.engine.fake_engine import FakeEngine
from server.http.routes import operations, task_routes
from server.settings import Settings
from tests.server.conftest import COPY


def events(body: str) -> list[tuple[str, Any]]:
    found = []
    for block in body.split("\n\n"):
        if block.strip():
            fields = dict(line.split(": ", 1) for line in block.splitlines())
            found.append((fields["event"], json.loads(fields["data"])))
    return found


@pytest.mark.parametrize("name", tasks())
def test_the_example_of_each_task_is_answered(client: TestClient, name: str) -> None:
    task = tasks()[name]
    answered = client.post(f"/v1/{name}", json=task.example, headers={"X-Request-ID": "mine-1"})
    assert answered.status_code == 200, answered.text
    answer = task.answer.model_validate(answered.json())
    assert answer.request_id == answered.headers["X-Request-ID"] == "mine-1"
    assert answer.model.startswith(f"{name}@")
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0
    assert answer.source == "model"


def test_no_request_waits_for_a_thread() -> None:
    def called(dependant: Any) -> Iterator[Any]:
        yield dependant.call
        for inner in dependant.dependencies:
            yield from called(inner)

    routes = [r for r in (*task_routes().routes, *operations.routes) if isinstance(r, APIRoute)]
    calls = {call for route in routes for call in called(route.dependant)}
    assert len(calls) > len(routes)
    assert [call for call in calls if not inspect.iscoroutinefunction(call)] == []


def test_classify_is_expanded(client: TestClient) -> None:
    answer = client.post("/v1/classify", json=tasks()["classify"].example).json()
    assert answer["category"]["path"][-1] == "Shirts"
    assert answer["attributes"] == {"color": "navy blue", "gender": "men", "pattern": "checked"}
    assert 0 < answer["confidence"] < 1 and not answer["needs_review"]


def test_copywrite_streams(client: TestClient) -> None:
    request = {**tasks()["copywrite"].example, "stream": True}
    answered = client.post("/v1/copywrite", json=request)
    assert answered.headers["content-type"].startswith("text/event-stream")
    found = events(answered.text)
    assert "".join(data["text"] for name, data in found if name == "delta").strip() == COPY
    assert [name for name, _ in found].count("answer") == 1
    name, answer = found[-1]
    assert name == "answer" and answer["description"] == COPY


def test_a_problem_in_the_stream_is_an_event(client: TestClient, engine: FakeEngine) -> None:
    def broken(job: Any) -> list[str]:
        raise RuntimeError("secret")

    engine.answer = broken
    answered = client.post("/v1/copywrite", json={**tasks()["copywrite"].example, "stream": True})
    [(name, problem)] = events(answered.text)
    assert name == "problem" and problem["status"] == 500 and "secret" not in answered.text


def test_openapi_has_every_task_with_its_example(client: TestClient) -> None:
    page = client.get("/openapi.json").json()
    for name, task in tasks().items():
        operation = page["paths"][f"/v1/{name}"]["post"]
        content = operation["requestBody"]["content"]["application/json"]
        assert operation["operationId"] == name
        assert content["examples"]["example"]["value"] == task.example
        assert "application/problem+json" in operation["responses"]["422"]["content"]
    streamed = page["paths"]["/v1/copywrite"]["post"]["responses"]["200"]["content"]
    assert set(streamed) == {"application/json", "text/event-stream"}


def test_operations(client: TestClient, shop: Settings) -> None:
    assert client.get("/health").json() == {"status": "alive"}
    told = client.get("/ready").json()
    names = told["adapters"]
    assert told["status"] == "ready" and told["without_adapter"] == []
    assert {name.split("@")[0] for name in names} == set(tasks())
    told = client.get("/version").json()
    assert told["base"] == "base" and len(told["base_digest"]) == 64
    assert [adapter["name"] for adapter in told["adapters"]] == names
    assert all(len(adapter["digest"]) == 64 for adapter in told["adapters"])


def test_a_dead_engine_fails_liveness_and_every_task(client: TestClient, engine: FakeEngine) -> None:
    engine.errored = True
    for answered in (client.get("/health"), client.get("/ready"), client.post("/v1/classify", json={"title": "shirt"})):
        assert answered.status_code == 503
        assert answered.json()["type"].endswith(":engine-failed")
        assert int(answered.headers["Retry-After"]) > 0


def test_before_it_is_ready(shop: Settings, engine: FakeEngine) -> None:
    client = TestClient(create_app(shop, engine))  # its lifespan has not begun
    assert client.get("/health").status_code == 200
    for answered in (client.get("/ready"), client.post("/v1/classify", json={"title": "shirt"})):
        assert answered.status_code == 503
        assert answered.json()["type"].endswith(":not-ready")
        assert int(answered.headers["Retry-After"]) > 0
