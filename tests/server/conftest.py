from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from adapters.base import base_digest
from adapters.manifest import Calibration, Draft
from adapters.ontology import Ontology
from adapters.store import Store
from adapters.tasks import tasks
from server.app import create_app
from server.engine.fake_engine import FakeEngine
from server.engine.generation import Job
from server.settings import Settings
from tests.server.tiny import make_adapter, make_weights

COPY = "An ivory soy wax candle for the home."
LINES = {
    "classify": "shirts; navy blue; men",
    "rewrite": "other color + shape + other occasion",
    "extract": "positive; no; beginner; comfort - handle: uncomfortable",
    "copywrite": COPY,
    "churn": "leaves; monthly contract; new subscriber; high charge",
    "support": "1: Yes, send it back within 30 days.",
}


def publish_all(store: Store, base: Path, ontology: Ontology, folder: Path) -> None:
    """A random adapter for each task."""
    for seed, task in enumerate(tasks().values()):
        staged = make_adapter(folder / task.name, seed, ("o_proj", "down_proj"))
        draft = Draft(
            task=task.name,
            base_digest=base_digest(base),
            ontology_digest=ontology.digest,
            calibration=Calibration(slope=0.1, intercept=2.0),
        )
        store.publish(staged, draft, card=f"# {task.name}\n")


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


@pytest.fixture
def engine() -> FakeEngine:
    def answer(job: Job) -> list[str]:
        assert job.adapter  # never the base
        return [LINES[job.adapter.partition("@")[0]]] * job.n

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
