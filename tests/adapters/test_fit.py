"""An adapter that does not fit its base, or that changes nothing, is named and refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from adapters.errors import ShopLoraError
from adapters.fit import check_fit

HIDDEN, WIDE, RANK, LAYERS = 4, 6, 2, 2
TARGETS = ("o_proj", "down_proj")
MODULES = {
    f"model.layers.{layer}.{name}": shape
    for layer in range(LAYERS)
    for name, shape in {
        "self_attn.o_proj": (HIDDEN, HIDDEN),
        "mlp.up_proj": (WIDE, HIDDEN),
        "mlp.down_proj": (HIDDEN, WIDE),
    }.items()
}
Tensors = dict[str, torch.Tensor]


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["f32", "bf16"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param  # type: ignore[no-any-return]


def a(module: str) -> str:
    return f"base_model.model.{module}.lora_A.weight"


def b(module: str) -> str:
    return f"base_model.model.{module}.lora_B.weight"


def make_base(folder: Path, dtype: torch.dtype = torch.bfloat16) -> Path:
    """A base in two files, of which only the headers matter."""
    folder.mkdir()
    for layer in range(LAYERS):
        tensors = {f"{m}.weight": torch.zeros(s, dtype=dtype) for m, s in MODULES.items() if f".{layer}." in m}
        save_file(tensors, folder / f"model-{layer}.safetensors")
    return folder


def make_tensors(dtype: torch.dtype = torch.float32) -> Tensors:
    tensors = {}
    for module, (outputs, inputs) in MODULES.items():
        if module.endswith(TARGETS):
            tensors[a(module)] = torch.ones(RANK, inputs, dtype=dtype)
            tensors[b(module)] = torch.zeros(outputs, RANK, dtype=dtype)
    tensors[b("model.layers.1.mlp.down_proj")][-1, -1] = 1e-8
    return tensors


def make_adapter(folder: Path, tensors: Tensors, **changes: object) -> Path:
    folder.mkdir()
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": 4, "target_modules": list(TARGETS)}
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def test_an_adapter_that_was_trained_on_the_base_fits(tmp_path: Path, dtype: torch.dtype) -> None:
    check_fit(make_adapter(tmp_path / "adapter", make_tensors(dtype)), make_base(tmp_path / "base", dtype))


def rename(tensors: Tensors) -> None:
    for name in (a, b):
        tensors[name("model.layers.2.mlp.down_proj")] = tensors.pop(name("model.layers.1.mlp.down_proj"))


def drop_module(tensors: Tensors) -> None:
    for name in (a, b):
        del tensors[name("model.layers.1.self_attn.o_proj")]


def widen_inputs(tensors: Tensors) -> None:
    tensors[a("model.layers.0.self_attn.o_proj")] = torch.ones(RANK, HIDDEN + 1)


def widen_outputs(tensors: Tensors) -> None:
    tensors[b("model.layers.1.mlp.down_proj")] = torch.ones(WIDE, RANK)


def raise_rank(tensors: Tensors) -> None:
    tensors[a("model.layers.0.self_attn.o_proj")] = torch.ones(RANK + 1, HIDDEN)


def drop_b(tensors: Tensors) -> None:
    del tensors[b("model.layers.0.self_attn.o_proj")]


def add_a_bias(tensors: Tensors) -> None:
    tensors["base_model.model.lm_head.bias"] = torch.ones(3)


def set_b_to_zero(tensors: Tensors) -> None:
    tensors[b("model.layers.1.mlp.down_proj")].zero_()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (rename, "the base has no module model.layers.2.mlp.down_proj"),
        (drop_module, "has no matrices for model.layers.1.self_attn.o_proj, which its target_modules name"),
        (widen_inputs, "the A matrix of model.layers.0.self_attn.o_proj has the shape (2, 5), expected (2, 4)"),
        (widen_outputs, "the B matrix of model.layers.1.mlp.down_proj has the shape (6, 2), expected (4, 2)"),
        (raise_rank, "the A matrix of model.layers.0.self_attn.o_proj has the shape (3, 4), expected (2, 4)"),
        (drop_b, "lacks the B matrix of model.layers.0.self_attn.o_proj"),
        (add_a_bias, "base_model.model.lm_head.bias is not an A or B matrix"),
        (set_b_to_zero, "changes nothing: all its B matrices are zero"),
    ],
)
def test_the_first_misfit_is_named(
    tmp_path: Path, dtype: torch.dtype, change: Callable[[Tensors], None], reason: str
) -> None:
    tensors = make_tensors()
    change(tensors)
    adapter = make_adapter(tmp_path / "adapter", {name: tensor.to(dtype) for name, tensor in tensors.items()})
    with pytest.raises(ShopLoraError, match=re.escape(reason)):
        check_fit(adapter, make_base(tmp_path / "base"))


def test_a_target_that_the_base_lacks_is_named(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "adapter", make_tensors(), target_modules=[*TARGETS, "Wqkv"])
    with pytest.raises(ShopLoraError, match="has no matrices for Wqkv"):
        check_fit(adapter, make_base(tmp_path / "base"))


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    adapter = make_adapter(tmp_path / "adapter", make_tensors())
    (adapter / name).unlink()
    with pytest.raises(ShopLoraError, match=f"{name} (cannot be read: No such file|is missing)"):
        check_fit(adapter, make_base(tmp_path / "base"))


def test_an_adapter_of_some_layers_fits(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in make_tensors().items() if ".1." in name}
    check_fit(make_adapter(tmp_path / "adapter", tensors, layers_to_transform=[1]), make_base(tmp_path / "base"))


def test_shapes_are_not_compared_with_a_quantised_base(tmp_path: Path) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    packed = {f"{module}.qweight": torch.zeros(1, dtype=torch.int32) for module in MODULES}
    save_file(packed, folder / "model.safetensors")
    check_fit(make_adapter(tmp_path / "adapter", make_tensors()), folder)


def test_a_file_that_is_not_safetensors_is_named(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "adapter", make_tensors())
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    with pytest.raises(ShopLoraError, match=r"adapter_model\.safetensors is not a safetensors file"):
        check_fit(adapter, make_base(tmp_path / "base"))
