"""A base's folder, what must be in it, and its digests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from adapters.base import BaseDigest, BaseError, base_digest, base_folder

CONFIG = {"model_type": "llama", "hidden_size": 8, "text_config": {"rope_theta": 1e5}}
TOKENIZER = {"model": {"vocab": {"a": 0}}, "added_tokens": []}
SPECIAL = {"eos_token": "<|im_end|>", "chat_template": "{{ messages }}", "add_bos_token": False}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    for name, content in (("config", CONFIG), ("tokenizer", TOKENIZER), ("tokenizer_config", SPECIAL)):
        write(folder / f"{name}.json", content)
    save_file({"lm_head.weight": np.ones((2, 2), np.float16)}, folder / "model.safetensors")
    return folder


def write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


def test_the_weights_digest_is_that_of_the_safetensors_files_one_after_the_other(base: Path) -> None:
    (base / "model.safetensors").write_bytes(b"abc")
    digest = base_digest(base)
    assert digest.weights == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (base / "model.safetensors").rename(base / "model-2-of-2.safetensors")
    (base / "model-1-of-2.safetensors").write_bytes(b"")
    assert base_digest(base) == digest


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", {"dtype": "bfloat16", "transformers_version": "5", "_name_or_path": "x", "use_cache": True}),
        ("config.json", {"text_config": {"rope_theta": 100000.0, "torch_dtype": "float16"}}),
        ("tokenizer.json", {"padding": {"length": 3}, "truncation": {"length": 9}}),
        ("tokenizer_config.json", {"is_local": True, "model_max_length": 8, "tokenizer_class": "X", "pad_token": None}),
        ("tokenizer_config.json", {"eos_token": {"content": "<|im_end|>", "lstrip": False}}),
    ],
)
def test_no_digest_depends_on_what_changes_neither_model_nor_tokens(
    base: Path, file: str, content: dict[str, object]
) -> None:
    before = base_digest(base)
    changed = {**json.loads((base / file).read_bytes()), **content}
    (base / file).write_text(json.dumps(dict(reversed(changed.items())), indent=3, ensure_ascii=False))
    assert base_digest(base) == before


def test_a_chat_template_counts_the_same_in_a_file_of_its_own(base: Path) -> None:
    before = base_digest(base)
    write(base / "tokenizer_config.json", {key: SPECIAL[key] for key in SPECIAL if key != "chat_template"})
    assert base_digest(base).difference(before) == "tokenizer"
    (base / "chat_template.jinja").write_text(str(SPECIAL["chat_template"]))
    assert base_digest(base) == before


@pytest.mark.parametrize(
    ("file", "content", "part"),
    [
        ("config.json", {"hidden_size": 9}, "config"),
        ("config.json", {"text_config": {"rope_theta": 1e6}}, "config"),
        ("tokenizer.json", {"model": {"vocab": {"b": 0}}}, "tokenizer"),
        ("tokenizer_config.json", {"eos_token": "</s>"}, "tokenizer"),
        ("tokenizer_config.json", {"add_bos_token": True}, "tokenizer"),
        ("tokenizer_config.json", {"chat_template": "{{ x }}"}, "tokenizer"),
    ],
)
def test_the_part_that_differs_is_named(base: Path, file: str, content: dict[str, object], part: str) -> None:
    before = base_digest(base)
    write(base / file, {**json.loads((base / file).read_bytes()), **content})
    assert before.difference(base_digest(base)) == part


def test_the_sentencepiece_model_of_a_tokenizer_counts(base: Path) -> None:
    (base / "tokenizer.json").unlink()
    (base / "tokenizer.model").write_bytes(b"\x0a\xff")
    before = base_digest(base)
    (base / "tokenizer.model").write_bytes(b"\x0a\xfe")
    assert before.difference(base_digest(base)) == "tokenizer"


def test_a_digest_of_the_weights_alone_is_compared_by_the_weights_alone(base: Path) -> None:
    digest = base_digest(base)
    assert BaseDigest(weights=digest.weights).difference(digest) is None
    assert BaseDigest(weights="another").difference(digest) == "weights"


def test_a_folder_is_its_own_folder(base: Path) -> None:
    assert base_folder(str(base)) == base


@pytest.mark.parametrize("missing", ["/no/such/base", "./base", "~/no-such-base", "a/b/c"])
def test_a_missing_folder_is_named_and_not_looked_up_on_the_hub(missing: str) -> None:
    with pytest.raises(BaseError, match=f"no base model in {missing}"):
        base_folder(missing)


def cut_off(base: Path) -> None:
    path = base / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def name_a_shard(base: Path) -> None:
    write(base / "model.safetensors.index.json", {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda base: (base / "model.safetensors").rename(base / "pytorch_model.bin"), r"holds no \*\.safetensors"),
        (lambda base: (base / "config.json").unlink(), "is not a base model: config.json is missing"),
        (lambda base: (base / "tokenizer.json").unlink(), "holds no tokenizer: tokenizer.json is missing"),
        (lambda base: (base / "config.json").write_text("{"), "config.json is damaged"),
        (lambda base: (base / "config.json").write_text("[]"), "config.json is damaged: expected an object"),
        (cut_off, "model.safetensors is damaged or incomplete"),
        (name_a_shard, "names model-2.safetensors, which is missing"),
    ],
)
def test_what_a_base_lacks_is_one_line(base: Path, damage: Callable[[Path], object], reason: str) -> None:
    damage(base)
    with pytest.raises(BaseError, match=reason) as error:
        base_folder(str(base))
    assert "\n" not in str(error.value)
