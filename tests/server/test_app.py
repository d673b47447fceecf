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


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("no memory"), "cannot start: the engine failed"),
        (StartError("vLLM finds no GPU"), "cannot start: vLLM finds no GPU"),
        (TemplateError("no chat template"), "cannot start: no chat template"),
        (StoreError("no such version"), "cannot start: no such version"),
    ],
)
def test_a_failed_start_gives_up_and_logs_one_line_with_a_traceback_of_unexpected_errors_only(
    shop: Settings, engine: FakeEngine, caplog: pytest.LogCaptureFixture, error: Exception, line: str
) -> None:
    engine.refuses_to_start = error
    given_up: list[bool] = []
    with TestClient(create_app(shop, engine, lambda: given_up.append(True))) as client:
        while not given_up:
            assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == line
    assert (record.exc_info is not None) is isinstance(error, RuntimeError)


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
            assert engine.adapters
        assert not engine.adapters

    asyncio.run(run())
