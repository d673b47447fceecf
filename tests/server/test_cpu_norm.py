"""The norm beside vLLM's own of the same weights, bit for bit but for the order of a sum."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

pytestmark = pytest.mark.engine

TYPES = (torch.bfloat16, torch.float16, torch.float32)


@pytest.fixture(scope="module", autouse=True)
def configured() -> Iterator[None]:
    """What vLLM's layers ask for when they are made."""
    from vllm.config import VllmConfig, set_current_vllm_config

    with mock.patch.dict(os.environ), set_current_vllm_config(VllmConfig()):
        yield


def pair(size: int, dtype: torch.dtype, seed: int = 0, **options: Any) -> tuple[Any, Any]:
    """Ours and vLLM's own, with the same weights."""
    from vllm.model_executor.layers.layernorm import RMSNorm

    from server.cpu_norm import CpuRMSNorm

    torch.manual_seed(seed)
    ours, own = CpuRMSNorm(size, dtype=dtype, **options), RMSNorm(size, dtype=dtype, **options)
    if own.has_weight:
        ours.weight.data = own.weight.data = 0.5 + torch.rand(size).to(dtype)
    return ours, own


def assert_same(ours: Tensor, own: Tensor) -> None:
    """A sum in another order may round a few elements to their neighbour."""
    assert ours.dtype == own.dtype
    torch.testing.assert_close(ours, own)
    if ours.dtype != torch.float32:
        assert (ours == own).float().mean() > 0.99


@settings(deadline=None)
@given(
    dtype=st.sampled_from(TYPES),
    rows=st.integers(1, 80),
    size=st.sampled_from([16, 64, 256, 20]),  # the last is none that the operation takes
    seed=st.integers(0, 2**32),
)
def test_it_computes_what_vllms_own_does(
    dtype: torch.dtype, rows: int, size: int, seed: int
) -> None:
    ours, own = pair(size, dtype, seed)
    x, residual = torch.randn(2, rows, size).to(dtype)
    assert_same(ours(x.clone()), own(x.clone()))
    for mine, theirs in zip(ours(x.clone(), residual), own(x.clone(), residual), strict=True):
        assert_same(mine, theirs)


def test_columns_are_read_where_they_lie() -> None:
    ours, own = pair(64, torch.bfloat16)
    x, residual = torch.randn(2, 64, 7).bfloat16().mT
    for mine, theirs in zip(ours(x, residual), own(x, residual), strict=True):
        assert_same(mine, theirs)


def test_heads_within_a_fused_product_are_read_where_they_lie() -> None:
    ours, own = pair(64, torch.bfloat16)
    qkv = torch.randn(7, 512).bfloat16()
    for heads in (qkv[:, :256].view(7, 4, 64), qkv[:, 256:384].view(7, 2, 64)):
        assert_same(ours(heads), own(heads))


@pytest.mark.parametrize(
    "options", [{"has_weight": False}, {"var_hidden_size": 16}], ids=["no weight", "part of it"]
)
def test_what_the_operation_cannot_do_is_left_to_vllm(options: dict[str, Any]) -> None:
    ours, own = pair(64, torch.bfloat16, **options)
    x = torch.randn(3, 64).bfloat16()
    assert torch.equal(ours(x), own(x))


def test_the_inputs_stay_as_they_were() -> None:
    ours, _ = pair(64, torch.float32)
    x, residual = torch.randn(2, 3, 64)
    before = x.clone(), residual.clone()
    ours(x, residual)
    assert torch.equal(x, before[0])
    assert torch.equal(residual, before[1])


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    from server import cpu_norm

    empty: dict[str, Any] = {}
    monkeypatch.setattr("vllm.model_executor.custom_op.op_registry_oot", empty)
    monkeypatch.setattr(cpu_norm, "op_registry_oot", empty)
    return empty


def test_vllm_makes_its_norms_of_it_once_it_is_registered(registry: dict[str, Any]) -> None:
    from vllm.model_executor.layers.layernorm import RMSNorm

    from server import cpu_norm

    assert type(RMSNorm(64)) is RMSNorm
    cpu_norm.register()
    cpu_norm.register()
    assert type(RMSNorm(64)) is cpu_norm.CpuRMSNorm


def test_an_operation_that_does_something_else_is_not_used(
    registry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from server import cpu_norm

    class Other:
        @staticmethod
        def default(out: Tensor, *_: Any) -> None:
            out.zero_()

    monkeypatch.setattr(torch.ops._C, "rms_norm", Other)
    cpu_norm.register()
    assert not registry
