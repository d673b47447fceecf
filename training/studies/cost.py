"""The cost of 1,000 answers here and at a hosted model, at prices that the user states.

The hosted model is assumed to read the same input and the names that an answer may use, and to write the
answer as JSON. Called by `training.studies.cli`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from transformers import AutoTokenizer

from adapters.ontology import Ontology
from adapters.prompts import token_ids
from adapters.tasks.contract import Answered, Task
from training.examples import Example
from training.tasks import training_task


@dataclass(frozen=True, slots=True)
class Tokens:
    """Mean tokens of one request and its answer."""

    read: float
    written: float


def adapter_tokens(task: Task[Any, Any], examples: Sequence[Example], base: Path, ontology: Ontology) -> Tokens:
    """Tokens of prompt and answer line, by the base's tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    return Tokens(
        mean(len(token_ids(tokenizer, task.prompt(e.request, ontology))) for e in examples),
        mean(_count(tokenizer, [task.encode(e.labels) for e in examples])) + 1,  # the end token
    )


def hosted_tokens(task: Task[Any, Any], examples: Sequence[Example], base: Path, ontology: Ontology) -> Tokens:
    """Tokens of a prompt with the names that an answer may use, and of the answer's own fields as JSON.

    Counted by the base's tokenizer: a larger vocabulary needs somewhat fewer tokens for both.
    """
    tokenizer = AutoTokenizer.from_pretrained(base)
    fields = own_fields(task)
    instructions = f"{task.summary}. Answer in JSON: {', '.join(fields)}."
    for kind in training_task(task.name).hosted_names:
        attribute = ontology.attributes.get(kind)
        instructions += f"\n{kind}: {', '.join(attribute.values if attribute else getattr(ontology, kind))}"
    prompts = [f"{instructions}\n{e.request.model_dump_json(exclude_none=True)}" for e in examples]
    answers = [
        task.answer.model_construct(**task.expand(e.labels, e.request, ontology)).model_dump_json(include={*fields})
        for e in examples
    ]
    return Tokens(mean(_count(tokenizer, prompts)), mean(_count(tokenizer, answers)))


def hosted_price(tokens: Tokens, input_price: float, output_price: float) -> float:
    """Price of 1,000 answers; the prices given are for a million tokens."""
    return (tokens.read * input_price + tokens.written * output_price) / 1_000


def machine_price(hour_price: float, answers_per_second: float) -> float:
    """Price of 1,000 answers on a machine that is kept busy."""
    return hour_price / 3_600 / answers_per_second * 1_000


def own_fields(task: Task[Any, Any]) -> list[str]:
    """The fields of the task's answer that not every answer has, in their order."""
    return [name for name in task.answer.model_fields if name not in Answered.model_fields]


def _count(tokenizer: Any, texts: list[str]) -> list[int]:
    return [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
