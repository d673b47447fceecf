"""The settings that training and serving share."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.settings import SHIPPED_ONTOLOGY, SharedSettings

NAMES = ("SHOPLORA_BASE", "SHOPLORA_STORE", "SHOPLORA_ONTOLOGY")


@pytest.mark.parametrize("is_set", [True, False])
def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, is_set: bool) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "") if is_set else monkeypatch.delenv(name, raising=False)
    settings = SharedSettings()
    assert settings.base == SharedSettings.model_fields["base"].default
    assert settings.ontology == SHIPPED_ONTOLOGY
    assert settings.store == Path(".shoplora/store")


def test_each_comes_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, f"/srv/{name}")
    settings = SharedSettings()
    assert [settings.base, str(settings.store), str(settings.ontology)] == [f"/srv/{name}" for name in NAMES]
