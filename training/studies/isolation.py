"""Whether loading several adapters on one base changes the logits of any of them, or of the base.

Uses PEFT; whether the engine separates the requests of one batch is tested with the server. Called by
`training.studies.matrix`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from adapters.prompts import token_ids
from adapters.tasks.contract import Message

BASE = "the base"


def disturbed(base: Path, adapters: Mapping[str, Path], prompts: Sequence[list[Message]]) -> list[str]:
    """The adapters, and BASE, whose logits for the prompts change when all adapters are loaded.

    Each adapter alone on the base is compared with the same adapter selected among all, and the plain base
    with the base that has all loaded and none selected. Equal means equal to the bit.
    """
    if not adapters:
        return []
    tokenizer = AutoTokenizer.from_pretrained(base)
    inputs = [torch.tensor([token_ids(tokenizer, prompt)]) for prompt in prompts]

    def load_base() -> Any:
        return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()

    alone = {BASE: _next_logits(load_base(), inputs)}
    for name, folder in adapters.items():
        alone[name] = _next_logits(PeftModel.from_pretrained(load_base(), folder).eval(), inputs)
    slots = {name: f"slot{i}" for i, name in enumerate(adapters)}  # a name may hold dots and slashes
    model: Any = None
    for name, slot in slots.items():
        if model is None:
            model = PeftModel.from_pretrained(load_base(), adapters[name], adapter_name=slot)
        else:
            model.load_adapter(adapters[name], adapter_name=slot)
    model.eval()
    together = {}
    with model.disable_adapter():
        together[BASE] = _next_logits(model, inputs)
    for name, slot in slots.items():
        model.set_adapter(slot)
        together[name] = _next_logits(model, inputs)
    return [name for name, logits in alone.items() if not torch.equal(logits, together[name])]


@torch.inference_mode()
def _next_logits(model: Any, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """The logits of the token after each prompt, shape (prompts, vocabulary)."""
    return torch.stack([model(input_ids=ids).logits[0, -1] for ids in inputs])
