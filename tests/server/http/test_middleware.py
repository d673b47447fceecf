"""The middleware, driven with ASGI messages and over HTTP."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from adapters.tasks import tasks
from server.app import create_app
from server.engine.fake_engine import FakeEngine
from server.engine.generation import Job
from server.errors import EngineFailed
from server.http.problems import PROBLEM_TYPES
from server.settings import Settings
from tests.server.http.test_problems import refused
from tests.server.http.test_routes import events
from tests.server.test_metrics import sample

LIMIT = 60  # seconds after which a test fails instead of waiting for ever


class Connection:
    """A client that sends a request, or the first half of its body, and can leave."""

    def __init__(self, path: str, body: dict[str, Any], half: bool = False) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        content = json.dumps(body).encode()
        message = {"type": "http.request", "body": content[: len(content) // 2] if half else content, "more_body": half}
        self._messages = [message]
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "client": ("test", 1),
            "server": ("test", 80),
        }

    async def receive(self) -> dict[str, Any]:
        if self._messages:
            return self._messages.pop()
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0)


def outcomes(page: str, task: str) -> dict[str, float]:
    """How many requests of a task ended in each way."""
    samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
    return {
        sample.labels["outcome"]: sample.value
        for sample in samples
        if sample.name == "shoplora_requests_total" and sample.labels["task"] == task and sample.value
    }


async def leave(app: FastAPI, engine: FakeEngine, body: dict[str, Any], path: str) -> Connection:
    """Runs a request whose client leaves while the engine is at work on it."""
    connection = Connection(path, body)
    async with app.router.lifespan_context(app):
        await until(lambda: app.state.service.answering is not None)
        engine.open.clear()
        request = asyncio.create_task(app(connection.scope, connection.receive, connection.send))
        await until(lambda: engine.active() == 1)
        connection.gone.set()
        await until(lambda: engine.active() == 0)
        await asyncio.wait_for(request, LIMIT)
    return connection


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/classify", tasks()["classify"].example),
        ("/v1/copywrite", tasks()["copywrite"].example),
        ("/v1/copywrite", {**tasks()["copywrite"].example, "stream": True}),
    ],
    ids=["classify", "copywrite", "copywrite streamed"],
)
@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])  # Starlette listens only in the first
def test_a_client_that_leaves_frees_its_slot(
    shop: Settings,
    engine: FakeEngine,
    path: str,
    body: dict[str, Any],
    spec_version: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "uvicorn.shoplora")
    app = create_app(shop, engine)
    connection = asyncio.run(leave(app, engine, body, path))
    streamed = bool(body.get("stream"))
    assert any(b"event: answer" in message.get("body", b"") for message in connection.sent) is False
    assert bool(connection.sent) == streamed
    page = app.state.service.metrics.page().decode()
    name = path.removeprefix("/v1/")
    assert outcomes(page, name) == {"cancelled": 1}
    assert sample(page, "shoplora_request_seconds_count", task=name) == 0
    assert sample(page, "shoplora_in_flight", task=name) == 0
    status = 200 if streamed else 499  # a stream has begun
    assert f'test "POST {path}" {status} ' in caplog.text


def test_a_client_that_stays_gets_its_answer_and_the_next_request_is_untouched(
    client: TestClient, engine: FakeEngine
) -> None:
    for _ in range(3):
        assert client.post("/v1/classify", json={"title": "shirt"}).status_code == 200
    assert engine.active() == 0


@pytest.mark.parametrize(
    ("given", "is_taken"), [("order-7:a.b_c", True), ("x" * 65, False), ("a b", False), ("a\x80", False), ("", False)]
)
def test_only_a_plain_request_id_is_taken(client: TestClient, given: str, is_taken: bool) -> None:
    response = client.get("/health", headers={"X-Request-ID": given.encode("latin-1")})
    assert (response.headers["X-Request-ID"] == given) is is_taken
    assert response.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/health", r'testclient "GET /health" 200 \d+\.\d ms mine'),
        ("/a%0Ab%20c?key=secret", r'testclient "GET /a%0Ab%20c" 404 \d+\.\d ms mine'),
        ("/" + "x" * 999, r'testclient "GET /x{199}" 404 \d+\.\d ms mine'),
    ],
)
def test_a_request_is_logged_on_one_line_without_its_query(
    client: TestClient, caplog: pytest.LogCaptureFixture, path: str, line: str
) -> None:
    caplog.set_level("INFO", "uvicorn.shoplora")
    client.get(path, headers={"X-Request-ID": "mine"})
    assert re.fullmatch(line, caplog.messages[-1])


JSON = {"Content-Type": "application/json"}
STATUSES = {type.slug: type.status for type in PROBLEM_TYPES}
STREAMED = {**tasks()["copywrite"].example, "stream": True}


@pytest.mark.parametrize(
    ("task", "request_", "outcome"),
    [
        ("classify", {"json": tasks()["classify"].example}, "ok"),
        ("copywrite", {"json": STREAMED}, "ok"),
        ("classify", {"json": {}}, "invalid-request"),
        ("classify", {"content": b"", "headers": JSON}, "invalid-request"),
        ("copywrite", {"json": {**tasks()["copywrite"].example, "voice": "pirate"}}, "invalid-request"),
        ("classify", {"content": b'{"title": ', "headers": JSON}, "invalid-json"),
        ("classify", {"content": b"[" * 50_000, "headers": JSON}, "invalid-json"),
        ("classify", {"content": b'{"title": "\xff"}', "headers": JSON}, "invalid-utf8"),
        ("classify", {"content": b" " * 70_000, "headers": JSON}, "body-too-large"),
        ("classify", {"content": (b" " * 10_000 for _ in range(7)), "headers": JSON}, "body-too-large"),
        ("classify", {"content": b"{}", "headers": {**JSON, "Content-Encoding": "gzip"}}, "unsupported-media-type"),
        ("classify", {"content": b"{}"}, "unsupported-media-type"),
        ("classify", {"method": "GET"}, "method-not-allowed"),
        ("classify", {"json": {"title": "red shirt " * 20}}, "text-too-long"),
        ("copywrite", {"json": {**STREAMED, "name": "a candle " * 20}}, "text-too-long"),
    ],
)
def test_a_request_to_a_task_is_counted_once_by_its_outcome(
    client: TestClient, engine: FakeEngine, task: str, request_: dict[str, Any], outcome: str
) -> None:
    engine.limit = 300 if outcome != "text-too-long" else 50
    response = client.request(**{"method": "POST", "url": f"/v1/{task}", **request_})
    if outcome != "ok":
        refused(response, STATUSES[outcome], outcome)
    page = client.get("/metrics").text
    assert outcomes(page, task) == {outcome: 1}
    adapter = f"{task}@1"
    assert sample(page, "shoplora_requests_total", task=task, adapter=adapter, outcome=outcome) == 1
    assert sample(page, "shoplora_request_seconds_count", task=task) == (outcome == "ok")
    assert sample(page, "shoplora_in_flight", task=task) == 0


@pytest.mark.parametrize("body", [tasks()["copywrite"].example, STREAMED], ids=["plain", "streamed"])
@pytest.mark.parametrize(
    ("error", "outcome"), [(EngineFailed("It failed."), "engine-failed"), (ValueError("secret"), "internal-error")]
)
def test_a_failure_in_the_engine_is_a_problem_without_traceback_and_counted_once(
    client: TestClient, engine: FakeEngine, body: dict[str, Any], error: Exception, outcome: str
) -> None:
    def fail(job: Job) -> list[str]:
        raise error

    engine.answer = fail
    response = client.post("/v1/copywrite", json=body)
    if body is STREAMED:
        [(name, problem)] = events(response.text)
        assert (name, problem["status"]) == ("problem", STATUSES[outcome])
    else:
        refused(response, STATUSES[outcome], outcome)
        assert response.headers.get("Retry-After") == ("5" if outcome == "engine-failed" else None)
    assert "secret" not in response.text and "Traceback" not in response.text
    page = client.get("/metrics").text
    assert outcomes(page, "copywrite") == {outcome: 1}
    assert sample(page, "shoplora_request_seconds_count", task="copywrite") == 1
    assert sample(page, "shoplora_in_flight", task="copywrite") == 0


def test_in_an_outage_refusals_are_counted(client: TestClient, engine: FakeEngine) -> None:
    engine.errored = True
    for _ in range(3):
        client.post("/v1/classify", json={"title": "shirt"})
    assert outcomes(client.get("/metrics").text, "classify") == {"engine-failed": 3}


def test_paths_that_are_no_tasks_are_not_counted(client: TestClient) -> None:
    for path in ("/v1/poem", "/v1/classify/", "/classify", "/health"):
        client.get(path)
    assert not [
        line
        for line in client.get("/metrics").text.splitlines()
        if line.startswith("shoplora_requests_total") and not line.endswith(" 0.0")
    ]


async def send_half(app: FastAPI, connection: Connection) -> None:
    async with app.router.lifespan_context(app):
        await until(lambda: app.state.service.answering is not None)
        await asyncio.wait_for(app(connection.scope, connection.receive, connection.send), LIMIT)


def test_a_body_that_stays_incomplete_is_refused(shop: Settings, engine: FakeEngine) -> None:
    app = create_app(shop.model_copy(update={"body_timeout": 0.01}), engine)
    connection = Connection("/v1/classify", tasks()["classify"].example, half=True)
    asyncio.run(send_half(app, connection))
    start, body = connection.sent
    assert start["status"] == 408 and (b"connection", b"close") in start["headers"]
    assert json.loads(body["body"])["type"].endswith(":request-timeout")
    assert outcomes(app.state.service.metrics.page().decode(), "classify") == {"request-timeout": 1}


def test_a_client_that_leaves_within_its_body_is_counted_as_cancelled(shop: Settings, engine: FakeEngine) -> None:
    app = create_app(shop, engine)
    connection = Connection("/v1/classify", tasks()["classify"].example, half=True)
    connection.gone.set()
    asyncio.run(send_half(app, connection))
    assert outcomes(app.state.service.metrics.page().decode(), "classify") == {"cancelled": 1}


def test_half_a_body_does_not_keep_the_server_from_ending(shop: Settings, engine: FakeEngine) -> None:
    async def run() -> bytes:
        app = create_app(shop.model_copy(update={"body_timeout": 0.01}), engine)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
        serving = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
        writer.write(b"POST /v1/classify HTTP/1.1\r\nHost: shop\r\nContent-Length: 99\r\n\r\n{")
        await until(lambda: bool(server.server_state.tasks))
        server.should_exit = True
        await asyncio.wait_for(serving, LIMIT)
        response = await reader.read()
        writer.close()
        await writer.wait_closed()
        return response

    assert b" 408 " in asyncio.run(run()).splitlines()[0]


def test_a_server_below_a_path_of_its_proxy_counts_as_well(shop: Settings, engine: FakeEngine) -> None:
    app = create_app(shop, engine)
    TestClient(app, root_path="/shop").post("/shop/v1/classify", json={"title": "shirt"})
    assert outcomes(app.state.service.metrics.page().decode(), "classify") == {"not-ready": 1}
