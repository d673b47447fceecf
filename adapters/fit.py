"""Does an adapter fit a base, are its weights numbers, and does it change anything?

Reads the adapter's tensors and the headers of the base's safetensors files; loads no model. The server checks each live
adapter at start, evaluation each adapter that it loads, the store each that is published.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize, safe_open

from adapters.adapter_folder import CONFIG, WEIGHTS, StoreError, read_config

_TENSOR = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")
# The bits of a float's exponent, by type, in an integer of its size: all are set in NaN and in the infinities. NumPy
# has no bfloat16. Other types of a base may be packed, so that shapes say nothing.
_EXPONENTS: dict[str, Any] = {
    "F16": np.uint16(0x7C00),
    "BF16": np.uint16(0x7F80),
    "F32": np.uint32(0x7F800000),
    "F64": np.uint64(0x7FF0000000000000),
}
# A module's name from its numbered layer on, or its last part. What stands before depends on the class that loads the
# base: `model.layers.0.mlp.up_proj` in one is `model.language_model.layers.0.mlp.up_proj` in another.
_TAIL = re.compile(r"[^.]+\.\d+\..+|[^.]*$")

Shape = tuple[int, ...]


class FitError(StoreError):
    """An adapter does not fit its base, has weights that are no numbers, or has no effect."""


def check_fit(adapter: Path, base: Path) -> None:
    """Checks an adapter's folder against its base's folder: every module, shape and target, and as
    `check_weights`.

    Raises:
        FitError: the first reason why the adapter cannot be served on this base.
        StoreError: the adapter's configuration cannot be served on any base.
    """
    path = adapter / WEIGHTS
    config = read_config(adapter / CONFIG)
    rank = config["r"]
    weights = _weights(base)
    tensors = _tensors(path)
    modules: dict[str, dict[str, Shape]] = defaultdict(dict)
    for name, tensor in sorted(tensors.items()):
        if not (match := _TENSOR.fullmatch(name)):
            raise FitError(f"{path}: {name} is not an A or B matrix of a linear layer")
        modules[match[1]][match[2]] = tuple(tensor["shape"])
    for module, shapes in modules.items():
        candidates = weights.get(_TAIL.findall(module)[0])
        if candidates is None:
            raise FitError(f"{adapter} does not fit {base}: the base has no module {module}")
        for matrix in {"A", "B"} - shapes.keys():
            raise FitError(f"{path} lacks the {matrix} matrix of {module}")
        fitting = [
            {"A": (rank, read), "B": (written, rank)}
            for shape in filter(None, candidates)
            for written, read in (shape, shape[::-1])  # GPT-2's Conv1D stores its weight transposed
        ]
        if None not in candidates and shapes not in fitting:
            raise FitError(
                f"{adapter} does not fit {base}: the matrices of {module} have the shapes {shapes}, "
                f"expected {fitting[0]}"
            )
    for target in config["target_modules"]:
        if not any(f".{module}".endswith(f".{target}") for module in modules):
            raise FitError(f"{path} has no matrices for {target}, which its target_modules name")
    _check_finite(path, tensors)
    _check_effect(path, tensors)


def check_weights(adapter: Path) -> None:
    """Checks that all weights of an adapter's folder are finite, and that at least one B matrix is not zero.

    Raises:
        FitError: a weight is NaN or infinite, which can change the answers of other adapters in the same batch; or all
            B matrices are zero, as before the first step of training, so that the adapter answers as the base does.
    """
    path = adapter / WEIGHTS
    tensors = _tensors(path)
    _check_finite(path, tensors)
    _check_effect(path, tensors)


def check_finite(adapter: Path) -> None:
    """Checks that all weights of an adapter's folder are finite.

    Raises:
        FitError: a weight is NaN or infinite.
    """
    _check_finite(adapter / WEIGHTS, _tensors(adapter / WEIGHTS))


def _check_finite(path: Path, tensors: dict[str, Any]) -> None:
    for name, tensor in sorted(tensors.items()):
        if (exponent := _EXPONENTS.get(tensor["dtype"])) is None:
            raise FitError(f"{path}: {name} is of type {tensor['dtype']}: expected {', '.join(_EXPONENTS)}")
        if np.any(np.frombuffer(tensor["data"], exponent.dtype) & exponent == exponent):
            raise FitError(
                f"{path}: {name} has weights that are NaN or infinite: train it again with a lower learning rate"
            )


def _check_effect(path: Path, tensors: dict[str, Any]) -> None:
    # The bytes of 0.0 and -0.0 are 0 and 0x80 in every float type.
    if not any(tensor["data"].strip(b"\0\x80") for name, tensor in tensors.items() if ".lora_B." in name):
        raise FitError(f"{path} changes nothing: all its B matrices are zero")


def _weights(base: Path) -> dict[str, set[Shape | None]]:
    """The shapes of weights by the tail of the module's name; None for one that is quantised or no matrix.

    A vision tower beside the language model may have modules of the same tails.
    """
    weights: dict[str, set[Shape | None]] = defaultdict(set)
    for path in sorted(base.glob("*.safetensors")):
        with _naming(path), safe_open(path, "numpy") as file:
            for name in file.keys():  # noqa: SIM118
                module, _, parameter = name.rpartition(".")
                tensor = file.get_slice(name)
                shape = tuple(tensor.get_shape())
                is_matrix = parameter == "weight" and len(shape) == 2 and tensor.get_dtype() in _EXPONENTS
                if parameter != "bias":
                    weights[_TAIL.findall(module)[0]].add(shape if is_matrix else None)
    return weights


def _tensors(path: Path) -> dict[str, Any]:
    with _naming(path):
        return dict(deserialize(path.read_bytes()))  # type: ignore[no-untyped-call]


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise FitError(f"{path} is missing") from None
    except (OSError, SafetensorError) as error:
        raise FitError(f"{path} is not a safetensors file: {error}") from error
