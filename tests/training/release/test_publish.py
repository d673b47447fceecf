"""Publishing a finished run: refused runs need a reason, and no model is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.adapter_folder import CARD
from adapters.base import base_digest
from adapters.manifest import Draft
from adapters.store import Store, StoreError
from tests.tiny import make_adapter, make_weights
from training.evaluation.results import Evaluation
from training.release.publish import Refused, publish, save

REFUSAL = "0.500 is not significantly above the prompted base's"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_weights(tmp_path / "base")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", shipped=None)


@pytest.fixture
def finished_run(tmp_path: Path, base: Path) -> Path:
    make_adapter(tmp_path / "run/adapter", 0, ("o_proj",))
    return saved(tmp_path / "run", base)


@pytest.fixture
def refused_run(finished_run: Path, base: Path) -> Path:
    return saved(finished_run, base, REFUSAL)


def saved(run: Path, base: Path, *refusals: str) -> Path:
    draft = Draft(task="classify", base_digest=base_digest(base), ontology_digest="o", refusals=list(refusals))
    save(run, draft, Evaluation({}, {}), "# card\n")
    return run


def test_a_finished_run_becomes_the_live_version(finished_run: Path, store: Store) -> None:
    version = publish(finished_run, store)
    assert store.live() == {"classify": version}
    assert (version.folder / CARD).read_text() == "# card\n"
    assert version.manifest.forced is None


def test_a_refused_run_is_not_published(refused_run: Path, store: Store) -> None:
    with pytest.raises(Refused, match="not significantly above") as refused:
        publish(refused_run, store)
    assert f'shoplora publish {refused_run} --force "REASON"' in str(refused.value)
    assert store.versions() == []


def test_a_refused_run_is_published_for_a_reason_which_is_stored(refused_run: Path, store: Store) -> None:
    version = publish(refused_run, store, force="a first try")
    assert (version.manifest.forced, version.manifest.refusals) == ("a first try", [REFUSAL])
    card = (version.folder / CARD).read_text()
    assert "a first try" in card and REFUSAL in card


def test_a_reason_that_is_not_needed_is_not_stored(finished_run: Path, store: Store) -> None:
    assert publish(finished_run, store, force="a first try").manifest.forced is None


def test_an_unfinished_run_is_not_published(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StoreError, match="not a finished run"):
        publish(tmp_path, store)


def test_the_base_of_the_run_is_checked_if_it_is_named(finished_run: Path, base: Path, store: Store) -> None:
    (base / "tokenizer.json").write_text('{"model": "another"}')
    with pytest.raises(StoreError, match=r"is not the base that .* \(different tokenizer\)"):
        publish(finished_run, store, base=str(base))
    assert publish(finished_run, store).manifest.task == "classify"


def test_publishing_loads_no_model() -> None:
    """Isolation is measured by `shoplora study matrix`; here it would hold by construction."""
    check = (
        "import sys; import training.release.publish; print(*{'torch', 'peft', 'transformers'} & sys.modules.keys())"
    )
    assert subprocess.check_output([sys.executable, "-c", check], text=True).split() == []
