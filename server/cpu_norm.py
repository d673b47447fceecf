"""RMS norms on a CPU by vLLM's C++ operation, which vLLM itself chooses on GPUs only.

vLLM's own norm on a CPU is up to eleven operations of torch's; a layer of Qwen3 has four norms.
Knows vLLM's layer and that operation; `server.lora_plugin` registers it, and vLLM then makes its
norms of this class. They round where vLLM's round: to the model's type before the weight and after.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from vllm.model_executor.custom_op import op_registry_oot
from vllm.model_executor.layers.layernorm import RMSNorm

VECTOR = 16  # elements read at once; the operation refuses a size that is no multiple


class CpuRMSNorm(RMSNorm):
    """vLLM's layer, with its own way for what the operation cannot do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fits = (
            self.has_weight
            and self.variance_size_override is None
            and self.hidden_size % VECTOR == 0
        )

    def forward_cpu(
        self, x: Tensor, residual: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        weight = self.weight.data
        if not self._fits or x.dtype != weight.dtype:
            return super().forward_cpu(x, residual)
        if residual is None:
            return _normed(x, weight, self.variance_epsilon)
        total = x.to(torch.float32, copy=True).add_(residual)
        return _normed(total, weight, self.variance_epsilon), total.to(x.dtype)


def register() -> None:
    """Only if the operation does what is expected of it; else vLLM's own norms stay."""
    if "RMSNorm" not in op_registry_oot and _as_expected():
        RMSNorm.register_oot(CpuRMSNorm, name="RMSNorm")


def _normed(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    x = x.contiguous()  # the operation reads it as if it were
    out = torch.empty_like(x)
    torch.ops._C.rms_norm.default(out, x, None, epsilon)
    return out.to(weight.dtype).mul_(weight)


def _as_expected() -> bool:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, VECTOR, generator=generator)
    weight, epsilon = torch.rand(VECTOR, generator=generator), 1e-5
    expected = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + epsilon) * weight
    try:
        return bool(torch.allclose(_normed(x, weight, epsilon), expected))
    except (AttributeError, RuntimeError):
        return False
