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
from server.http.problems import PROBLEM_TYPES, Details
from server.http.routes import operations, task_routes
from server.settings import Settings
from tests.server.conftest import COPY
from tests.server.http.test_problems import refused


def events(body: str) -> list[tuple[str, Any]]:
    """Name and data of each server-sent event."""
    blocks = (block.splitlines() for block in body.split("\n\n") if block.strip())
    fields = (dict(line.split(": ", 1) for line in lines) for lines in blocks)
    return [(field["event"], json.loads(field["data"])) for field in fields]


@pytest.mark.parametrize("name", tasks())
def test_the_example_of_each_task_is_answered(client: TestClient, name: str) -> None:
    task = tasks()[name]
    response = client.post(f"/v1/{name}", json=task.example, headers={"X-Request-ID": "mine-1"})
    assert response.status_code == 200, response.text
    answer = task.answer.model_validate(response.json())
    assert answer.request_id == response.headers["X-Request-ID"] == "mine-1"
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


def test_an_answer_line_is_expanded_into_the_typed_answer(client: TestClient) -> None:
    answer = client.post("/v1/classify", json=tasks()["classify"].example).json()
    assert answer["category"]["path"][-1] == "Shirts"
    assert answer["attributes"] == {"color": "navy blue", "gender": "men", "pattern": "checked"}
    assert 0 < answer["confidence"] < 1 and not answer["needs_review"]


def test_copywrite_streams(client: TestClient) -> None:
    request = {**tasks()["copywrite"].example, "stream": True}
    response = client.post("/v1/copywrite", json=request)
    assert response.headers["content-type"].startswith("text/event-stream")
    streamed = events(response.text)
    assert "".join(data["text"] for name, data in streamed if name == "delta").strip() == COPY
    assert [name for name, _ in streamed].count("answer") == 1
    name, answer = streamed[-1]
    assert name == "answer" and answer["description"] == COPY


def test_openapi_has_every_task_with_its_example(client: TestClient) -> None:
    page = client.get("/openapi.json").json()
    for name, task in tasks().items():
        operation = page["paths"][f"/v1/{name}"]["post"]
        content = operation["requestBody"]["content"]["application/json"]
        assert operation["operationId"] == name
        assert content["examples"]["example"]["value"] == task.example
    streamed = page["paths"]["/v1/copywrite"]["post"]["responses"]["200"]["content"]
    assert set(streamed) == {"application/json", "text/event-stream"}


@pytest.mark.parametrize("name", tasks())
def test_openapi_lists_the_problems_of_each_status_with_an_example(client: TestClient, name: str) -> None:
    operation = client.get("/openapi.json").json()["paths"][f"/v1/{name}"]["post"]
    assert "`text-too-long`" in operation["description"]
    listed = {}
    for status, response in operation["responses"].items():
        if status != "200":
            content = response["content"]["application/problem+json"]
            for slug, example in content["examples"].items():
                details = Details.model_validate(example["value"])
                assert str(details.status) == status and details.type.endswith(f":{slug}")
                assert f"`{slug}`" in response["description"]
                listed[slug] = response
    assert listed.keys() == {type.slug for type in PROBLEM_TYPES} - {"not-found", "method-not-allowed"}
    assert "Retry-After" in listed["no-adapter"]["headers"] and "headers" not in listed["text-too-long"]


def test_the_paths_for_operators(client: TestClient, shop: Settings) -> None:
    assert client.get("/health").json() == {"status": "alive"}
    ready = client.get("/ready").json()
    names = ready["adapters"]
    assert ready["status"] == "ready" and ready["without_adapter"] == []
    assert {name.split("@")[0] for name in names} == set(tasks())
    running = client.get("/version").json()
    assert running["base"] == "base" and len(running["base_digest"]) == 64
    assert [adapter["name"] for adapter in running["adapters"]] == names
    assert all(adapter.keys() == {"name", "digest"} and len(adapter["digest"]) == 64 for adapter in running["adapters"])


def check_that_nothing_is_served(client: TestClient, slug: str) -> None:
    for response in (client.get("/ready"), client.post("/v1/classify", json={"title": "shirt"})):
        refused(response, 503, slug)
        assert int(response.headers["Retry-After"]) > 0


def test_a_dead_engine_fails_liveness_and_every_task(client: TestClient, engine: FakeEngine) -> None:
    engine.errored = True
    refused(client.get("/health"), 503, "engine-failed")
    check_that_nothing_is_served(client, "engine-failed")


def test_before_the_engine_is_ready_tasks_answer_503(shop: Settings, engine: FakeEngine) -> None:
    client = TestClient(create_app(shop, engine))  # its lifespan has not begun
    assert client.get("/health").status_code == 200
    check_that_nothing_is_served(client, "not-ready")
