"""LoRA on a CPU: what each row's adapter adds to a layer's output, all adapters in one product.

    h = x @ A.T     with the A of every slot under each other
    h = h & mask    which leaves a row what its own slot made of it
    y += h @ B      with the B of every slot under each other

A row without an adapter keeps nothing of `h`, so its output stays what the base computed. Knows
torch and how vLLM stacks a layer's slots, nothing else of vLLM; `server.lora_plugin` calls it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor
from torch.nn.functional import linear

NONE = -1  # the slot of a row without an adapter
FEW_SLOTS = 8  # up to which all are multiplied by, not only those that a row uses
FEW_ROWS = 32  # up to which one product for all slices is faster than one a slice
BITS = {2: torch.int16, 4: torch.int32}  # a bit mask stops NaN and infinity too, a factor does not


class Rows:
    """Which slot each row of a batch uses, and the masks that follow from it.

    Args:
        slots: each row's.
        count: of the slots that there are.
    """

    def __init__(self, slots: Tensor, count: int) -> None:
        self.used = frozenset(slots.tolist()) - {NONE}
        few = count <= FEW_SLOTS
        self.chosen = tuple(range(count)) if few else tuple(sorted(self.used))
        self._slots = slots
        self._masks: dict[tuple[int, torch.dtype], Tensor] = {}

    def mask(self, h: Tensor, rank: int) -> Tensor:
        """All bits where `h`, with the chosen slots' columns for each slice, is a row's own."""
        key = h.shape[1], h.dtype
        if key not in self._masks:
            own = (self._slots[:, None] == torch.tensor(self.chosen)).repeat_interleave(rank, 1)
            self._masks[key] = -own.repeat(1, key[0] // own.shape[1]).to(BITS[h.itemsize])
        return self._masks[key]


class Layer:
    """The slots of one layer, laid out for the product.

    vLLM's own tensors become views of this layout. What it writes to a slot is here at once: there
    is no second copy that could go stale.

    Args:
        a: for each slice of a fused layer, all slots' A, (slots, 1, rank, inputs); none for an
            embedding, which looks its A up.
        b: for each slice, all slots' B, (slots, 1, outputs, rank), with the scaling in it.
    """

    def __init__(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> None:
        slots, _, _, self._rank = b[0].shape
        ends = list(accumulate((part.shape[2] for part in b), initial=0))
        self._columns = [slice(*pair) for pair in pairwise(ends)]
        with torch.inference_mode(False):  # in which tensors have no version
            self._a = b[0].new_empty(len(a), slots, self._rank, a[0].shape[3] if a else 0)
            self._b = b[0].new_zeros(len(b), slots, self._rank, ends[-1])
            for i, part in enumerate(a):
                _move(part, self._a[i, :, None])
            for i, part in enumerate(b):
                _move(part, self._b[i, :, :, self._columns[i]].mT[:, None])
        self._written = b
        self._version = NONE
        self._adapted: frozenset[int] = frozenset()
        self._chosen: tuple[int, ...] = ()

    def add(self, y: Tensor, x: Tensor, rows: Rows) -> None:
        """Adds what each row's adapter makes of the inputs `x` to the base's outputs `y`."""
        if self._touches(rows):
            self._expand(y, linear(x.to(self._a.dtype), self._chosen_a), rows)

    def add_shrunk(self, y: Tensor, shrunk: Sequence[Tensor], rows: Rows) -> None:
        """The second half alone: `shrunk` is, for each slice, each row times its own slot's A."""
        if self._touches(rows):
            parts = [part.to(self._b.dtype).repeat(1, len(rows.chosen)) for part in shrunk]
            self._expand(y, torch.cat(parts, 1), rows)

    def _expand(self, y: Tensor, h: Tensor, rows: Rows) -> None:
        mask, b = rows.mask(h, self._rank), self._chosen_b
        h.view(mask.dtype).bitwise_and_(mask)
        if len(h) <= FEW_ROWS or len(self._columns) == 1:
            width = min(y.shape[1], b.shape[1])  # logits and their B may be padded differently
            _add(y[:, :width], h, b[:, :width])
            return
        width = len(rows.chosen) * self._rank
        for i, columns in enumerate(self._columns):
            own = slice(i * width, (i + 1) * width)
            _add(y[:, columns], h[:, own], b[own, columns])

    def _touches(self, rows: Rows) -> bool:
        """Whether an adapter of these rows has weights here; if so, the matrices are ready."""
        version = sum([part._version for part in self._written])
        if version != self._version:
            largest = self._b.abs().amax((0, 2, 3))
            for slot in (~largest.isfinite()).nonzero():
                # 0 times infinity is NaN: such weights would reach the rows of other adapters.
                self._b[:, slot] = self._b[:, slot].nan_to_num()
            self._adapted = frozenset(largest.nonzero().flatten().tolist())
            self._version, self._chosen = version, ()
        if self._adapted.isdisjoint(rows.used):
            return False
        if rows.chosen != self._chosen:
            chosen = slice(None) if len(rows.chosen) == self._b.shape[1] else list(rows.chosen)
            self._chosen_a = self._a[:, chosen].flatten(0, 2)  # a view, if all are chosen
            self._chosen_b = self._b[:, chosen].flatten(0, 2)
            self._chosen = rows.chosen
        return True


def _add(y: Tensor, h: Tensor, b: Tensor) -> None:
    if y.dtype == b.dtype:
        y.addmm_(h, b)
    else:
        y += h @ b


def _move(tensor: Tensor, place: Tensor) -> None:
    """Has the tensor lie in that place from now on."""
    place.copy_(tensor)
    tensor.data = place
