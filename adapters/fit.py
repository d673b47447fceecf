"""Does an adapter fit a base, and does it change anything?

Reads the headers of both safetensors files and the adapter's B matrices; loads no model. The server checks each live
adapter at start, the store refuses an adapter without effect.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from adapters.adapter_folder import CONFIG, WEIGHTS, StoreError, read_config

_TENSOR = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")
_FLOATS = {"F16", "BF16", "F32", "F64"}  # other types may be packed, so that shapes say nothing
_OF_NUMPY = {"F16", "F32", "F64"}

Shape = tuple[int, ...]


class FitError(StoreError):
    """An adapter does not fit its base, or has no effect."""


def check_fit(adapter: Path, base: Path) -> None:
    """Checks an adapter's folder against its base's folder: every target module, every shape, an effect.

    Raises:
        FitError: the first reason why the adapter cannot be served on this base.
        StoreError: the adapter's configuration cannot be served on any base.
    """
    config = read_config(adapter / CONFIG)
    modules = _modules(base)
    matrices = _matrices(adapter / WEIGHTS)
    rank = config["r"]
    for module, shapes in matrices.items():
        if module not in modules:
            raise FitError(f"{adapter} does not fit {base}: the base has no module {module}")
        for matrix in "AB":
            if matrix not in shapes:
                raise FitError(f"{adapter / WEIGHTS} lacks the {matrix} matrix of {module}")
        if weight := modules[module]:
            expected = {"A": (rank, weight[-1]), "B": (weight[0], rank)}
            for matrix, shape in expected.items():
                if shapes[matrix] != shape:
                    raise FitError(
                        f"{adapter} does not fit {base}: the {matrix} matrix of {module} has the shape "
                        f"{shapes[matrix]}, expected {shape}"
                    )
    for module in _targets(config, set(modules)):
        if module not in matrices:
            raise FitError(f"{adapter / WEIGHTS} has no matrices for {module}, which its target_modules name")
    check_effect(adapter)


def check_effect(adapter: Path) -> None:
    """Checks that at least one B matrix of an adapter's folder is not zero.

    Raises:
        FitError: all are zero, as before the first step of training, so that the adapter would answer as the base does.
    """
    path = adapter / WEIGHTS
    tensors = _header(path)
    names = [name for name in tensors if (match := _TENSOR.fullmatch(name)) and match[2] == "B"]
    framework = "numpy" if {tensors[name][0] for name in names} <= _OF_NUMPY else "pt"
    with safe_open(path, framework) as file:
        if not any((file.get_tensor(name) != 0).any() for name in names):
            raise FitError(f"{path} changes nothing: all its B matrices are zero")


def _modules(base: Path) -> dict[str, Shape | None]:
    """The base's modules and the shapes of their weights; None where the weight is quantised."""
    modules: dict[str, Shape | None] = {}
    for path in sorted(base.glob("*.safetensors")):
        for name, (dtype, shape) in _header(path).items():
            module, _, parameter = name.rpartition(".")
            is_plain = parameter == "weight" and dtype in _FLOATS
            modules[module] = shape if is_plain else modules.get(module)
    return modules


def _matrices(path: Path) -> dict[str, dict[str, Shape]]:
    """The shapes of the A and B matrices by module.

    Raises:
        FitError: a tensor is not an A or B matrix of a linear layer.
    """
    matrices: dict[str, dict[str, Shape]] = {}
    for name, (_, shape) in _header(path).items():
        match = _TENSOR.fullmatch(name)
        if match is None:
            raise FitError(f"{path}: {name} is not an A or B matrix of a linear layer")
        matrices.setdefault(match[1], {})[match[2]] = shape
    return matrices


def _targets(config: dict[str, Any], modules: set[str]) -> list[str]:
    """The modules that the configuration names; a target that the base lacks stands for itself."""
    if config.get("layers_to_transform") is not None or config.get("exclude_modules"):
        return []
    targets = []
    for target in config["target_modules"]:
        named = sorted(module for module in modules if f".{module}".endswith(f".{target}"))
        targets += named or [target]
    return targets


def _header(path: Path) -> dict[str, tuple[str, Shape]]:
    """Data type and shape of each tensor of a safetensors file."""
    try:
        with safe_open(path, "numpy") as file:
            slices = ((name, file.get_slice(name)) for name in file.keys())  # noqa: SIM118
            return {name: (tensor.get_dtype(), tuple(tensor.get_shape())) for name, tensor in slices}
    except FileNotFoundError:
        raise FitError(f"{path} is missing") from None
    except (OSError, SafetensorError) as error:
        raise FitError(f"{path} is not a safetensors file: {error}") from error
