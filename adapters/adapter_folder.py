"""The files of one adapter: which belong, what its configuration may ask for, their digest.

Knows the two files that PEFT saves and what the engine can serve of them; nothing of numbers,
channels or folders of versions. The store calls it when it publishes and verifies.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
MANIFEST = "manifest.json"
CARD = "README.md"

_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}
# What PEFT can train and the engine refuses, or drops without a word.
_UNSERVABLE = ("use_dora", "lora_bias", "modules_to_save", "rank_pattern", "alpha_pattern")


class StoreError(RuntimeError):
    """The store cannot do what was asked; the message is one line that says why."""


def base_digest(base: Path) -> str:
    """sha256 of a base's `model.safetensors`, or of its shards one after the other.

    Raises:
        StoreError: the folder holds no safetensors file.
    """
    files = sorted(base.glob("*.safetensors"))
    if not files:
        raise StoreError(f"{base} holds no *.safetensors")
    sha = hashlib.sha256()
    for path in files:
        _feed(sha, path)
    return sha.hexdigest()


def check_files(folder: Path, required: set[str], allowed: set[str]) -> None:
    """Raises StoreError unless the folder holds what is required and nothing beyond what may be."""
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise StoreError(f"{folder} cannot be read: {error.strerror}") from error
    for name in sorted(names - required - allowed):
        if Path(name).suffix in _PICKLES:
            raise StoreError(f"{folder / name} is refused: safetensors only, a pickle runs code")
        raise StoreError(f"{folder / name} does not belong in an adapter")
    for name in sorted(required - names):
        raise StoreError(f"{folder / name} is missing")


def read_config(path: Path) -> dict[str, Any]:
    """What PEFT saved as configuration, without its path of the base: that means nothing elsewhere.

    Raises:
        StoreError: not a plain LoRA that the engine can serve as it was trained.
    """
    try:
        config = json.loads(path.read_bytes())
    except ValueError as error:
        raise StoreError(f"{path} is not JSON: {error}") from error
    wrong = _wrong_in(config) if isinstance(config, dict) else "expected an object"
    if wrong:
        raise StoreError(f"{path}: {wrong}")
    return {**config, "base_model_name_or_path": None}


def _wrong_in(config: dict[str, Any]) -> str | None:
    rank, alpha, modules = (config.get(key) for key in ("r", "lora_alpha", "target_modules"))
    if config.get("peft_type") != "LORA":
        return f"peft_type is {config.get('peft_type')!r}, only LORA can be served"
    for key in _UNSERVABLE:
        if config.get(key):
            return f"{key} is {config[key]!r}, which the engine cannot serve"
    if config.get("bias", "none") != "none":
        return f"bias is {config['bias']!r}, which the engine cannot serve"
    if type(rank) is not int or rank < 1:
        return f"r is {rank!r}, expected a whole number of at least 1"
    if type(alpha) not in (int, float):
        return f"lora_alpha is {alpha!r}, expected a number"
    if not isinstance(modules, list) or not modules or not all(type(m) is str for m in modules):
        return f"target_modules is {modules!r}, expected a list of module names"
    return None


def digest_of(folder: Path) -> str:
    """sha256 over name, size and bytes of the adapter's files."""
    sha = hashlib.sha256()
    for name in sorted((CONFIG, WEIGHTS)):
        sha.update(f"{name}\0{(folder / name).stat().st_size}\0".encode())
        _feed(sha, folder / name)
    return sha.hexdigest()


def _feed(sha: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)


def write(path: Path, text: str) -> None:
    """Writes a text file and brings it to the disk."""
    path.write_text(text, encoding="utf-8")
    sync(path)


def sync(path: Path) -> None:
    """Brings a file or a folder to the disk, so that a power cut cannot undo what follows."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
