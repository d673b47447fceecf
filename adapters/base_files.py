"""The files of a base: which must be there, and the digests by which an adapter belongs to it.

Reads the weights for their digest, else their headers alone. Called by `adapters.base`, `default_base` and `manifest`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError, safe_open

from adapters.errors import ShopLoraError

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
TOKENIZER = "tokenizer.json"
# What a tokenizer consists of that has no tokenizer.json.
_SLOW_TOKENIZER = ("tokenizer.model", "spiece.model", "vocab.json", "merges.txt", "vocab.txt", "added_tokens.json")
# Keys of config.json that do not change what the model computes from the same weights.
_VOLATILE = {"transformers_version", "dtype", "torch_dtype", "use_cache"}
# Keys of tokenizer_config.json that change a prompt's tokens, besides those that end with `_token`.
_SPECIAL = {"additional_special_tokens", "extra_special_tokens", "add_prefix_space"}


class BaseError(ShopLoraError):
    """The base model is missing or cannot be used."""


class BaseDigest(BaseModel):
    """What identifies a base: a SHA-256 of each part. Manifests of earlier releases have that of the weights alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str = Field(min_length=1)
    config: str | None = None
    tokenizer: str | None = None

    def difference(self, other: BaseDigest) -> str | None:
        """The first part that differs: "weights", "config", "tokenizer" or None. One that either lacks is left out."""
        for part in type(self).model_fields:
            one, two = getattr(self, part), getattr(other, part)
            if one and two and one != two:
                return part
        return None


def base_digest(folder: Path) -> BaseDigest:
    """The digests of a base; reads all of its weights.

    The weights' is over the safetensors files, in the order of their names. The config's leaves out what does not
    change the model; the tokenizer's includes the special tokens and the chat template. Neither depends on how the JSON
    is formatted.

    Raises:
        BaseError: a part is missing or cannot be read.
    """
    weights = hashlib.sha256()
    for path in _weight_files(folder):
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: weights)
    return BaseDigest(
        weights=weights.hexdigest(),
        config=_json_digest(_without_volatile(_read_json(folder / CONFIG))),
        tokenizer=_tokenizer_digest(folder),
    )


def check_base(folder: Path) -> None:
    """Checks that weights, config and tokenizer of a base are there and no file of the weights is cut off.

    Raises:
        BaseError: the first fault.
    """
    files = _weight_files(folder)
    _read_json(folder / CONFIG)
    _tokenizer_files(folder)
    if (folder / INDEX).exists():
        shards = _read_json(folder / INDEX).get("weight_map", {}).values()
        if missing := sorted(set(shards) - {path.name for path in files}):
            raise BaseError(f"{folder} is incomplete: {INDEX} names {missing[0]}, which is missing")
    for path in files:
        try:
            with safe_open(path, "numpy"):
                pass
        except (OSError, SafetensorError) as error:
            raise BaseError(f"{path} is damaged or incomplete: {error}") from error


def _weight_files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise BaseError(
            f"{folder} holds no *.safetensors; other formats are not read: save the weights again with "
            "transformers' `save_pretrained`"
        )
    return files


def _tokenizer_files(folder: Path) -> list[Path]:
    names = [TOKENIZER] if (folder / TOKENIZER).exists() else _SLOW_TOKENIZER
    files = [folder / name for name in names if (folder / name).exists()]
    if not files:
        raise BaseError(f"{folder} holds no tokenizer: {TOKENIZER} is missing")
    return files


def _tokenizer_digest(folder: Path) -> str:
    files: dict[str, Any] = {
        path.name: _read_json(path) if path.suffix == ".json" else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _tokenizer_files(folder)
    }
    for state in ("padding", "truncation"):  # of the last call before it was saved
        files.get(TOKENIZER, {}).pop(state, None)
    config: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).exists():
            config |= _read_json(folder / name)
    template = folder / "chat_template.jinja"
    special = {
        key: value["content"] if isinstance(value, dict) and "content" in value else value
        for key, value in config.items()
        if value and (key.endswith("_token") or key in _SPECIAL)
    }
    chat = template.read_text(encoding="utf-8") if template.exists() else config.get("chat_template")
    return _json_digest([files, special, chat])


def _without_volatile(config: Any) -> Any:
    if isinstance(config, dict):
        lasting = {key: value for key, value in config.items() if key not in _VOLATILE and not key.startswith("_")}
        return {key: _without_volatile(value) for key, value in lasting.items()}
    return config


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BaseError(f"{path.parent} is not a base model: {path.name} is missing") from None
    except OSError as error:
        raise BaseError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BaseError(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise BaseError(f"{path} is damaged: expected an object")
    return content


def _json_digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
