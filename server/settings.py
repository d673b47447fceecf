"""What an operator can set, each by an environment variable SHOPLORA_*.

Knows defaults and nothing of what is done with them. `create_app` reads it once.
"""

from typing import Literal

from pydantic import Field

from adapters.settings import SharedSettings


class Settings(SharedSettings):
    demo_adapters: bool = Field(default=True, description="serve the shipped ones where you have none")
    max_model_len: int | None = Field(
        default=None, gt=0, description="context in tokens; what the served tasks need if not set"
    )
    max_num_seqs: int = Field(default=64, gt=0, description="sequences decoded in one batch")
    max_body_bytes: int = Field(default=64 * 1024, gt=0, description="largest request body")
    body_timeout: float = Field(default=15, gt=0, description="seconds in which a request's body must arrive")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "bfloat16"
    load_format: Literal["auto", "safetensors", "fastsafetensors", "runai_streamer", "bitsandbytes", "dummy"] = "auto"
