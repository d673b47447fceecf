"""Tiny random models, one of each shape that a shop may bring. Made from configurations, not downloaded."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM

_LLAMA = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}
_COMMON = {"vocab_size": 96, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "max_position_embeddings": 128}
SHAPES: dict[str, dict[str, Any]] = {
    "Llama": _LLAMA,
    "Qwen2": _LLAMA,
    "Qwen3": _LLAMA | {"head_dim": 16, "tie_word_embeddings": True},
    "Gemma2": _LLAMA | {"head_dim": 16, "final_logit_softcapping": 3.0, "sliding_window": 16},
    "Gemma3Text": _LLAMA | {"head_dim": 16, "sliding_window": 16},
    "Phi3": _LLAMA,
    "Phi": _LLAMA | {"num_key_value_heads": 2},
    "GPT2": {"n_embd": 32, "n_layer": 2, "n_head": 2} | dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0),
    "GPTNeoX": _LLAMA,
    "Falcon": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "new_decoder_architecture": False},
    "OPT": {
        "hidden_size": 32,
        "ffn_dim": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "word_embed_proj_dim": 32,
        "dropout": 0.0,
    },
}

_VISION = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
READS_IMAGES: dict[str, dict[str, Any]] = {
    "Gemma3": {
        "text_config": _COMMON | SHAPES["Gemma3Text"],
        "vision_config": _VISION | {"image_size": 28, "patch_size": 14},
        "mm_tokens_per_image": 4,
        "image_token_index": 90,
        "boi_token_index": 91,
        "eoi_token_index": 92,
    }
}


def model_of(shape: str) -> Any:
    """A model of that shape in float32."""
    torch.manual_seed(0)
    values = READS_IMAGES.get(shape) or _COMMON | SHAPES[shape]
    config = getattr(transformers, f"{shape}Config")(**values)
    return AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
