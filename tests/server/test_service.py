import asyncio
import shutil
from pathlib import Path

import pytest

from adapters.manifest import Draft
from adapters.ontology import OntologyError
from adapters.store import Store, base_digest
from adapters.tasks import tasks
from server.engine.fake_engine import FakeEngine
from server.service import Service, StartError
from server.settings import Settings


def started(settings: Settings, engine: FakeEngine) -> Service:
    service = Service(settings, engine)
    asyncio.run(service.start())
    return service


def test_live_versions_are_loaded(shop: Settings, engine: FakeEngine) -> None:
    service = started(shop, engine)
    assert engine.versions == list(service.live)
    assert service.versions.keys() == tasks().keys()


def test_another_base_has_no_adapter(shop: Settings, engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"others")
    with pytest.raises(StartError, match="no live adapter"):
        started(shop.model_copy(update={"base": str(tmp_path)}), engine)


def test_a_base_that_is_not_there(shop: Settings, engine: FakeEngine, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="there is no base model in"):
        started(shop.model_copy(update={"base": str(tmp_path / "none")}), engine)


def test_a_wrong_ontology(shop: Settings, engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("version: 1\n")
    with pytest.raises(OntologyError, match=r"shop\.yaml:1: section 'taxonomy' is missing"):
        started(shop.model_copy(update={"ontology": tmp_path / "shop.yaml"}), engine)


def test_an_adapter_of_another_base_is_left_out_and_said(
    shop: Settings, engine: FakeEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(shop.store, tmp_path / "store")
    store = Store(tmp_path / "store")
    old = store.live()["classify"]
    draft = Draft(task="classify", base_digest="another", ontology_digest=old.manifest.ontology_digest)
    staged = tmp_path / "staged"
    shutil.copytree(old.folder, staged, ignore=shutil.ignore_patterns("manifest.json"))
    new = store.publish(staged, draft, card="")
    service = started(shop.model_copy(update={"store": store.root}), engine)
    assert "classify" not in service.versions and len(service.versions) == len(tasks()) - 1
    assert f"{new.name} is left out: it was trained on another base" in caplog.text
    assert "no adapter for classify" in caplog.text


def test_the_digest_is_the_stores(shop: Settings, engine: FakeEngine) -> None:
    assert started(shop, engine).base_digest == base_digest(Path(shop.base))
