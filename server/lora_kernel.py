"""LoRA on a CPU: what each row's adapter adds to a layer's output, however many they are.

    h = the sum of its slot's A, input by input, each weighted with that input
    y += the sum of its slot's B, rank by rank, each weighted with that element of h

which is what an embedding bag does: it reads the weights where they lie, a row's own and no others.
So the cost is by row, not by adapter, and a row without one keeps what the base computed. Where a
slot has very many rows, as when prompts are read, two products of matrices are faster.

Knows torch and how vLLM stacks a layer's slots, nothing else of vLLM. Called by
`server.lora_plugin`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor

NONE = -1  # the slot of a row without an adapter
MANY_ROWS = 128  # of one slot, from which on products are faster than sums


class Rows:
    """Which slot each row of a batch uses, and how its rows are worked off."""

    def __init__(self, slots: Tensor) -> None:
        counts = Counter(slots.tolist())
        del counts[NONE]
        self.used = frozenset(counts)
        many = [slot for slot, count in counts.items() if count >= MANY_ROWS]
        self.products = [(slot, _numbers(slots == slot)) for slot in many]
        summed = torch.isin(slots, torch.tensor([NONE, *many]), invert=True)
        self.summed = _numbers(summed)
        self._slots = slots[summed, None]
        self._lines: dict[int, tuple[Tensor, Tensor]] = {}

    def lines(self, count: int) -> tuple[Tensor, Tensor]:
        """Of all slots' lines, so many each, those of each row's own; and where a row begins."""
        if count not in self._lines:
            lines = (self._slots * count + torch.arange(count)).flatten()
            self._lines[count] = lines, torch.arange(0, len(lines), count)
        return self._lines[count]


class Layer:
    """The slots of one layer, laid out so that a slot's weights are next to each other.

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
        self._ranks = [slice(i * rank, (i + 1) * rank) for i in range(len(b))]
        with torch.inference_mode(False):  # in which tensors have no version
            self._a = b[0].new_empty(slots, a[0].shape[3] if a else 0, len(a) * rank)
            self._b = [part.new_empty(slots, rank, part.shape[2]) for part in b]
            for part, own in zip(a, self._ranks, strict=False):
                _move(part, self._a[:, None, :, own].mT)
            for part, place in zip(b, self._b, strict=True):
                _move(part, place[:, None].mT)
        self._written = b
        self._version = NONE
        self._adapted: dict[int, bool] = {}

    def add(self, y: Tensor, x: Tensor, rows: Rows) -> None:
        """Adds what each row's adapter makes of the inputs `x` to the base's outputs `y`."""
        if not self._touches(rows):
            return
        x = x.to(self._a.dtype)
        for slot, own in rows.products:
            self._add_products(y, _of(x, own) @ self._a[slot], slot, own)
        if len(own := _of(x, rows.summed)):
            self._add_sums(y, _sums(self._a, own, rows), rows)

    def add_shrunk(self, y: Tensor, shrunk: Sequence[Tensor], rows: Rows) -> None:
        """The second half alone: `shrunk` is, for each slice, each row times its own slot's A."""
        if not self._touches(rows):
            return
        h = torch.cat([part.to(self._b[0].dtype) for part in shrunk], 1)
        for slot, own in rows.products:
            self._add_products(y, _of(h, own), slot, own)
        if len(own := _of(h, rows.summed)):
            self._add_sums(y, own, rows)

    def _add_products(self, y: Tensor, h: Tensor, slot: int, rows: Tensor | None) -> None:
        made = h.new_empty(len(h), self._columns[-1].stop)
        for b, columns, ranks in zip(self._b, self._columns, self._ranks, strict=True):
            torch.mm(h[:, ranks], b[slot], out=made[:, columns])
        _add(y, made, rows)

    def _add_sums(self, y: Tensor, h: Tensor, rows: Rows) -> None:
        made = [_sums(b, h[:, ranks], rows) for b, ranks in zip(self._b, self._ranks, strict=True)]
        _add(y, torch.cat(made, 1), rows.summed)

    def _touches(self, rows: Rows) -> bool:
        """Whether an adapter of these rows has weights here."""
        version = sum([part._version for part in self._written])
        if version != self._version:
            self._version, self._adapted = version, {}
        return any(self._has_weights(slot) for slot in rows.used)

    def _has_weights(self, slot: int) -> bool:
        if slot not in self._adapted:
            # The first line nearly always tells; only where it is all zero, B has to be read.
            weights = [self._a[slot, :1], *(b[slot] for b in self._b)]
            self._adapted[slot] = any(part.any() for part in weights)
        return self._adapted[slot]


def _numbers(chosen: Tensor) -> Tensor | None:
    """Of the chosen rows; None if they are all."""
    return None if chosen.all() else chosen.nonzero()[:, 0]


def _of(tensor: Tensor, rows: Tensor | None) -> Tensor:
    return tensor if rows is None else tensor.index_select(0, rows)


def _sums(weights: Tensor, factors: Tensor, rows: Rows) -> Tensor:
    """For each row its own slot's lines, weighted with its factors."""
    lines, begins = rows.lines(weights.shape[1])
    # torch.nn.functional's takes twice as long for one row, since it makes `begins` each time.
    sums: Tensor = torch.embedding_bag(
        weights.flatten(0, 1),
        lines,
        begins,
        mode=0,  # sum
        per_sample_weights=factors.reshape(-1),
    )[0]
    return sums


def _add(y: Tensor, made: Tensor, rows: Tensor | None) -> None:
    """All columns at once: `index_add_` takes ten times as long on some of wider rows."""
    width = min(y.shape[1], made.shape[1])  # logits and their B may be padded differently
    y, made = y[:, :width], made[:, :width]
    if rows is None:
        y += made
    else:
        y.index_add_(0, rows, made.to(y.dtype))


def _move(tensor: Tensor, place: Tensor) -> None:
    """Has the tensor lie in that place from now on."""
    place.copy_(tensor)
    tensor.data = place
