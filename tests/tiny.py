"""Tiny random base models and adapters, made on the spot; nothing is downloaded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from adapters.base import base_digest
from adapters.manifest import Calibration, Curve, Draft
from adapters.ontology import Ontology
from adapters.store import Store
from adapters.tasks import tasks

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HIDDEN, LAYERS, HEADS, HEAD, FEED_FORWARD, CONTEXT = 64, 2, 2, 64, 128, 512
_COMMON = {
    "hidden_size": HIDDEN,
    "intermediate_size": FEED_FORWARD,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": 1,
    "bos_token_id": None,
    "pad_token_id": 0,
}
# The configuration's class in transformers, and what differs from the common values.
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen3": ("Qwen3Config", {"head_dim": HEAD, "tie_word_embeddings": True}),
    "llama": ("LlamaConfig", {"head_dim": HEAD, "tie_word_embeddings": False}),
    "gemma3": (
        "Gemma3TextConfig",
        {
            "head_dim": HEAD,
            "query_pre_attn_scalar": HEAD,
            "sliding_window": 32,
            "layer_types": ["sliding_attention", "full_attention"],
        },
    ),
    "phi3": ("Phi3Config", {"hidden_size": HEADS * HEAD}),
    "gpt2": ("GPT2Config", {"hidden_size": HEADS * HEAD, "n_inner": FEED_FORWARD}),
}
SHAPES = {"o_proj": (HEADS * HEAD, HIDDEN), "down_proj": (FEED_FORWARD, HIDDEN)}  # (inputs, outputs)
PLACES = {"o_proj": "self_attn", "down_proj": "mlp"}


def make_base(folder: Path, architecture: str, ontology: Ontology, context: int = CONTEXT) -> Path:
    """A base of that architecture, a key of `ARCHITECTURES`, with random weights."""
    import torch
    import transformers

    tokenizer = make_tokenizer(ontology)
    name, values = ARCHITECTURES[architecture]
    config = getattr(transformers, name)(
        **_COMMON | values,
        max_position_embeddings=context,
        vocab_size=len(tokenizer),
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_weights(folder: Path) -> Path:
    """A base with the weights of the modules that `make_adapter` adapts, and an empty config and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        f"model.layers.{layer}.{PLACES[module]}.{module}.weight": np.ones((written, read), np.float16)
        for layer in range(LAYERS)
        for module, (read, written) in SHAPES.items()
    }
    save_file(weights, folder / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    return folder


def make_tokenizer(ontology: Ontology):  # type: ignore[no-untyped-def]
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    names = [*ontology.categories, *ontology.aspects, *ontology.use_cases]
    names += [value for a in ontology.attributes.values() for value in a.values]
    text = [f"{name.lower()} | {name}; {name}=positive, not {name}" for name in names]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2048,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(text * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = CHAT
    return tokenizer


def make_adapter(folder: Path, seed: int, modules: tuple[str, ...], rank: int = 8) -> Path:
    """A LoRA adapter in PEFT's format with random weights, large enough to change every answer."""
    generator = np.random.default_rng(seed)
    tensors = {}
    for layer in range(LAYERS):
        for module in modules:
            read, written = SHAPES[module]
            name = f"base_model.model.model.layers.{layer}.{PLACES[module]}.{module}"
            tensors[f"{name}.lora_A.weight"] = generator.standard_normal((rank, read), np.float32)
            tensors[f"{name}.lora_B.weight"] = generator.standard_normal((written, rank), np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": 2 * rank,
        "target_modules": sorted(modules),
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def publish_all(store: Store, base: Path, ontology: Ontology, folder: Path, names: Iterable[str] | None = None) -> None:
    """A random adapter for each of these tasks, or for every task."""
    for seed, name in enumerate(names or tasks()):
        staged = make_adapter(folder / name, seed, ("o_proj", "down_proj"))
        draft = Draft(
            task=name,
            base_digest=base_digest(base),
            ontology_digest=ontology.digest,
            calibration=Calibration(model=Curve(intercept=2.0)),
        )
        store.publish(staged, draft, card=f"# {name}\n")
