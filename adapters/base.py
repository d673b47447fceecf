"""Where the base model lies: the folder of the default base, of a folder or of a name on the Hugging Face hub.

Loads no weights. Called by training and by the server.
"""

from __future__ import annotations

from pathlib import Path

from adapters.base_files import BaseDigest, BaseError, base_digest, check_base
from adapters.default_base import default_base
from adapters.settings import DEFAULT_BASE

__all__ = ["BaseDigest", "BaseError", "base_digest", "base_folder"]

FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")  # of a hub repository


def base_folder(base: str) -> Path:
    """The folder of a base that is given as a folder, as a name on the hub or as `DEFAULT_BASE`.

    The default base is converted into the user's cache when it is first needed. A hub name is downloaded into the hub's
    cache, or only looked up there if `HF_HUB_OFFLINE` is set.

    Raises:
        BaseError: there is no such folder, the download or the conversion failed, or a part of the base is missing.
    """
    if base == DEFAULT_BASE:
        return default_base()
    folder = Path(base).expanduser()
    if not folder.is_dir():
        folder = _from_hub(base)
    check_base(folder)
    return folder


def _from_hub(base: str) -> Path:
    if base.startswith(("/", ".", "~")) or base.count("/") > 1:
        raise BaseError(f"there is no base model in {base}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(base, allow_patterns=list(FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BaseError(f"the base {base} is not a folder and cannot be downloaded from the hub: {reason}") from error
