"""A step in micro-batches: which rows come together, and that loss and gradients are those of the whole batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import TrainingArguments

from tests.training.tuning.shapes import SHAPES, model_of
from training.tuning.rows import IGNORED, collate
from training.tuning.trainer import LineTrainer, micro_batches, shared_tokens

LENGTHS = ((12, 3), (30, 9), (7, 1), (18, 4))  # tokens, and how many of them are learnt


def batch_of(lengths: tuple[tuple[int, int], ...] = LENGTHS, shared: int = 0) -> dict[str, torch.Tensor]:
    """Rows of random tokens; `shared`: how many of them all rows begin with."""
    torch.manual_seed(1)
    instructions = torch.randint(3, 96, (shared,)).tolist()
    ids = [instructions + torch.randint(3, 96, (length - shared,)).tolist() for length, _ in lengths]
    return collate(
        [
            {"input_ids": row, "labels": [IGNORED] * (length - learnt) + row[-learnt:]}
            for row, (length, learnt) in zip(ids, lengths, strict=True)
        ]
    )


def trainer_of(shape: str, micro_batch: int, output: Path) -> LineTrainer:
    """In float32, so that rounding does not hide a difference."""
    model = get_peft_model(model_of(shape), LoraConfig(target_modules="all-linear", init_lora_weights=False, r=2))
    return LineTrainer(
        model,
        TrainingArguments(str(output), use_cpu=True, report_to="none"),
        micro_batch=micro_batch,
        data_collator=collate,
    )


def gradients(model: Any) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])


@pytest.mark.filterwarnings("ignore:fan_in_fan_out")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("micro_batch", [1, 31, 1000])  # row by row with checkpointing, in parts, all at once
@pytest.mark.parametrize("shared", [0, 6])
def test_loss_and_gradients_are_those_of_the_whole_batch(
    shape: str, micro_batch: int, shared: int, tmp_path: Path
) -> None:
    """Computed here with padding, attention mask and all logits."""
    trainer, batch = trainer_of(shape, micro_batch, tmp_path), batch_of(shared=shared)
    learnt = batch["labels"].ne(IGNORED).sum()
    loss = trainer.training_step(trainer.model, batch, learnt)
    computed = gradients(trainer.model)

    plain = trainer_of(shape, 1000, tmp_path).model.train()
    plain.get_output_embeddings()._forward_pre_hooks.clear()
    logits = plain(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    expected = cross_entropy(logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten(), ignore_index=IGNORED)
    expected.backward()
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(computed, gradients(plain), rtol=1e-3, atol=1e-5)
    validation, *_ = trainer.prediction_step(trainer.model, batch, True)
    torch.testing.assert_close(validation, expected.detach(), rtol=1e-4, atol=1e-5)


def test_the_head_sees_the_trained_positions_only(tmp_path: Path) -> None:
    trainer, seen = trainer_of("Llama", 1000, tmp_path), []
    head = trainer.model.get_output_embeddings()
    head.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    trainer.training_step(trainer.model, batch_of(), torch.tensor(17))
    assert seen == [(17, 96)]


def test_what_all_rows_begin_with_is_computed_once_and_never_a_trained_position(tmp_path: Path) -> None:
    batch, shapes = batch_of(((12, 3), (9, 8), (14, 4)), shared=6), []
    assert shared_tokens(batch) == 0  # the second row's first token already predicts one that is learnt
    batch = batch_of(((12, 3), (9, 3), (14, 4)), shared=6)
    assert shared_tokens(batch) == 5  # the sixth token of the second row predicts one that is learnt
    trainer = trainer_of("Llama", 1000, tmp_path)
    embeddings = trainer.model.get_input_embeddings()
    embeddings.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[:2])))
    trainer.training_step(trainer.model, batch, torch.tensor(10))
    assert shapes == [(1, 5), (3, 9)]


@pytest.mark.parametrize(("tokens", "widths"), [(1, [(1, 30), (1, 18), (1, 12), (1, 7)]), (60, [(2, 30), (2, 12)])])
def test_a_micro_batch_holds_at_most_its_tokens_or_one_row(tokens: int, widths: list[tuple[int, int]]) -> None:
    batch = batch_of()
    parts = list(micro_batches(batch, tokens))
    assert [tuple(part["input_ids"].shape) for part in parts] == widths
    ids = sorted(part["input_ids"][part["attention_mask"] == 1].sum().item() for part in parts)
    assert sum(ids) == batch["input_ids"].sum()
    assert sum(part["labels"].ne(IGNORED).sum() for part in parts) == batch["labels"].ne(IGNORED).sum()


def test_only_a_row_longer_than_a_micro_batch_is_computed_with_checkpointing(tmp_path: Path) -> None:
    trainer, states = trainer_of("Llama", 24, tmp_path), []
    trainer.model.register_forward_pre_hook(lambda *_: states.append(trainer.model.is_gradient_checkpointing))
    trainer.training_step(trainer.model, batch_of(), torch.tensor(17))
    assert states == [True, False, False]  # 30, 18, 12 and 7 tokens: the last two together
