"""A base's folder and its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.base import BaseError, base_digest, base_folder


def test_the_digest_is_that_of_the_safetensors_files_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"abc")
    digest = base_digest(tmp_path)
    assert digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "model.safetensors").rename(tmp_path / "model-2-of-2.safetensors")
    (tmp_path / "model-1-of-2.safetensors").write_bytes(b"")
    assert base_digest(tmp_path) == digest


def test_a_base_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match=r"holds no \*\.safetensors"):
        base_digest(tmp_path)


def test_a_folder_is_its_own_folder(tmp_path: Path) -> None:
    assert base_folder(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("base", ["/no/such/base", "./base", "~/no-such-base", "a/b/c"])
def test_a_missing_folder_is_named_and_not_looked_up_on_the_hub(base: str) -> None:
    with pytest.raises(BaseError, match=f"no base model in {base}"):
        base_folder(base)
