"""An adapter that does not fit its base, has weights that are no numbers, or changes nothing is named and refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GPT2Config

from adapters.errors import ShopLoraError
from adapters.fit import check_finite, check_fit, check_weights

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
O_PROJ, DOWN_PROJ = "model.layers.0.self_attn.o_proj", "model.layers.1.mlp.down_proj"
Tensors = dict[str, torch.Tensor]


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["f32", "bf16"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param  # type: ignore[no-any-return]


def matrix(letter: str, module: str) -> str:
    return f"base_model.model.{module}.lora_{letter}.weight"


def make_base(folder: Path, weights: Tensors | None = None, prefix: str = "model.") -> Path:
    """A base in two files, of which only the headers matter."""
    folder.mkdir()
    plain = {f"{m.replace('model.', prefix)}.weight": torch.zeros(s, dtype=torch.bfloat16) for m, s in MODULES.items()}
    save_file({name: tensor for name, tensor in plain.items() if ".0." in name}, folder / "model-0.safetensors")
    others = {name: tensor for name, tensor in plain.items() if ".1." in name}
    save_file(others | (weights or {}), folder / "model-1.safetensors")
    return folder


def make_tensors(dtype: torch.dtype = torch.float32) -> Tensors:
    tensors = {}
    for module, (outputs, inputs) in MODULES.items():
        if module.endswith(TARGETS):
            tensors[matrix("A", module)] = torch.ones(RANK, inputs, dtype=dtype)
            tensors[matrix("B", module)] = torch.zeros(outputs, RANK, dtype=dtype)
    tensors[matrix("B", DOWN_PROJ)][-1, -1] = 1e-8
    return tensors


def make_adapter(folder: Path, tensors: Tensors, **changes: object) -> Path:
    folder.mkdir()
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": 4, "target_modules": list(TARGETS)}
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def test_an_adapter_that_was_trained_on_the_base_fits(tmp_path: Path, dtype: torch.dtype) -> None:
    check_fit(make_adapter(tmp_path / "adapter", make_tensors(dtype)), make_base(tmp_path / "base"))


def test_an_adapter_of_some_layers_fits(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in make_tensors().items() if ".1." in name}
    check_fit(make_adapter(tmp_path / "adapter", tensors, layers_to_transform=[1]), make_base(tmp_path / "base"))


@pytest.mark.parametrize("prefix", ["", "language_model.model.", "model.language_model."])
def test_the_names_of_base_and_adapter_may_begin_differently(tmp_path: Path, prefix: str) -> None:
    check_fit(make_adapter(tmp_path / "adapter", make_tensors()), make_base(tmp_path / "base", prefix=prefix))


def test_a_vision_tower_may_have_more_layers_and_other_shapes(tmp_path: Path) -> None:
    vision = {f"vision.encoder.layers.{i}.self_attn.o_proj.weight": torch.zeros(9, 9) for i in range(LAYERS + 1)}
    base = make_base(tmp_path / "base", vision, prefix="language_model.model.")
    check_fit(make_adapter(tmp_path / "adapter", make_tensors()), base)


def test_an_adapter_of_gpt2_fits_although_its_weights_are_stored_transposed(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_config(GPT2Config(n_embd=8, n_layer=2, n_head=2, vocab_size=16, n_positions=8))
    model.save_pretrained(tmp_path / "base")
    config = LoraConfig(r=2, target_modules=["c_attn", "c_fc", "c_proj"], init_lora_weights=False, fan_in_fan_out=True)
    get_peft_model(model, config).save_pretrained(tmp_path / "adapter")
    check_fit(tmp_path / "adapter", tmp_path / "base")


def test_shapes_are_not_compared_with_a_quantised_base(tmp_path: Path) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    packed = {f"{module}.qweight": torch.zeros(1, dtype=torch.int32) for module in MODULES}
    save_file(packed, folder / "model.safetensors")
    check_fit(make_adapter(tmp_path / "adapter", make_tensors()), folder)


def rename(tensors: Tensors) -> None:
    for letter in "AB":
        tensors[matrix(letter, "model.layers.2.mlp.down_proj")] = tensors.pop(matrix(letter, DOWN_PROJ))


def drop_target(tensors: Tensors) -> None:
    for name in [name for name in tensors if "o_proj" in name]:
        del tensors[name]


def put(letter: str, module: str, *shape: int) -> Callable[[Tensors], None]:
    return lambda tensors: tensors.update({matrix(letter, module): torch.ones(shape)})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (rename, "the base has no module model.layers.2.mlp.down_proj"),
        (drop_target, "has no matrices for o_proj, which its target_modules name"),
        (put("A", O_PROJ, RANK, HIDDEN + 1), "shapes {'A': (2, 5), 'B': (4, 2)}, expected {'A': (2, 4), 'B': (4, 2)}"),
        (put("B", DOWN_PROJ, WIDE, RANK), "shapes {'A': (2, 6), 'B': (6, 2)}, expected {'A': (2, 6), 'B': (4, 2)}"),
        (put("A", O_PROJ, RANK + 1, HIDDEN), f"the matrices of {O_PROJ} have the shapes {{'A': (3, 4)"),
        (lambda tensors: tensors.pop(matrix("B", O_PROJ)), f"lacks the B matrix of {O_PROJ}"),
        (put("A_bias", "lm_head", 3), "lm_head.lora_A_bias.weight is not an A or B matrix"),
        (lambda tensors: tensors[matrix("B", DOWN_PROJ)].fill_(-0.0), "changes nothing: all its B matrices are zero"),
        (lambda tensors: tensors[matrix("B", DOWN_PROJ)].zero_(), "changes nothing: all its B matrices are zero"),
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


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", [matrix("A", O_PROJ), matrix("B", DOWN_PROJ)])
def test_a_weight_that_is_no_number_is_refused_everywhere(
    tmp_path: Path, kind: torch.dtype, value: float, name: str
) -> None:
    tensors = make_tensors(kind)
    tensors[name][-1, -1] = value
    adapter, base = make_adapter(tmp_path / "adapter", tensors), make_base(tmp_path / "base")
    for check in (check_finite, check_weights, lambda folder: check_fit(folder, base)):
        with pytest.raises(ShopLoraError, match=f"{re.escape(name)} has weights that are NaN or infinite: .*"):
            check(adapter)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_largest_and_smallest_numbers_of_a_type_are_numbers(tmp_path: Path, kind: torch.dtype) -> None:
    tensors = make_tensors(kind)
    limits = torch.finfo(kind)
    for name, value in zip(tensors, [limits.max, limits.min, limits.tiny, limits.smallest_normal], strict=False):
        tensors[name][0, 0] = value
    check_weights(make_adapter(tmp_path / "adapter", tensors))


def test_weights_of_a_type_that_is_not_known_are_refused(tmp_path: Path) -> None:
    tensors = {name: tensor.to(torch.int8) for name, tensor in make_tensors().items()}
    with pytest.raises(ShopLoraError, match=r"weight is of type I8: expected F16, BF16, F32, F64"):
        check_weights(make_adapter(tmp_path / "adapter", tensors))


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    adapter = make_adapter(tmp_path / "adapter", make_tensors())
    (adapter / name).unlink()
    with pytest.raises(ShopLoraError, match=f"{name} (cannot be read: No such file|is missing)"):
        check_fit(adapter, make_base(tmp_path / "base"))


def test_a_file_that_is_not_safetensors_is_named(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "adapter", make_tensors())
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    with pytest.raises(ShopLoraError, match=r"adapter_model\.safetensors is not a safetensors file"):
        check_fit(adapter, make_base(tmp_path / "base"))
