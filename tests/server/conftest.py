import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

from adapters.ontology import Ontology
from adapters.store import Store
from server.app import create_app
from server.engine.fake_engine import FakeEngine
from server.engine.generation import Job
from server.settings import Settings
from tests.tiny import make_weights, publish_all

COPY = "An ivory soy wax candle for the home."
LINES = {
    "classify": "shirts; navy blue; men",
    "rewrite": "other color + shape + other occasion",
    "extract": "positive; no; beginner; comfort - handle: uncomfortable",
    "copywrite": COPY,
    "churn": "leaves; monthly contract; new subscriber; high charge",
    "support": "1: Yes, send it back within 30 days.",
}


@pytest.fixture(scope="session")
def ontology() -> Ontology:
    return Ontology.load()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, ontology: Ontology) -> Settings:
    """A base that no engine can load and a store with an adapter for each task."""
    folder = tmp_path_factory.mktemp("shop")
    base = make_weights(folder / "base")
    publish_all(Store(folder / "store"), base, ontology, folder / "staged")
    return Settings(base=str(base), store=folder / "store")


def task_of(adapter: str) -> str:
    """The task of `classify@1` or `copywrite/streetwear@1`."""
    return re.split("[@/]", adapter)[0]


@pytest.fixture
def engine() -> FakeEngine:
    def answer(job: Job) -> list[str]:
        assert job.adapter  # never the base
        return [LINES[task_of(job.adapter)]] * job.n

    return FakeEngine(answer)


@contextmanager
def serving(settings: Settings, engine: FakeEngine) -> Iterator[TestClient]:
    """A client of a server that is ready."""
    with TestClient(create_app(settings, engine), raise_server_exceptions=False) as client:
        while client.get("/ready").status_code != 200:
            pass
        yield client


@pytest.fixture
def client(shop: Settings, engine: FakeEngine) -> Iterator[TestClient]:
    with serving(shop, engine) as client:
        yield client
