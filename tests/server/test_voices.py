"""A request may name a voice: a variant of copywrite's adapter, live beside the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from adapters.base import base_digest
from adapters.manifest import Draft
from adapters.ontology import Ontology
from adapters.store import Store
from adapters.tasks import tasks
from server.engine.fake_engine import FakeEngine
from server.settings import Settings
from tests.server.conftest import serving
from tests.tiny import make_adapter, publish_all

CANDLE = tasks()["copywrite"].example


@pytest.fixture
def voiced(shop: Settings, engine: FakeEngine, ontology: Ontology, tmp_path: Path) -> Iterator[TestClient]:
    """The shop with a second voice of copywrite, and a variant of a task that has none."""
    store, base = Store(tmp_path / "store"), Path(shop.base)
    publish_all(store, base, ontology, tmp_path / "staged")
    for number, task in enumerate(("copywrite", "classify")):
        draft = Draft(task=task, variant="streetwear", base_digest=base_digest(base), ontology_digest=ontology.digest)
        staged = make_adapter(tmp_path / f"{task}-streetwear", 10 + number, ("o_proj",))
        store.publish(staged, draft, card="# streetwear\n")
    with serving(shop.model_copy(update={"store": store.root}), engine) as client:
        yield client


def test_the_voice_selects_the_adapter(voiced: TestClient) -> None:
    plain = voiced.post("/v1/copywrite", json=CANDLE).json()
    street = voiced.post("/v1/copywrite", json={**CANDLE, "voice": "streetwear"}).json()
    assert plain["model"].startswith("copywrite@")
    assert street["model"] == "copywrite/streetwear@1"
    assert 'adapter="copywrite/streetwear@1"' in voiced.get("/metrics").text


def test_an_unknown_voice_is_refused_with_the_voices_there_are(voiced: TestClient) -> None:
    response = voiced.post("/v1/copywrite", json={**CANDLE, "voice": "pirate"})
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error == {"field": "voice", "message": "no such voice; there are: streetwear"}
    assert "pirate" not in response.text


@pytest.mark.parametrize("voice", ["", "Street", "../x", "a" * 65, 3])
def test_a_voice_is_a_plain_name(voiced: TestClient, voice: object) -> None:
    response = voiced.post("/v1/copywrite", json={**CANDLE, "voice": voice})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["voice"]


def test_a_task_without_voices_leaves_them_out(voiced: TestClient) -> None:
    names = voiced.get("/ready").json()["adapters"]
    assert "copywrite/streetwear@1" in names
    assert "classify/streetwear@1" not in names
    assert voiced.post("/v1/classify", json={"title": "shirt", "voice": "x"}).status_code == 422
