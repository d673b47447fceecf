"""What a task is: the contract that training and serving share.

A task is one module in this package. It defines `Request` and `Answer` (the public API), `Labels`
(what the model decides), `prompt`, `encode`, `decode`, `grammar` and `expand`, and ends with
`TASK = Task(...)`. Knows neither the engine nor the trainer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.manifest import Calibration, channel_of
from adapters.ontology import Ontology

Message = dict[str, str]  # {"role": "system" | "user" | "assistant", "content": ...}

# One line of printable text that neither begins nor ends with a space, and the same in EBNF.
TEXT = re.compile(r"[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?")
# `(X | " "+ X)*` says the same and takes xgrammar 15 ms a token instead of 2 microseconds.
TEXT_GRAMMAR = r"[^\x00-\x20\x7f] ([^\x00-\x1f\x7f]* [^\x00-\x20\x7f])?"


class LineError(ValueError):
    """A line is not one that the task's grammar admits."""


class Strict(BaseModel):
    """No unknown field, no value that was not asked for."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Copied(Strict):
    """Text that the model wrote, kept to the character, so that every line decodes to itself."""

    model_config = ConfigDict(str_strip_whitespace=False)


class Usage(Strict):
    """Tokens read and written for one answer."""

    prompt_tokens: int
    completion_tokens: int


class Answered(Strict):
    """What every answer carries beside the task's own fields."""

    model: str = Field(description="the adapter version that answered", examples=["classify@1"])
    request_id: str
    usage: Usage
    confidence: float = Field(ge=0, le=1, description="calibrated probability of a right answer")
    needs_review: bool = Field(description="confidence is below the task's threshold")
    source: Literal["model", "fallback"] = "model"


def limit(max_length: int) -> StringConstraints:
    """Of a text in a request: not blank, and no longer than that."""
    return StringConstraints(min_length=1, max_length=max_length)


RequestT = TypeVar("RequestT", bound=BaseModel)
LabelsT = TypeVar("LabelsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Decided(Generic[LabelsT]):
    """What to answer: labels (None where there are none to give), and how sure the model is."""

    labels: LabelsT | None
    confidence: float
    needs_review: bool
    source: Literal["model", "fallback"]


@dataclass(frozen=True, slots=True)
class Task(Generic[RequestT, LabelsT]):
    """One task, as training and serving see it.

    Attributes:
        prompt: the chat messages for a request; the same in training and in serving.
        encode: the answer line of some labels. `decode(encode(labels)) == labels`.
        decode: the labels that a line tells; raises LineError unless the grammar admits the line.
        grammar: an EBNF grammar (xgrammar's dialect) of exactly the lines that decode;
            compiled once where requests share it, else for each request.
        expand: the task's own fields of the answer, as keyword arguments of `answer`.
        warm: requests whose grammars are compiled at start.
        samples: how many answers are drawn (1: greedy), of which `rank` picks the smallest.
        fallback: labels from the request and the ontology alone, where the model's will not do.
        faithful: whether labels may be shown; if not, the fallback is.
        doubted: the labels to answer with in place of the model's where its confidence is below the
            version's threshold; None leaves the model's.
        complete: an example's labels as a line has them: what they leave out filled in by the
            task's own rule, in the line's order.
        counted: what an evaluation counts in labels, by name, the main first: things found, missed
            and made up. Without it an answer is right as a whole or wrong.
        variant_field: the request's field that names a variant of the adapter, such as a voice.
        example: a request for the OpenAPI page.
    """

    name: str
    summary: str
    request: type[RequestT]
    labels: type[LabelsT]
    answer: type[Answered]
    prompt: Callable[[RequestT, Ontology], list[Message]]
    encode: Callable[[LabelsT], str]
    decode: Callable[[str, RequestT, Ontology], LabelsT]
    grammar: Callable[[RequestT, Ontology], str]
    expand: Callable[[LabelsT, RequestT, Ontology], dict[str, Any]]
    max_tokens: Callable[[RequestT], int]
    example: dict[str, Any]
    warm: Callable[[], list[RequestT]]
    samples: int = 1
    temperature: float = 0.0
    rank: Callable[[LabelsT, RequestT, Ontology], tuple[float, ...]] | None = None
    fallback: Callable[[RequestT, Ontology], LabelsT] | None = None
    faithful: Callable[[LabelsT, RequestT, Ontology], bool] | None = None
    doubted: Callable[[LabelsT, RequestT, Ontology], LabelsT | None] | None = None
    complete: Callable[[LabelsT, RequestT, Ontology], LabelsT] | None = None
    counted: Mapping[str, Callable[[LabelsT], Iterable[Hashable]]] = field(default_factory=dict)
    streams: bool = False
    variant_field: str | None = None

    def channel(self, request: RequestT) -> str:
        """The adapter that a request asks for: `copywrite`, `copywrite/streetwear`."""
        variant = getattr(request, self.variant_field) if self.variant_field else None
        return channel_of(self.name, variant)

    def decide(
        self,
        lines: Sequence[str],
        logprobs: Sequence[float],
        calibration: Calibration,
        request: RequestT,
        ontology: Ontology,
    ) -> Decided[LabelsT]:
        """The answer that some lines and their log-probabilities make."""
        found = self.choose(lines, request, ontology)
        if found is None:
            labels = self.fallback(request, ontology) if self.fallback else None
            return Decided(labels, 0.0, needs_review=True, source="fallback")
        confidence = calibration.confidence(logprobs[found[1]])
        needs_review = confidence < calibration.threshold
        if needs_review and self.doubted and calibration.fitted:
            named = self.doubted(found[0], request, ontology)
            if named is not None:
                return Decided(named, confidence, needs_review, source="fallback")
        return Decided(found[0], confidence, needs_review, source="model")

    def choose(self, lines: Sequence[str], request: RequestT, ontology: Ontology) -> tuple[LabelsT, int] | None:
        """The best of the lines that decode and its index; None if it may not be shown."""
        decoded = []
        for i, line in enumerate(lines):
            try:
                decoded.append((self.decode(line, request, ontology), i))
            except LineError:
                continue
        rank = self.rank
        if decoded and rank is not None:
            decoded.sort(key=lambda pair: rank(pair[0], request, ontology))
        unfit = self.faithful is not None and not (decoded and self.faithful(decoded[0][0], request, ontology))
        return None if unfit or not decoded else decoded[0]


def spaced(name: str) -> str:
    """A name as people and lines have it: `ease of use`, fewer tokens than `ease_of_use`."""
    return name.replace("_", " ")


def literal(text: str) -> str:
    """A string as an EBNF terminal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def one_of(names: list[str]) -> str:
    """An EBNF alternation of strings."""
    return " | ".join(literal(name) for name in names)


def some_of(rule: str, names: Sequence[str], separator: str) -> list[str]:
    """EBNF rules, from `rule0` on, for one or more of the names, each once and in their order."""
    rules = []
    for i, name in enumerate(names):
        later = f"{rule}{i + 1}" if i + 1 < len(names) else ""
        more = f" ({literal(separator)} {later})? | {later}" if later else ""
        rules.append(f"{rule}{i} ::= {literal(name)}{more}")
    return rules


def ascending(items: Sequence[Any], order: Sequence[Any]) -> bool:
    """Whether each item is of the order's and comes once, after those before it."""
    kept = iter(order)
    return all(item in kept for item in items)
