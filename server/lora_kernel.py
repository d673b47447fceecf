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
FEW_ROWS = 32  # up to which one product for all slices is faster than one a slice
BITS = {2: torch.int16, 4: torch.int32}  # a bit mask stops NaN and infinity too, a factor does not


class Rows:
    """Which slot each row of a batch uses, and the masks that follow from it."""

    def __init__(self, slots: Tensor) -> None:
        self.used = frozenset(slots.tolist()) - {NONE}
        self._slots = slots
        self._masks: dict[tuple[int, torch.dtype], Tensor] = {}
        low, high = min(self.used, default=0), max(self.used, default=0)
        self._chosen = torch.arange(low, high + 1)
        self.chosen: slice | Tensor = slice(low, high + 1)  # of the slots: a view, if it is
        if len(self._chosen) > 2 * len(self.used):  # not mostly of slots that no row uses
            self._chosen = self.chosen = torch.tensor(sorted(self.used), dtype=torch.long)

    def keep_own(self, h: Tensor) -> None:
        """Clears what the chosen slots made of other slots' rows; the columns lie slot by slot."""
        key = h.shape[1], BITS[h.itemsize]
        if key not in self._masks:
            own = self._slots[:, None] == self._chosen
            self._masks[key] = -own.repeat_interleave(key[0] // len(self._chosen), 1).to(key[1])
        h.view(key[1]).bitwise_and_(self._masks[key])


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
        slots, _, _, rank = b[0].shape
        ends = list(accumulate((part.shape[2] for part in b), initial=0))
        self._columns = [slice(*pair) for pair in pairwise(ends)]
        self._held, self._version = b, NONE
        self._adapted: frozenset[int] = frozenset()
        with torch.inference_mode(False):  # in which tensors have no version
            self._a = b[0].new_empty(slots, len(a), rank, a[0].shape[3] if a else 0)
            self._b = b[0].new_zeros(slots, len(b), rank, ends[-1])
            for i, part in enumerate(a):
                _move(part, self._a[:, i, None])
            for i, part in enumerate(b):
                _move(part, self._b[:, i, :, self._columns[i]].mT[:, None])

    def add(self, y: Tensor, x: Tensor, rows: Rows) -> None:
        """Adds what each row's adapter makes of the inputs `x` to the base's outputs `y`."""
        if not self._touches(rows):
            return
        x = x.to(self._a.dtype)
        if len(x) <= FEW_ROWS:
            self._add(y, linear(x, self._a[rows.chosen].flatten(0, 2)), rows)
            return
        for i in range(len(self._columns)):
            self._add(y, linear(x, self._a[rows.chosen, i].flatten(0, 1)), rows, i)

    def add_shrunk(self, y: Tensor, shrunk: Sequence[Tensor], rows: Rows) -> None:
        """The second half alone: `shrunk` is, for each slice, each row times its own slot's A."""
        if not self._touches(rows):
            return
        for i, h in enumerate(shrunk):
            chosen = self._b[rows.chosen, i]
            self._add(y, h.to(chosen.dtype).repeat(1, len(chosen)), rows, i)

    def _add(self, y: Tensor, h: Tensor, rows: Rows, i: int | None = None) -> None:
        rows.keep_own(h)
        if i is None:
            b = self._b[rows.chosen].flatten(0, 2)
        else:
            b = self._b[rows.chosen, i, :, self._columns[i]].flatten(0, 1)
            y = y[:, self._columns[i]]
        width = min(y.shape[1], b.shape[1])  # logits and B may be padded differently
        y, b = y[:, :width], b[:, :width]
        if y.dtype == b.dtype:
            y.addmm_(h, b)
        else:
            y += h @ b

    def _touches(self, rows: Rows) -> bool:
        """Whether an adapter of these rows has weights in this layer."""
        version = sum(part._version for part in self._held)
        if version != self._version:
            largest = self._b.abs().amax((1, 2, 3))
            for slot in (~largest.isfinite()).nonzero():
                # 0 times infinity is NaN: such weights would reach the rows of other adapters.
                self._b[slot] = self._b[slot].nan_to_num()
            self._adapted = frozenset(largest.nonzero().flatten().tolist())
            self._version = version
        return not self._adapted.isdisjoint(rows.used)


def _move(tensor: Tensor, place: Tensor) -> None:
    """Has the tensor lie in that place from now on."""
    place.copy_(tensor)
    tensor.data = place
