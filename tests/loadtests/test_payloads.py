from pathlib import Path

import pytest

from adapters.tasks import task
from loadtests.payloads import inputs

TASKS = ("rewrite", "classify", "extract", "copywrite")


@pytest.mark.parametrize("name", TASKS)
def test_the_samples_serve_where_there_are_no_public_data(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPLORA_MIRROR", str(tmp_path))
    monkeypatch.setenv("SHOPLORA_CACHE", str(tmp_path))
    found = inputs(name)
    assert found.source == "training/samples"
    assert found.requests
    assert found == inputs(name)
    for request in found.requests:
        task(name).request.model_validate(request)


@pytest.mark.data
@pytest.mark.parametrize("name", TASKS)
def test_the_public_test_splits_come_first(name: str) -> None:
    found = inputs(name)
    assert found.source == "public test split"
    assert len(found.requests) > 100
    assert len({str(request) for request in found.requests}) == len(found.requests)
