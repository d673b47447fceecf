"""What 1,000 answers cost here and at a hosted model, at prices that the user states.

Knows the task's prompt and line; a hosted model is taken to be given the same input, the names that
an answer may use, and to write the answer's JSON. Called by `training.cli`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from transformers import AutoTokenizer

from adapters.ontology import Ontology
from adapters.tasks.contract import Answered, Task
from training.examples import Example

# What a prompted model must be told and an adapter has learnt: the names an answer may use.
_NAMES = {"classify": ("categories", "color", "gender"), "extract": ("aspects", "use_cases")}


@dataclass(frozen=True, slots=True)
class Tokens:
    """Mean tokens of one request and its answer."""

    read: float
    written: float


def adapter_tokens(task: Task[Any, Any], examples: Sequence[Example], base: Path, ontology: Ontology) -> Tokens:
    """Prompt and answer line, with the base's tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    prompts = [
        tokenizer.apply_chat_template(task.prompt(e.request, ontology), add_generation_prompt=True, tokenize=False)
        for e in examples
    ]
    return Tokens(
        mean(_count(tokenizer, prompts)),
        mean(_count(tokenizer, [task.encode(e.labels) for e in examples])) + 1,  # and the end
    )


def hosted_tokens(task: Task[Any, Any], examples: Sequence[Example], base: Path, ontology: Ontology) -> Tokens:
    """The same input with the names an answer may use, and the answer's own fields as JSON.

    Counted with the base's tokenizer: a larger one takes somewhat fewer tokens for both.
    """
    tokenizer = AutoTokenizer.from_pretrained(base)
    instructions = f"{task.summary}. Answer in JSON: {', '.join(_fields(task))}."
    for kind in _NAMES.get(task.name, ()):
        instructions += f"\n{kind}: {', '.join(_names(kind, ontology))}"
    prompts = [f"{instructions}\n{e.request.model_dump_json(exclude_none=True)}" for e in examples]
    answers = [
        task.answer.model_construct(**task.expand(e.labels, e.request, ontology)).model_dump_json(include=_fields(task))
        for e in examples
    ]
    return Tokens(mean(_count(tokenizer, prompts)), mean(_count(tokenizer, answers)))


def hosted_price(tokens: Tokens, input_price: float, output_price: float) -> float:
    """Of 1,000 answers; the prices are for a million tokens."""
    return (tokens.read * input_price + tokens.written * output_price) / 1_000


def machine_price(hour_price: float, answers_per_second: float) -> float:
    """Of 1,000 answers on a machine that is kept busy."""
    return hour_price / 3_600 / answers_per_second * 1_000


def _fields(task: Task[Any, Any]) -> set[str]:
    return set(task.answer.model_fields) - set(Answered.model_fields)


def _names(kind: str, ontology: Ontology) -> list[str]:
    if kind in ontology.attributes:
        return list(ontology.attributes[kind].values)
    return list(getattr(ontology, kind))


def _count(tokenizer: Any, texts: list[str]) -> list[int]:
    return [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
