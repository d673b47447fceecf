"""Whether adapters on one base leave each other, and the base, alone: to the bit.

Knows PEFT and prompts, no metric and no store. Called by `training.release.publish` before a version goes
live, and by `training.studies.matrix`. That the engine keeps apart what it mixes in one batch is another
question, which the server's tests answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from adapters.ontology import Ontology
from adapters.tasks import tasks
from adapters.tasks.contract import Message

BASE = "the base"


def example_prompts(ontology: Ontology) -> list[list[Message]]:
    """The prompt of each task's example."""
    return [task.prompt(task.request.model_validate(task.example), ontology) for task in tasks().values()]


def disturbed(base: Path, adapters: Mapping[str, Path], prompts: Sequence[list[Message]]) -> list[str]:
    """Whose logits for the prompts change when all adapters are loaded; none, if all is well.

    Each adapter alone on the base is held against the same adapter chosen among all, and the base
    as it is against the base with all loaded and none chosen.
    """
    tokenizer = AutoTokenizer.from_pretrained(base)
    asked = [
        tokenizer(
            tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False),
            return_tensors="pt",
            add_special_tokens=False,
            return_token_type_ids=False,
        )
        for prompt in prompts
    ]

    def base_model() -> Any:
        return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()

    def alone(folder: Path) -> torch.Tensor:
        return _next(PeftModel.from_pretrained(base_model(), folder).eval(), asked)

    if not adapters:
        return []
    wanted = {BASE: _next(base_model(), asked)}
    wanted |= {name: alone(folder) for name, folder in adapters.items()}
    slots = {name: f"slot{i}" for i, name in enumerate(adapters)}  # a name may hold dots and slashes
    model: Any = None
    for name, slot in slots.items():
        if model is None:
            model = PeftModel.from_pretrained(base_model(), adapters[name], adapter_name=slot)
        else:
            model.load_adapter(adapters[name], adapter_name=slot)
    model.eval()
    found = {}
    with model.disable_adapter():
        found[BASE] = _next(model, asked)
    for name, slot in slots.items():
        model.set_adapter(slot)
        found[name] = _next(model, asked)
    return [name for name, logits in wanted.items() if not torch.equal(logits, found[name])]


@torch.inference_mode()
def _next(model: Any, asked: Sequence[Any]) -> torch.Tensor:
    """The logits of the token after each prompt, shape (prompts, vocabulary)."""
    return torch.stack([model(**inputs).logits[0, -1] for inputs in asked])
