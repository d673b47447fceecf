"""Settings that training and serving share, each an environment variable `SHOPLORA_*`.

`server.settings` adds those of the server alone. The commands of `training` and `adapters` read these.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

SHIPPED_STORE = Path(__file__).parent / "shipped"
SHIPPED_BASE = SHIPPED_STORE / "base"
SHIPPED_ONTOLOGY = SHIPPED_STORE / "ontology.yaml"
DEFAULT_BASE = "SmolLM2-135M-Instruct"


class SharedSettings(BaseSettings):
    """Base, store and ontology."""

    model_config = SettingsConfigDict(env_prefix="SHOPLORA_", env_ignore_empty=True)

    base: str = Field(
        default=str(SHIPPED_BASE), description=f"base model: a folder, a name on the Hugging Face hub or {DEFAULT_BASE}"
    )
    store: Path = Field(default=Path(".shoplora/store"), description="folder of your own versions")
    ontology: Path = Field(default=SHIPPED_ONTOLOGY, description="the shop's taxonomy and attributes")


def user_cache() -> Path:
    """The user's cache of the base and the public data: `shoplora` in `XDG_CACHE_HOME`, else in `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "shoplora")
