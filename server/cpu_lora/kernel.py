"""LoRA on a CPU: adds to a layer's output what the adapter of each row contributes, for any mix of adapters.

It goes row by row, with the weights of the row's slot alone (`server.cpu_lora.loops`). So the cost depends on the rows,
not on the adapters, and a row without an adapter keeps the base's output. Where one slot has very many rows, as when
prompts are read, two matrix products are faster.

Knows torch and how vLLM stacks a layer's slots, nothing else of vLLM. Called by `server.cpu_lora.layers`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
import torch
from torch import Tensor

from server.cpu_lora.loops import NONE, bits, expand, shrink

MANY_ROWS = 128  # of one slot: from here on matrix products are faster than loops


class Rows:
    """Which slot each row of a batch uses (`NONE`: no adapter), and whether loops or products compute its rows."""

    def __init__(self, slots: Tensor) -> None:
        counts = Counter(slots.tolist())
        del counts[NONE]
        self.used = frozenset(counts)
        many = [slot for slot, count in counts.items() if count >= MANY_ROWS]
        self.products = [(slot, _numbers(slots == slot)) for slot in many]
        self.looped = slots.masked_fill(torch.isin(slots, torch.tensor(many)), NONE).numpy()
        self.any_looped = len(many) < len(counts)


class Layer:
    """The slots of one layer, laid out so that a slot's weights are next to each other.

    vLLM's tensors become views of this layout. What vLLM writes to a slot is visible here at once: there is no second
    copy that could become stale.

    Args:
        a: for each slice of a fused layer, all slots' A, (slots, 1, rank, inputs); none for an
            embedding, which looks its A up.
        b: for each slice, all slots' B, (slots, 1, outputs, rank), with the scaling in it.
    """

    def __init__(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> None:
        slots, _, _, rank = b[0].shape
        ends = list(accumulate((part.shape[2] for part in b), initial=0))
        self._columns = [slice(*pair) for pair in pairwise(ends)]
        self._ranks = [slice(i * rank, (i + 1) * rank) for i in range(len(b))]
        with torch.inference_mode(False):  # in which tensors have no version
            self._a = b[0].new_empty(slots, len(a) * rank, a[0].shape[3] if a else 0)
            self._b = [part.new_empty(slots, rank, part.shape[2]) for part in b]
            for part, ranks in zip(a, self._ranks, strict=False):
                _move(part, self._a[:, None, ranks])
            for part, place in zip(b, self._b, strict=True):
                _move(part, place[:, None].mT)
        self._a_bits, self._b_bits = bits(self._a), [bits(part) for part in self._b]
        self._written = b
        self._version = NONE
        self._adapted: dict[int, bool] = {}

    def add(self, y: Tensor, x: Tensor, rows: Rows) -> None:
        """Adds B A x of each row's adapter to the base's outputs: `y` (rows, outputs), `x` (rows, inputs)."""
        if not self._touches(rows):
            return
        for slot, numbers in rows.products:
            h = _of(x, numbers).to(self._a.dtype) @ self._a[slot].mT
            self._add_products(y, h, slot, numbers)
        if rows.any_looped:
            h = np.empty((len(x), self._a.shape[1]), np.float32)
            shrink(h, bits(x.contiguous()), self._a_bits, rows.looped)
            self._add_loops(y, h, rows)

    def add_shrunk(self, y: Tensor, shrunk: Sequence[Tensor], rows: Rows) -> None:
        """The second half alone: `shrunk` holds for each slice A x, (rows, rank), each row by its slot's A."""
        if not self._touches(rows):
            return
        h = torch.cat([part.float() for part in shrunk], 1)
        for slot, numbers in rows.products:
            self._add_products(y, _of(h, numbers).to(self._a.dtype), slot, numbers)
        if rows.any_looped:
            self._add_loops(y, h.numpy(), rows)

    def _add_products(self, y: Tensor, h: Tensor, slot: int, rows: Tensor | None) -> None:
        added = h.new_empty(len(h), self._columns[-1].stop)
        for b, columns, ranks in zip(self._b, self._columns, self._ranks, strict=True):
            torch.mm(h[:, ranks], b[slot], out=added[:, columns])
        width = min(y.shape[1], added.shape[1])  # logits and their B may be padded differently
        if rows is None:
            y[:, :width] += added[:, :width]
        else:  # all columns at once: `index_add_` takes ten times as long on some of wider rows
            y[:, :width].index_add_(0, rows, added[:, :width].to(y.dtype))

    def _add_loops(self, y: Tensor, h: np.ndarray, rows: Rows) -> None:
        wide = y.float() if y.dtype == torch.float16 else y
        out = bits(wide)
        for b, columns, ranks in zip(self._b_bits, self._columns, self._ranks, strict=True):
            expand(out, h[:, ranks], b, rows.looped, columns.start)
        if wide is not y:
            y.copy_(wide)

    def _touches(self, rows: Rows) -> bool:
        """Whether an adapter of these rows has weights in this layer."""
        version = sum([part._version for part in self._written])
        if version != self._version:
            self._version, self._adapted = version, {}
        return any(self._has_weights(slot) for slot in rows.used)

    def _has_weights(self, slot: int) -> bool:
        if slot not in self._adapted:
            # A's first line is almost never all zero where there are weights; only if it is, B has to be read.
            weights = [self._a[slot, :1], *(b[slot] for b in self._b)]
            self._adapted[slot] = any(part.any() for part in weights)
        return self._adapted[slot]


def _numbers(chosen: Tensor) -> Tensor | None:
    """The numbers of the chosen rows; None if all are chosen."""
    return None if chosen.all() else chosen.nonzero()[:, 0]


def _of(tensor: Tensor, rows: Tensor | None) -> Tensor:
    return tensor if rows is None else tensor.index_select(0, rows)


def _move(tensor: Tensor, place: Tensor) -> None:
    """Copies the tensor to that place and makes it a view of it."""
    place.copy_(tensor)
    tensor.data = place
