"""The loops of `server.cpu_lora.kernel`, compiled by Numba: each row with its own slot's weights alone.

    shrink  h[row] = A[slot] x[row]
    expand  y[row] += B[slot] h[row]

Numba has no half precision: such numbers come as integers of 16 bits, which `bits` makes of a tensor, unsigned for
bfloat16 and signed for float16. Sums are in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from llvmlite.binding import ffi
from numba import njit, prange, types
from numba.extending import overload
from torch import Tensor

NONE = -1  # the slot of a row without an adapter
AT_ONCE = 4  # lines of A or of B that a loop reads together; ranks are multiples of it
# When vLLM's CPU worker starts, it reads `__dict__` of every object in every module (0.32,
# triton_utils/dispatcher.py). This object takes that for a function of LLVM's and raises what vLLM does not expect.
ffi.lib._fntab["__dict__"] = {}


def bits(tensor: Tensor) -> Any:
    """The tensor's own memory as an array that the loops can read and write."""
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.uint16)
    elif tensor.dtype == torch.float16:
        tensor = tensor.view(torch.int16)
    return tensor.numpy()


def _compiled(function: Callable[..., None]) -> Any:
    # Sums may be taken in any order; unlike with fastmath=True, infinities and NaN stay as they are.
    compiled = njit(parallel=True, fastmath={"reassoc", "contract", "nsz"})(function)
    with suppress(RuntimeError):  # without a writable folder, it is compiled at each start
        compiled.enable_caching()
    return compiled


def _wide(number: Any) -> Any:
    """In float32."""


def _narrow(number: Any, like: Any) -> Any:
    """Rounded from float32 to the type of `like`."""


# No annotations: Numba compares the arguments of the two functions with those of the ones that they overload.
@overload(_wide)
def _wide_of(number):  # type: ignore[no-untyped-def]
    if number == types.uint16:
        return lambda number: np.uint32(np.uint32(number) << np.uint32(16)).view(np.float32)
    if number == types.int16:

        def of_half(number):  # type: ignore[no-untyped-def]  # numbers below 2**-14 count as 0
            sign = np.uint32(np.uint32(np.uint32(number) & np.uint32(0x8000)) << np.uint32(16))
            digits = np.uint32(np.uint32(np.uint32(number) & np.uint32(0x7FFF)) << np.uint32(13))
            return np.uint32(sign | np.uint32(digits + np.uint32(112 << 23))).view(np.float32)

        return of_half
    return lambda number: number


@overload(_narrow)
def _narrow_to(number, like):  # type: ignore[no-untyped-def]
    if like == types.uint16:

        def rounded(number, like):  # type: ignore[no-untyped-def]
            digits = np.float32(number).view(np.uint32)
            even = np.uint32(np.uint32(digits >> np.uint32(16)) & np.uint32(1))
            return np.uint16(np.uint32(digits + np.uint32(0x7FFF) + even) >> np.uint32(16))

        return rounded
    return lambda number, like: number


@_compiled
def shrink(h: Any, x: Any, a: Any, slots: Any) -> None:
    """h (rows, ranks) float32, x (rows, inputs), a (slots, ranks, inputs), slots (rows,)."""
    for row in prange(x.shape[0]):
        slot = slots[row]
        if slot == NONE:
            continue
        factors = x[row]
        for rank in range(0, a.shape[1], AT_ONCE):
            a0, a1, a2, a3 = a[slot, rank], a[slot, rank + 1], a[slot, rank + 2], a[slot, rank + 3]
            h0 = h1 = h2 = h3 = np.float32(0)
            for i in range(factors.shape[0]):
                factor = _wide(factors[i])
                h0 += factor * _wide(a0[i])
                h1 += factor * _wide(a1[i])
                h2 += factor * _wide(a2[i])
                h3 += factor * _wide(a3[i])
            h[row, rank], h[row, rank + 1], h[row, rank + 2], h[row, rank + 3] = h0, h1, h2, h3


@_compiled
def expand(y: Any, h: Any, b: Any, slots: Any, first: int) -> None:
    """y (rows, columns), h (rows, ranks), b (slots, ranks, outputs): adds to the columns of y from `first` on."""
    for row in prange(h.shape[0]):
        slot = slots[row]
        if slot == NONE:
            continue
        outputs = y[row, first : first + b.shape[2]]
        sums = np.zeros(outputs.shape[0], np.float32)
        for rank in range(0, b.shape[1], AT_ONCE):
            b0, b1, b2, b3 = b[slot, rank], b[slot, rank + 1], b[slot, rank + 2], b[slot, rank + 3]
            h0, h1, h2, h3 = h[row, rank], h[row, rank + 1], h[row, rank + 2], h[row, rank + 3]
            for i in range(outputs.shape[0]):
                sums[i] += h0 * _wide(b0[i]) + h1 * _wide(b1[i])
                sums[i] += h2 * _wide(b2[i]) + h3 * _wide(b3[i])
        for i in range(outputs.shape[0]):
            outputs[i] = _narrow(_wide(outputs[i]) + sums[i], outputs[i])
