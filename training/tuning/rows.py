"""Examples as token ids, with a label at each token that is learnt. Called by `finetune`."""

from __future__ import annotations

from typing import Any

import torch
from rich.console import Console
from torch.nn.utils.rnn import pad_sequence

from adapters.ontology import Ontology
from adapters.prompts import end_token, text_ids, token_ids
from adapters.tasks.contract import Task
from training.examples import Example
from training.tuning.recipe import TrainingError

IGNORED = -100  # label of a token without loss
Row = dict[str, list[int]]  # input_ids and labels, of the same length
console = Console()


def rows(
    task: Task[Any, Any], examples: list[Example], tokenizer: Any, ontology: Ontology, max_length: int
) -> list[Row]:
    """The rows of the examples that fit into `max_length` tokens; prints how many were left out.

    Learnt are the known part of the answer line and, if all of it is known, the end token.

    Raises:
        TrainingError: an example has no token to learn.
        TemplateError: the tokenizer has no end token, or its template no place for the prompt.
    """
    end = end_token(tokenizer)
    fitting: list[Row] = []
    lengths = []
    for example in examples:
        prompt = token_ids(tokenizer, task.prompt(example.request, ontology))
        line = text_ids(tokenizer, example.known_line(task.encode(example.labels)))
        if example.known_fields is None:
            line.append(end)
        if not line:
            raise TrainingError(f"no token to learn in the example {example.request!r}: label its first field")
        lengths.append(len(prompt) + len(line))
        if lengths[-1] <= max_length:
            fitting.append({"input_ids": prompt + line, "labels": [IGNORED] * len(prompt) + line})
    if left_out := len(examples) - len(fitting):
        longest = f"the longest has {max(lengths):,}"
        console.print(f"{left_out} of {len(examples)} examples left out: over {max_length} tokens; {longest}")
    return fitting


def collate(batch: list[Row]) -> dict[str, torch.Tensor]:
    """Rows padded on the right, where causal attention never looks; the mask only counts the tokens."""

    def padded(lists: list[list[int]], value: int) -> torch.Tensor:
        return pad_sequence([torch.tensor(values) for values in lists], batch_first=True, padding_value=value)

    return {
        "input_ids": padded([row["input_ids"] for row in batch], 0),
        "labels": padded([row["labels"] for row in batch], IGNORED),
        "attention_mask": padded([[1] * len(row["labels"]) for row in batch], 0),
    }
