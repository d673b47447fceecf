import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.numpy import load_file, save_file

from adapters.adapter_folder import MANIFEST, WEIGHTS
from adapters.base import base_digest
from adapters.manifest import Draft
from adapters.ontology import OntologyError
from adapters.store import Store
from adapters.tasks import tasks
from server.engine.fake_engine import FakeEngine
from server.errors import StartError
from server.service import Service
from server.settings import Settings


def started(settings: Settings, engine: FakeEngine) -> Service:
    service = Service(settings, engine)
    asyncio.run(service.start())
    return service


def test_live_versions_are_loaded(shop: Settings, engine: FakeEngine) -> None:
    service = started(shop, engine)
    assert engine.adapters == {version.name: version.folder for version in service.live}
    assert service.versions.keys() == tasks().keys()


@pytest.fixture
def hub_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the base "tiny/base" in a cache of the Hugging Face hub, which is offline."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repository = tmp_path / "hub/models--tiny--base"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text("c0ffee")
    folder = repository / "snapshots/c0ffee"
    folder.mkdir(parents=True)
    return folder


def test_a_base_named_by_hub_id_gets_the_adapters_that_were_trained_on_it(
    shop: Settings, engine: FakeEngine, hub_base: Path
) -> None:
    shutil.copytree(shop.base, hub_base, dirs_exist_ok=True)
    service = started(shop.model_copy(update={"base": "tiny/base"}), engine)
    assert service.base_digest == base_digest(hub_base)
    assert engine.base == hub_base
    assert engine.adapters.keys() == {version.name for version in service.live} != set()


@pytest.mark.parametrize("part", ["weights", "config", "tokenizer"])
def test_a_base_named_by_hub_id_gets_no_adapters_of_a_base_with_another_part(
    shop: Settings, engine: FakeEngine, hub_base: Path, caplog: pytest.LogCaptureFixture, part: str
) -> None:
    shutil.copytree(shop.base, hub_base, dirs_exist_ok=True)
    if part == "weights":
        save_file({"lm_head.weight": np.ones((2, 2), np.float16)}, hub_base / "model.safetensors")
    else:
        (hub_base / f"{part}.json").write_text('{"vocab_size": 2}')
    with pytest.raises(StartError, match=r"no live adapter .* fits the base tiny/base"):
        started(shop.model_copy(update={"base": "tiny/base"}), engine)
    reason = f"it was trained on another base than tiny/base (different {part})"
    assert f"classify@1 is left out: {reason}" in caplog.text
    assert engine.adapters == {}


@pytest.mark.parametrize(
    ("b", "reason"),
    [(np.zeros((64, 8), np.float32), "changes nothing"), (np.ones((32, 8), np.float32), "does not fit")],
)
def test_an_adapter_that_does_not_fit_the_base_stops_the_start_by_name(
    shop: Settings, engine: FakeEngine, tmp_path: Path, b: Any, reason: str
) -> None:
    shutil.copytree(shop.store, tmp_path / "store")
    path = Store(tmp_path / "store").live()["classify"].folder / WEIGHTS
    tensors = load_file(path)
    save_file({name: b if ".lora_B." in name else tensor for name, tensor in tensors.items()}, path)
    with pytest.raises(StartError, match=rf"classify@1 cannot be served: .*{reason}.*`shoplora adapters activate`"):
        started(shop.model_copy(update={"store": tmp_path / "store"}), engine)
    assert engine.adapters == {}


def test_an_adapter_whose_confidence_is_of_an_earlier_release_is_left_out_with_one_line(
    shop: Settings, engine: FakeEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(shop.store, tmp_path / "store")
    manifest = Store(tmp_path / "store").live()["classify"].folder / MANIFEST
    fields = json.loads(manifest.read_bytes())
    fields["calibration"] = {"slope": 0.3, "intercept": 2.0, "threshold": 0.5}
    manifest.write_text(json.dumps(fields))
    service = started(shop.model_copy(update={"store": tmp_path / "store"}), engine)
    assert "classify" not in service.versions and len(service.versions) == len(tasks()) - 1
    assert "classify@1 is left out: its confidence is of an earlier release: train it again" in caplog.text


def test_a_wrong_ontology(shop: Settings, engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("version: 1\n")
    with pytest.raises(OntologyError, match=r"shop\.yaml:1: section 'taxonomy' is missing"):
        started(shop.model_copy(update={"ontology": tmp_path / "shop.yaml"}), engine)


def test_an_adapter_of_another_base_is_left_out_with_a_warning(
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
