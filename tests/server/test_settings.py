from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.settings import SHIPPED_BASE, SHIPPED_ONTOLOGY
from server.settings import Settings


def test_the_demo_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOPLORA_STORE", raising=False)
    settings = Settings()
    assert (settings.base, settings.ontology) == (str(SHIPPED_BASE), SHIPPED_ONTOLOGY)
    assert settings.max_model_len is None and settings.max_num_seqs == 64


def test_each_setting_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHOPLORA_BASE", "org/model")
    monkeypatch.setenv("SHOPLORA_STORE", str(tmp_path))
    monkeypatch.setenv("SHOPLORA_MAX_MODEL_LEN", "256")
    settings = Settings()
    assert (settings.base, settings.store, settings.max_model_len) == ("org/model", tmp_path, 256)


def test_a_number_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLORA_MAX_NUM_SEQS", "0")
    with pytest.raises(ValidationError, match="max_num_seqs"):
        Settings()
