"""The kernel against PEFT's forward pass with an adapter for each row."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from server.cpu_lora.kernel import MANY_ROWS, NONE, Layer, Rows

BASE = "__base__"  # PEFT's name for no adapter
READ, WORDS, RANK = 24, 50, 8
FUSED = {"alone": (16,), "qkv": (16, 8, 8), "gate_up": (40, 40)}
COUNTS = (1, 7, MANY_ROWS - 1, MANY_ROWS, 2 * MANY_ROWS)


class Fused(nn.Module):
    """Linear layers that read the same input, as vLLM fuses them."""

    def __init__(self, outputs: tuple[int, ...]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Linear(READ, size, bias=False) for size in outputs)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([part(x) for part in self.parts], -1)


class Embedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([nn.Embedding(WORDS, READ)])

    def forward(self, x: Tensor) -> Tensor:
        embedded: Tensor = self.parts[0](x)
        return embedded


def adapted(model: nn.Module, ranks: list[int], seed: int = 0) -> nn.Module:
    """The model with adapters "0", "1", ... of these ranks and random weights."""
    torch.manual_seed(seed)
    configs = [LoraConfig(r=r, lora_alpha=3 * r, target_modules=r"parts\.\d") for r in ranks]
    peft = get_peft_model(model, configs[0], "0")
    for number, config in enumerate(configs[1:], 1):
        peft.add_adapter(str(number), config)
    for name, weight in peft.named_parameters():
        if "lora_" in name:
            weight.data.normal_()
    return peft.eval().requires_grad_(False)


class Slots:
    """One layer's slots, allocated and written as vLLM's LoRA layers do."""

    def __init__(self, model: nn.Module, count: int, dtype: torch.dtype = torch.float32) -> None:
        self.parts = list(model.base_model.model.parts)
        shapes = [part.base_layer.weight.shape for part in self.parts]
        self.a = tuple(torch.zeros(count, 1, RANK, read, dtype=dtype) for _, read in shapes)
        self.b = tuple(torch.zeros(count, 1, size, RANK, dtype=dtype) for size, _ in shapes)
        with torch.inference_mode():  # as in vLLM's first step
            self.layer = Layer(self.a, self.b)

    def write(self, slot: int, adapter: str) -> None:
        for part, a, b in zip(self.parts, self.a, self.b, strict=True):
            a[slot] = 0
            b[slot] = 0
            weight = part.lora_A[adapter].weight
            a[slot, 0, : len(weight)].copy_(weight)
            weight = part.lora_B[adapter].weight * part.scaling[adapter]
            b[slot, 0, :, : weight.shape[1]].copy_(weight)


def error(actual: Tensor, expected: Tensor) -> float:
    """Relative, in the Frobenius norm."""
    return float((actual.float() - expected).norm() / expected.norm())


def applied(slots: Slots, y: Tensor, x: Tensor, rows: list[int]) -> Tensor:
    y = y.clone()
    with torch.inference_mode():
        slots.layer.add(y, x, Rows(torch.tensor(rows)))
    return y


@st.composite
def mixes(draw: st.DrawFn, slots: list[int]) -> list[int]:
    """Rows of some of the slots, some of which have very many, in any order."""
    counts = draw(st.lists(st.tuples(st.sampled_from(slots), st.sampled_from(COUNTS)), min_size=1))
    rows = [slot for slot, count in counts[:12] for _ in range(count)]
    return [rows[i] for i in torch.randperm(len(rows))]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_mix_in_any_slots_equals_peft(data: st.DataObject) -> None:
    ranks = data.draw(st.lists(st.sampled_from([1, 4, RANK]), min_size=1, max_size=5))
    outputs = FUSED[data.draw(st.sampled_from(sorted(FUSED)))]
    model = adapted(Fused(outputs), ranks, data.draw(st.integers(0, 2**32 - 1)))
    count = data.draw(st.sampled_from([1, 3, 8, 100]))
    slots = Slots(model, count)
    held: dict[int, str] = {}
    for _ in range(data.draw(st.integers(1, 4))):  # steps, between which adapters come and go
        for slot in data.draw(st.sets(st.integers(0, count - 1), max_size=12)):
            held.pop(slot, None)  # evicted: vLLM leaves the weights until it writes the next
            if data.draw(st.booleans()):
                held[slot] = str(data.draw(st.integers(0, len(ranks) - 1)))
                with torch.inference_mode(data.draw(st.booleans())):
                    slots.write(slot, held[slot])
        rows = data.draw(mixes([NONE, *held]))
        length = len(rows)
        x = torch.randn(length, READ)
        base = model(x, adapter_names=[BASE] * length)
        y = applied(slots, base, x, rows)
        expected = model(x, adapter_names=[held.get(slot, BASE) for slot in rows])
        assert error(y, expected) < 1e-5
        bare = torch.tensor(rows) == NONE
        assert torch.equal(y[bare], base[bare])


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_an_embedding_gets_the_second_half_alone(data: st.DataObject) -> None:
    model = adapted(Embedding(), [RANK, RANK, RANK], data.draw(st.integers(0, 2**32 - 1)))
    part = model.base_model.model.parts[0]
    b = torch.zeros(3, 1, READ, RANK)
    layer = Layer((), (b,))
    for slot in range(3):
        b[slot, 0] = part.lora_embedding_B[str(slot)] * part.scaling[str(slot)]
    rows = data.draw(mixes([NONE, 0, 1, 2]))
    words = torch.randint(WORDS, (len(rows),))
    # vLLM looks up the row of slot 0 where there is no adapter
    a = [part.lora_embedding_A[str(max(slot, 0))][:, w] for slot, w in zip(rows, words, strict=True)]
    y = model(words, adapter_names=[BASE] * len(rows))
    layer.add_shrunk(y, (torch.stack(a),), Rows(torch.tensor(rows)))
    names = [str(slot) if slot != NONE else BASE for slot in rows]
    assert error(y, model(words, adapter_names=names)) < 1e-5


@pytest.mark.parametrize("length", COUNTS)
def test_a_row_in_a_batch_equals_the_row_alone(length: int) -> None:
    slots = Slots(adapted(Fused(FUSED["qkv"]), [4, RANK, 1]), 3)
    for slot in range(3):
        slots.write(slot, str(slot))
    rows = [index % 4 - 1 for index in range(length)]
    x, y = torch.randn(length, READ), torch.randn(length, 32)
    mixed = applied(slots, y, x, rows)
    for i in range(length):
        alone = applied(slots, y[i : i + 1], x[i : i + 1], rows[i : i + 1])
        assert error(mixed[i : i + 1], alone) < 1e-5


@pytest.mark.parametrize("length", COUNTS)
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_stay_with_their_own_rows(length: int, broken: float) -> None:
    slots = Slots(adapted(Fused(FUSED["qkv"]), [RANK, RANK]), 2)
    slots.write(0, "0")
    slots.write(1, "1")
    rows = [(1, 0, NONE)[i % 3] for i in range(length)]
    x, y = torch.randn(length, READ), torch.randn(length, 32)
    whole = applied(slots, y, x, rows)
    slots.a[0][0, 0, 0, 0] = broken
    slots.b[1][0, 0, 0, 0] = broken
    others = torch.tensor(rows) != 0
    assert torch.equal(applied(slots, y, x, rows)[others], whole[others])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("length", COUNTS)
def test_half_precision_is_right_to_its_last_digits(length: int, dtype: torch.dtype) -> None:
    model = adapted(Fused(FUSED["gate_up"]), [RANK, RANK])
    slots = Slots(model, 2, dtype)
    slots.write(0, "1")
    slots.write(1, "0")
    rows = [index % 3 - 1 for index in range(length)]
    x = torch.randn(length, READ).to(dtype)
    expected = model(x.float(), adapter_names=[(BASE, "1", "0")[slot + 1] for slot in rows])
    base = model(x.float(), adapter_names=[BASE] * length)
    assert error(applied(slots, base.to(dtype), x, rows), expected) < 4 * torch.finfo(dtype).eps
    wide = applied(slots, base, x, rows)  # outputs in float32, as of logits
    assert wide.dtype == torch.float32 and error(wide, expected) < 4 * torch.finfo(dtype).eps


def test_a_layer_that_no_row_adapts_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = Slots(adapted(Fused(FUSED["alone"]), [4]), 3)
    slots.write(1, "0")
    x, y = torch.randn(5, READ), torch.randn(5, 16)
    monkeypatch.setattr("server.cpu_lora.kernel.expand", None)
    for rows in ([NONE] * 5, [0, 2, NONE, 0, 0]):
        assert torch.equal(applied(slots, y, x, rows), y)
    with pytest.raises(TypeError):
        applied(slots, y, x, [0, 1, 2, NONE, 0])


@pytest.mark.parametrize("count", [3, 100])
def test_a_rewritten_slot_takes_effect_at_once(count: int) -> None:
    model = adapted(Fused(FUSED["qkv"]), [RANK, RANK])
    slots = Slots(model, count)
    x = torch.randn(3, READ)
    base = model(x, adapter_names=[BASE] * 3)
    for adapter in ("0", "1", "0"):
        slots.write(count - 1, adapter)
        assert torch.equal(applied(slots, base, x, [NONE, 0, 1]), base)
        expected = model(x, adapter_names=[BASE, adapter, adapter])
        assert error(applied(slots, base, x, [NONE, count - 1, count - 1]), expected) < 1e-5


def test_the_tensors_of_vllm_keep_their_values_and_shapes() -> None:
    a, b = torch.randn(3, 1, RANK, READ), torch.randn(3, 1, 16, RANK)
    before = a.clone(), b.clone()
    Layer((a,), (b,))
    assert torch.equal(a, before[0]) and torch.equal(b, before[1])


def test_outputs_narrower_than_the_weights_are_padding() -> None:
    slots = Slots(adapted(Fused(FUSED["alone"]), [4]), 1)
    slots.write(0, "0")
    x, y = torch.randn(2, READ), torch.randn(2, 20)
    full = applied(slots, y, x, [0, 0])
    assert torch.equal(full[:, 16:], y[:, 16:])
    assert torch.allclose(applied(slots, y[:, :12], x, [0, 0]), full[:, :12])
