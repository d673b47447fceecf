"""Plain LoRA adapters loaded on one base change nothing else; adapters with more than LoRA weights are detected."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

from adapters.ontology import Ontology
from adapters.tasks import tasks
from adapters.tasks.contract import Message
from training.studies.isolation import BASE, disturbed


@pytest.fixture(scope="module")
def base(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny base with biases in its attention."""
    config = Qwen3Config.from_pretrained(tiny_base)
    config.attention_bias = True
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("biased")
    Qwen3ForCausalLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_base).save_pretrained(folder)
    return folder


def adapter(base: Path, folder: Path, seed: int, bias: str = "none") -> Path:
    """An adapter with random weights; with `bias`, also of the base's biases."""
    torch.manual_seed(seed)
    config = LoraConfig(r=2, target_modules=["q_proj", "o_proj"], bias=bias)  # type: ignore[arg-type]
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    return folder


def prompts(ontology: Ontology) -> list[list[Message]]:
    """The prompt of each task's example."""
    return [task.prompt(task.request.model_validate(task.example), ontology) for task in tasks().values()]


def test_plain_adapters_change_neither_each_other_nor_the_base(base: Path, ontology: Ontology, tmp_path: Path) -> None:
    adapters = {f"classify@{n}": adapter(base, tmp_path / str(n), n) for n in (1, 2)}
    assert disturbed(base, adapters, prompts(ontology)) == []


def test_an_adapter_with_biases_changes_the_base_and_the_others(base: Path, ontology: Ontology, tmp_path: Path) -> None:
    adapters = {
        "classify@1": adapter(base, tmp_path / "plain", 1),
        "rewrite@1": adapter(base, tmp_path / "biased", 2, bias="all"),
    }
    assert disturbed(base, adapters, prompts(ontology)) == [BASE, "classify@1"]
