"""The parts that see ASGI messages, driven with messages of our own."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from adapters.tasks import tasks
from server.app import create_app
from server.engine.fake_engine import FakeEngine
from server.settings import Settings


class Connection:
    """A client that sends a request and can leave."""

    def __init__(self, path: str, body: dict[str, Any]) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self._messages = [{"type": "http.request", "body": json.dumps(body).encode()}]
        headers = [(b"content-type", b"application/json")]
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
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
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def leave(app: FastAPI, engine: FakeEngine, body: dict[str, Any], path: str) -> Connection:
    """Runs a request whose client leaves while the engine is at work on it."""
    connection = Connection(path, body)
    async with app.router.lifespan_context(app):
        await until(lambda: app.state.service.answering is not None)
        engine.held = True
        request = asyncio.create_task(app(connection.scope, connection.receive, connection.send))
        await until(lambda: engine.active() == 1)
        await asyncio.sleep(0.02)
        connection.gone.set()
        await until(lambda: engine.active() == 0)
        await asyncio.wait_for(request, 5)
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
    assert f'outcome="cancelled",task="{name}"' in page
    [flying] = [x for x in page.splitlines() if x.startswith("shoplora_in_flight") and name in x]
    assert flying.endswith(" 0.0")
    status = 200 if streamed else 499  # a stream has begun
    assert f'test "POST {path}" {status} ' in caplog.text


def test_a_client_that_stays_gets_its_answer_and_the_next_request_is_untouched(
    client: TestClient, engine: FakeEngine
) -> None:
    for _ in range(3):
        assert client.post("/v1/classify", json={"title": "shirt"}).status_code == 200
    assert engine.active() == 0


@pytest.mark.parametrize(
    ("given", "kept"), [("order-7:a.b_c", True), ("x" * 65, False), ("a b", False), ("a\x80", False), ("", False)]
)
def test_only_a_sane_request_id_is_taken(client: TestClient, given: str, kept: bool) -> None:
    answered = client.get("/health", headers={"X-Request-ID": given.encode("latin-1")})
    assert (answered.headers["X-Request-ID"] == given) is kept
    assert answered.headers["X-Request-ID"]


def test_made_ids_differ(client: TestClient) -> None:
    assert len({client.get("/health").headers["X-Request-ID"] for _ in range(5)}) == 5


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
