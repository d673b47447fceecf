"""What an operator can set, each by an environment variable SHOPLORA_*.

Knows defaults and nothing of what is done with them. `create_app` reads it once.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.ontology import SHIPPED
from adapters.store import default_base, default_root


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOPLORA_")

    base: str = Field(
        default_factory=lambda: str(default_base()), description="base model: a folder, or a name that vLLM can load"
    )
    store: Path = Field(default_factory=default_root, description="the store of versions")
    demo_adapters: bool = Field(default=True, description="serve the shipped ones where you have none")
    ontology: Path = Field(default=SHIPPED, description="the shop's taxonomy and attributes")
    max_model_len: int | None = Field(default=None, gt=0, description="context in tokens; the model's own if not set")
    max_num_seqs: int = Field(default=64, gt=0, description="sequences decoded in one batch")
    max_body_bytes: int = Field(default=64 * 1024, gt=0, description="largest request body")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "bfloat16"
    load_format: str = Field(default="auto", description="how vLLM reads the base's weights")
