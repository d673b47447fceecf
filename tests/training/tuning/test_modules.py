"""A recipe's modules in models of each shape: what is adapted is what the manifest will name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.training.tuning.shapes import READS_IMAGES, SHAPES, model_of
from training.tuning.finetune import _with_adapter
from training.tuning.modules import excluded, resolved
from training.tuning.recipe import Recipe, TrainingError

LLAMA = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
FALCON = ["dense", "dense_4h_to_h", "dense_h_to_4h", "query_key_value"]
ALL = {
    **dict.fromkeys(("Llama", "Qwen2", "Qwen3", "Gemma2", "Gemma3Text"), LLAMA),
    "Phi3": ["down_proj", "gate_up_proj", "o_proj", "qkv_proj"],
    "Phi": ["dense", "fc1", "fc2", "k_proj", "q_proj", "v_proj"],
    "GPT2": ["c_attn", "c_fc", "c_proj"],
    "GPTNeoX": FALCON,
    "Falcon": FALCON,
    "OPT": ["fc1", "fc2", "k_proj", "out_proj", "q_proj", "v_proj"],
}
OUTPUTS = {  # of the attention and of the feed-forward part
    **dict.fromkeys(("Llama", "Qwen2", "Qwen3", "Gemma2", "Gemma3Text", "Phi3"), ("o_proj", "down_proj")),
    "Phi": ("self_attn.dense", "fc2"),
    "GPT2": ("attn.c_proj", "mlp.c_proj"),
    "GPTNeoX": ("attention.dense", "dense_4h_to_h"),
    "Falcon": ("self_attention.dense", "dense_4h_to_h"),
    "OPT": ("out_proj", "fc2"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_all_linear_is_every_linear_layer_but_the_head(shape: str) -> None:
    assert resolved(model_of(shape), ["all-linear"]) == ALL[shape]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("role", [0, 1])
def test_what_is_adapted_is_the_role_and_what_the_configuration_names(shape: str, role: int, tmp_path: Path) -> None:
    choice = ("o_proj", "down_proj")[role]
    _with_adapter(model_of(shape), Recipe(modules=(choice,), rank=2)).save_pretrained(tmp_path)
    adapted = {name.rsplit(".lora_")[0] for name in load_file(tmp_path / "adapter_model.safetensors")}
    assert len(adapted) == 2  # one in each layer
    (module,) = json.loads((tmp_path / "adapter_config.json").read_text())["target_modules"]
    assert all(path.endswith(f".{module}") and path.endswith(OUTPUTS[shape][role]) for path in adapted)


def test_the_seven_names_of_the_llama_shape_mean_the_fused_layers_of_phi_3() -> None:
    model = model_of("Phi3")
    assert resolved(model, LLAMA) == ALL["Phi3"]
    assert resolved(model, ["q_proj", "k_proj", "v_proj"]) == ["qkv_proj"]


def test_a_module_can_be_named_as_the_model_names_it() -> None:
    assert resolved(model_of("GPT2"), ["c_fc", "attn.c_proj"]) == ["attn.c_proj", "c_fc"]


@pytest.mark.parametrize("shape", READS_IMAGES)
@pytest.mark.parametrize("choice", ["all-linear", "o_proj", "q_proj", "down_proj"])
def test_of_a_base_that_also_reads_images_the_language_model_alone_is_adapted(
    shape: str, choice: str, tmp_path: Path
) -> None:
    model = model_of(shape)
    assert any("vision" in path and path.endswith("q_proj") for path, _ in model.named_modules())
    _with_adapter(model, Recipe(modules=(choice,), rank=2)).save_pretrained(tmp_path)
    assert set(resolved(model_of(shape), [choice])) <= set(LLAMA)
    adapted = {name.rsplit(".lora_")[0] for name in load_file(tmp_path / "adapter_model.safetensors")}
    modules = json.loads((tmp_path / "adapter_config.json").read_text())["target_modules"]
    assert len(adapted) == 2 * len(modules)  # one of each in each layer
    assert all(path.startswith("base_model.model.model.language_model.layers.") for path in adapted)


def test_a_base_of_text_alone_excludes_nothing() -> None:
    assert [excluded(model_of(shape)) for shape in SHAPES] == [None] * len(SHAPES)


@pytest.mark.parametrize("module", ["o_prj", "gate_proj", "lm_head", ".*"])
def test_a_module_that_the_model_has_not_is_an_error_that_names_those_it_has(module: str) -> None:
    with pytest.raises(TrainingError, match=r"no module .*; there are c_attn, c_fc, c_proj and all-linear"):
        resolved(model_of("GPT2"), [module])
