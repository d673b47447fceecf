"""transformers' Trainer with a step of micro-batches of bounded size, and logits at the trained positions only.

Knows no task and no recipe. Called by `finetune` and `preview`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import DynamicCache, Trainer
from transformers.cache_utils import DynamicLayer, LinearAttentionCacheLayerMixin

from training.tuning.rows import IGNORED

Batch = dict[str, torch.Tensor]  # of `rows.collate`


class LineTrainer(Trainer):
    """Trains on one batch a step, in micro-batches of at most `micro_batch` tokens, padding included.

    The loss of a step is the mean over all its trained tokens, of all micro-batches and processes. The tokens that
    all rows begin with, the task's instructions, are computed once a micro-batch. A row that is longer than
    `micro_batch` is computed alone, with gradient checkpointing.
    """

    def __init__(self, model: Any, *arguments: Any, micro_batch: int, **options: Any) -> None:
        super().__init__(model, *arguments, **options)
        self.micro_batch = micro_batch
        self.model_accepts_loss_kwargs = True  # so that the trained tokens of all processes are counted
        self._trained: torch.Tensor | None = None
        self.shares_beginnings = can_share(model.get_base_model())
        # `logits_to_keep` takes the same columns of every row. The head's input is cut instead, to the trained
        # positions: with 49,000 to 256,000 words the logits of all positions would take gigabytes.
        model.get_output_embeddings().register_forward_pre_hook(lambda _, hidden: (hidden[0][self._trained],))

    def training_step(self, model: Any, inputs: Batch, num_items_in_batch: Any = None) -> torch.Tensor:
        """Accumulate the gradients of a step; returns its loss."""
        model.train()
        inputs = self._prepare_inputs(inputs)
        scale = self.accelerator.num_processes / num_items_in_batch  # gradients are averaged over the processes
        loss = torch.zeros((), device=self.args.device)
        parts = list(micro_batches(inputs, self.micro_batch, self.shares_beginnings))
        for number, part in enumerate(parts, 1):
            with nullcontext() if number == len(parts) else self.accelerator.no_sync(model):
                part_loss = self._summed_loss(model, part) * scale
                self.accelerator.backward(part_loss)
            loss += part_loss.detach()
        return loss

    def prediction_step(
        self, model: Any, inputs: Batch, prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> tuple[torch.Tensor, None, None]:
        """The mean loss over the trained tokens of a batch."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad():
            losses = [
                self._summed_loss(model, part)
                for part in micro_batches(inputs, self.micro_batch, self.shares_beginnings)
            ]
        return torch.stack(losses).sum() / inputs["labels"].ne(IGNORED).sum(), None, None

    def _summed_loss(self, model: Any, batch: Batch) -> torch.Tensor:
        next_tokens = batch["labels"].roll(-1, dims=1)  # the first token is never learnt, so none comes round
        trained = next_tokens != IGNORED
        checkpointing = batch["labels"].shape[1] > self.micro_batch
        if checkpointing != self.model.is_gradient_checkpointing:
            base = self.model.get_base_model()
            base.gradient_checkpointing_enable() if checkpointing else base.gradient_checkpointing_disable()
        shared = shared_tokens(batch) if self.shares_beginnings else 0
        cache: dict[str, Any] = {"use_cache": False}
        with self.accelerator.autocast():
            if shared:
                self._trained = torch.zeros_like(trained[:1, :shared])
                beginning = model(input_ids=batch["input_ids"][:1, :shared], use_cache=True).past_key_values
                beginning.batch_repeat_interleave(len(trained))
                cache = {"past_key_values": beginning}
            self._trained = trained[:, shared:]
            logits = model(input_ids=batch["input_ids"][:, shared:], **cache).logits
        return cross_entropy(logits.float(), next_tokens[trained], reduction="sum")


def micro_batches(batch: Batch, tokens: int, share: bool = True) -> Iterator[Batch]:
    """The rows of a batch, the longest first, in parts of at most `tokens` tokens or of one row.

    Padding counts. With `share` what all rows begin with counts once, but keys and values are held of at most twice as
    many tokens.
    """
    lengths, order = batch["attention_mask"].sum(dim=1).sort(descending=True, stable=True)
    shared = shared_tokens(batch) if share else 0
    start = 0
    while start < len(order):
        width = int(lengths[start])
        rows = order[start : start + max(1, min((tokens - shared) // (width - shared), 2 * tokens // width))]
        yield {name: values[rows, :width] for name, values in batch.items()}
        start += len(rows)


def shared_tokens(batch: Batch) -> int:
    """How many tokens all rows begin with, before the first one that has a loss; 0 for a single row."""
    if len(batch["input_ids"]) == 1:
        return 0
    is_shared = (batch["input_ids"] == batch["input_ids"][:1]) & (batch["labels"].roll(-1, dims=1) == IGNORED)
    return int(is_shared.all(dim=0).cumprod(dim=0).sum())


def can_share(model: Any) -> bool:
    """Whether all that a model keeps of the tokens it has read is keys and values, which rows can share."""
    layers = DynamicCache(config=model.config).layers
    is_recurrent = any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in layers)
    return not (model._is_stateful or is_recurrent) and all(isinstance(layer, DynamicLayer) for layer in layers)
