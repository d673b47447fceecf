from pathlib import Path

import pytest

from adapters.tasks import task
from loadtests.payloads import payloads

TASKS = ("rewrite", "classify", "extract", "copywrite")


@pytest.mark.parametrize("name", TASKS[:3])  # copywrite has examples of the project's own
def test_without_public_data_the_samples_are_sent(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLORA_MIRROR", str(tmp_path))
    monkeypatch.setenv("SHOPLORA_CACHE", str(tmp_path))
    loaded = payloads(name)
    assert loaded.source == "training/samples"
    assert loaded.requests
    assert loaded == payloads(name)
    for request in loaded.requests:
        task(name).request.model_validate(request)


def test_copywrite_needs_no_public_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLORA_MIRROR", str(tmp_path))
    monkeypatch.setenv("SHOPLORA_CACHE", str(tmp_path))
    loaded = payloads("copywrite")
    assert len(loaded.requests) > 100
    assert loaded == payloads("copywrite")


@pytest.mark.data
@pytest.mark.parametrize("name", TASKS)
def test_the_public_test_splits_come_first(name: str) -> None:
    loaded = payloads(name)
    assert loaded.source == "public test split"
    assert len(loaded.requests) > 100
    assert len({str(request) for request in loaded.requests}) == len(loaded.requests)
