"""The base model on disk: its folder, and the digest by which an adapter belongs to it.

Uses local folders and the Hugging Face hub's cache; loads no weights. Called by training and by the server.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from adapters.errors import ShopLoraError

FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")  # of a hub repository


class BaseError(ShopLoraError):
    """The base model is missing or cannot be used."""


def base_folder(base: str) -> Path:
    """The folder of a base that is given as a folder or as a name on the hub.

    A hub name is downloaded into the hub's cache, or only looked up there if `HF_HUB_OFFLINE` is set.

    Raises:
        BaseError: there is no such folder, or the download failed.
    """
    folder = Path(base).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or base.startswith((".", "~")) or base.count("/") > 1:
        raise BaseError(f"there is no base model in {base}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(base, allow_patterns=list(FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BaseError(f"the base {base} is not a folder and cannot be downloaded from the hub: {reason}") from error


def base_digest(folder: Path) -> str:
    """SHA-256 of a base's safetensors files, in the order of their names.

    Raises:
        BaseError: the folder holds no safetensors file.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise BaseError(f"{folder} holds no *.safetensors")
    sha = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: sha)
    return sha.hexdigest()
