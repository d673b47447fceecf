import asyncio
import threading
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import server.service
from adapters.base import base_digest
from adapters.prompts import TemplateError
from adapters.store import StoreError
from server.app import create_app
from server.engine.fake_engine import FakeEngine
from server.errors import StartError
from server.settings import Settings


def test_a_failed_start_is_logged_with_its_reason_and_gives_up(
    shop: Settings, engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.refuses_to_start = RuntimeError("no memory")
    given_up: list[bool] = []
    with TestClient(create_app(shop, engine, lambda: given_up.append(True))) as client:
        assert client.get("/health").status_code == 200
        while not given_up:
            assert client.get("/ready").status_code == 503
    assert "cannot start" in caplog.text and "no memory" in caplog.text


@pytest.mark.parametrize(
    "error",
    [StartError("vLLM finds no GPU"), TemplateError("no chat template"), StoreError("no such version")],
)
def test_a_mistake_of_the_operator_is_one_log_line(
    shop: Settings, engine: FakeEngine, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    engine.refuses_to_start = error
    given_up: list[bool] = []
    with TestClient(create_app(shop, engine, lambda: given_up.append(True))) as client:
        while not given_up:
            client.get("/health")
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.exc_info is None and record.getMessage() == f"cannot start: {error}"


def test_the_log_of_the_start_names_the_preloaded_libraries(
    shop: Settings, engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"), TestClient(create_app(shop, engine)) as client:
        client.get("/health")
    assert any("tcmalloc" in message for message in caplog.messages)


def test_health_answers_while_the_base_is_read(
    shop: Settings, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, may_go_on = threading.Event(), threading.Event()

    def held(folder: Path) -> str:
        reading.set()
        assert may_go_on.wait(20)
        return base_digest(folder)

    monkeypatch.setattr(server.service, "base_digest", held)
    with TestClient(create_app(shop, engine, give_up=lambda: None)) as client:
        assert reading.wait(20)
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503
        may_go_on.set()
        while client.get("/ready").status_code != 200:
            pass


def test_the_end_closes_the_engine(shop: Settings, engine: FakeEngine) -> None:
    async def run() -> None:
        app = create_app(shop, engine)
        async with app.router.lifespan_context(app):
            while app.state.service.answering is None:
                await asyncio.sleep(0)
            assert engine.versions
        assert not engine.versions

    asyncio.run(run())
