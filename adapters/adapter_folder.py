"""The files of one adapter: which are allowed, which configurations can be served, their digest.

Does not know versions or channels. The store calls it when it publishes and verifies.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

from adapters.errors import ShopLoraError

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
MANIFEST = "manifest.json"
CARD = "README.md"

_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}
# PEFT can train these; the engine refuses them or ignores them silently.
_UNSERVABLE = ("use_dora", "bias", "lora_bias", "modules_to_save", "rank_pattern", "alpha_pattern")


class StoreError(ShopLoraError):
    """The store cannot do this, or an adapter cannot be served; the message is one line with the reason."""


def check_files(folder: Path, required: set[str], allowed: set[str]) -> None:
    """Checks the names of the files in a folder.

    Raises:
        StoreError: a required file is missing, or one is neither required nor allowed.
    """
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise StoreError(f"{folder} cannot be read: {error.strerror}") from error
    for name in sorted(names - required - allowed):
        if Path(name).suffix in _PICKLES:
            raise StoreError(f"{folder / name} is refused: safetensors only, a pickle can run code")
        raise StoreError(f"{folder / name} does not belong in an adapter")
    for name in sorted(required - names):
        raise StoreError(f"{folder / name} is missing")


def read_config(path: Path) -> dict[str, Any]:
    """PEFT's configuration of an adapter, without the base's path on the machine that trained it.

    Raises:
        StoreError: not a plain LoRA that the engine can serve as it was trained.
    """
    try:
        config = json.loads(path.read_bytes())
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise StoreError(f"{path} is not JSON: {error}") from error
    fault = _fault(config) if isinstance(config, dict) else "expected an object"
    if fault:
        raise StoreError(f"{path}: {fault}")
    return {**config, "base_model_name_or_path": None}


def _fault(config: dict[str, Any]) -> str | None:
    rank, alpha, modules = (config.get(key) for key in ("r", "lora_alpha", "target_modules"))
    if config.get("peft_type") != "LORA":
        return f"peft_type is {config.get('peft_type')!r}, only LORA can be served"
    for key in _UNSERVABLE:
        if config.get(key) and config[key] != "none":
            return f"{key} is {config[key]!r}, which the engine cannot serve"
    if type(rank) is not int or rank < 1:
        return f"r is {rank!r}, expected a whole number of at least 1"
    if type(alpha) is bool or not isinstance(alpha, int | float) or not 0 < alpha < math.inf:
        return f"lora_alpha is {alpha!r}, expected a number above 0"
    if not isinstance(modules, list) or not modules or not all(isinstance(m, str) for m in modules):
        return f"target_modules is {modules!r}, expected a list of module names"
    return None


def digest_of(folder: Path) -> str:
    """SHA-256 over name, size and bytes of the adapter's files."""
    sha = hashlib.sha256()
    for name in sorted((CONFIG, WEIGHTS)):
        sha.update(f"{name}\0{(folder / name).stat().st_size}\0".encode())
        with (folder / name).open("rb") as file:
            hashlib.file_digest(file, lambda: sha)
    return sha.hexdigest()
