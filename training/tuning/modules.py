"""Choices of modules by their role, resolved against a model of any shape. Called by `finetune`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from torch.nn import Linear
from transformers.pytorch_utils import Conv1D

from training.tuning.recipe import ALL_LINEAR, TrainingError

# A role has its name in the Llama shape; these are the names of other shapes, at the end of a module's path.
_QKV = "|qkv_proj|query_key_value|c_attn|Wqkv|qkv"
_ROLES = {
    "q_proj": "q_proj|query" + _QKV,
    "k_proj": "k_proj|key" + _QKV,
    "v_proj": "v_proj|value" + _QKV,
    "o_proj": r"o_proj|out_proj|(?:self_)?att(?:n|ention)\.(?:c_proj|dense)",
    "gate_proj": "gate_proj|gate_up_proj",
    "up_proj": "up_proj|gate_up_proj|dense_h_to_4h|c_fc|fc1|fc_in",
    "down_proj": r"down_proj|dense_4h_to_h|mlp\.c_proj|fc2|fc_out",
}


def resolved(model: Any, choice: Sequence[str]) -> list[str]:
    """The names, as PEFT's `target_modules`, of the linear layers that a recipe's modules mean in this model.

    Of a model that also reads images or sound, only those of its language model; others may have the same names.

    Raises:
        TrainingError: the model has no such module.
    """
    paths, _ = _linear(model)
    names: set[str] = set()
    for role in choice:
        pattern = "[^.]+" if role in ALL_LINEAR else _ROLES.get(role, re.escape(role))
        matches = {match[1] for path in paths if (match := re.search(rf"(?:^|\.)({pattern})$", path))}
        if not matches:
            there_are = ", ".join(sorted({path.rpartition(".")[2] for path in paths}))
            raise TrainingError(f"the base has no module {role}; there are {there_are} and all-linear")
        names |= matches
    return sorted(names)


def excluded(model: Any) -> str | None:
    """PEFT's `exclude_modules`: a pattern of all paths outside the language model; None if it has all linear layers."""
    _, others = _linear(model)
    return rf"(?!{re.escape(_language_model(model))}\.).*" if others else None


def _linear(model: Any) -> tuple[list[str], list[str]]:
    """The paths of the linear layers of the language model, and of the others; without the head."""
    head, inside = model.get_output_embeddings(), f"{_language_model(model)}."
    paths = [p for p, m in model.named_modules() if isinstance(m, Linear | Conv1D) and m is not head]
    return [p for p in paths if p.startswith(inside)], [p for p in paths if not p.startswith(inside)]


def _language_model(model: Any) -> str:
    decoder = model.get_decoder()
    paths: dict[Any, str] = {module: path for path, module in model.named_modules()}
    return paths[decoder]
