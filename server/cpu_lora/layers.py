"""The operation that vLLM's LoRA layers call on a CPU, by `server.cpu_lora.kernel` instead of vLLM's code.

vLLM's operation copies A and B for each token, and applies the last slot's adapter to rows without one (vllm#48421).
Knows vLLM's interface between LoRA layers and operation. `server.cpu_lora.plugin` registers it with vLLM.
"""

from __future__ import annotations

from typing import Any

import numba
import torch
from torch import Tensor
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU

from server.cpu_lora.kernel import Layer, Rows


class CpuLora(PunicaWrapperCPU):
    """One object for all LoRA layers. Their `scale` is 1, since B has the scaling in it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        threads = torch.get_num_threads()
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        # Numba has just set OpenMP to every core. torch's public function does nothing: vLLM has replaced it.
        torch._C.set_num_threads(threads)
        self._layers: dict[int, tuple[Tensor, Layer]] = {}

    def update_metadata(self, mapping: Any, lora_index_to_id: list[int | None], *args: Any, **kwargs: Any) -> None:
        """Called before a step whose rows or slots differ from the step before."""
        super().update_metadata(mapping, lora_index_to_id, *args, **kwargs)
        self._tokens = Rows(self.token_lora_indices)
        self._samples = Rows(self.sampler_indices)

    def add_lora_linear(
        self,
        y: Tensor,
        x: Tensor,
        lora_a_stacked: tuple[Tensor, ...],
        lora_b_stacked: tuple[Tensor, ...],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        self._layer(lora_a_stacked, lora_b_stacked).add(y, x, self._tokens)

    def add_lora_embedding(self, y: Tensor, x: Tensor, lora_b_stacked: Tensor, *args: Any, **kwargs: Any) -> None:
        self._layer((), (lora_b_stacked,)).add_shrunk(y, (x,), self._tokens)

    def add_lora_logits(
        self, y: Tensor, x: Tensor, lora_a_stacked: Tensor, lora_b_stacked: Tensor, *args: Any, **kwargs: Any
    ) -> None:
        self._layer((lora_a_stacked,), (lora_b_stacked,)).add(y, x, self._samples)

    def add_expand(
        self,
        y: Tensor,
        x: Tensor,
        lora_b_stacked: tuple[Tensor, ...],
        output_slices: tuple[int, ...],
        offset_start: int = 0,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """The second half where layers are sharded; vLLM's `add_shrink` is the first."""
        self._layer((), lora_b_stacked).add_shrunk(y[:, offset_start:], x, self._tokens)

    def _layer(self, a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> Layer:
        key = id(b[0])
        if key not in self._layers:
            self._layers[key] = b[0], Layer(a, b)  # holding the tensor keeps its id unique
        return self._layers[key][1]
