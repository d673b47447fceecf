"""What a task is: the contract that training and serving share.

A task is one module in this package: `Request` and `Answer` (the public API), `Labels` (what the model
decides), and a subclass of `Task`, of which `TASK` is the one instance. Knows neither the engine nor the
trainer.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.manifest import Calibration, channel_of
from adapters.ontology import Ontology

SEPARATOR = "; "  # of the fields of an answer line
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


class Task(ABC, Generic[RequestT, LabelsT]):
    """One task, as training and serving see it: what each defines, and hooks that some override.

    Attributes:
        name: the endpoint and the adapter's name.
        summary: one line for the OpenAPI page.
        request, answer: the public API.
        labels: what the model decides.
        example: a request for the OpenAPI page.
        samples: how many lines are drawn for a request (1: greedy), of which `rank` picks one.
        temperature: of the sampling; 0 is greedy.
        streams: whether the text is sent while it is written.
        variant_field: the request's field that names a variant of the adapter, such as a voice.
        line_is_labels: the line is the fields of `labels` in their order, joined by `SEPARATOR`, the last of them
            perhaps several times. So an example may know the first fields only.
        counted: what an evaluation counts in labels, by name, the main first. Empty: an answer is right as a
            whole or wrong.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    request: type[RequestT]
    labels: type[LabelsT]
    answer: type[Answered]
    example: ClassVar[dict[str, Any]]
    samples: ClassVar[int] = 1
    temperature: ClassVar[float] = 0.0
    streams: ClassVar[bool] = False
    variant_field: ClassVar[str | None] = None
    line_is_labels: ClassVar[bool] = False
    counted: ClassVar[Mapping[str, Callable[[Any], Iterable[Hashable]]]] = {}

    @abstractmethod
    def prompt(self, request: RequestT, ontology: Ontology) -> list[Message]:
        """The chat messages for a request; the same in training and in serving."""

    @abstractmethod
    def encode(self, labels: LabelsT) -> str:
        """The answer line of some labels: `decode(encode(labels)) == labels`."""

    @abstractmethod
    def decode(self, line: str, request: RequestT, ontology: Ontology) -> LabelsT:
        """The labels of a line.

        Raises:
            LineError: the grammar does not admit the line.
        """

    @abstractmethod
    def grammar(self, request: RequestT, ontology: Ontology) -> str:
        """An EBNF grammar (xgrammar's dialect) of exactly the lines that decode.

        Compiled once where requests share it, else for each request.
        """

    @abstractmethod
    def expand(self, labels: LabelsT, request: RequestT, ontology: Ontology) -> dict[str, Any]:
        """The task's own fields of the answer, as keyword arguments of `answer`."""

    @abstractmethod
    def max_tokens(self, request: RequestT) -> int:
        """How many tokens a line may take."""

    def warm(self) -> list[RequestT]:
        """Requests whose grammars are compiled when the server starts."""
        return [self.request.model_validate(self.example)]

    def rank(self, labels: LabelsT, request: RequestT, ontology: Ontology) -> tuple[float, ...]:
        """Orders the samples of a request: the smallest is the best."""
        return ()

    def faithful(self, labels: LabelsT, request: RequestT, ontology: Ontology) -> bool:
        """Whether labels may be shown; if not, `fallback` is the answer."""
        return True

    def fallback(self, request: RequestT, ontology: Ontology) -> LabelsT | None:
        """Labels by rules alone, for when no output of the model can be shown; None: no answer."""
        return None

    def doubted(self, labels: LabelsT, request: RequestT, ontology: Ontology) -> LabelsT | None:
        """Labels to answer with when the confidence is below the threshold; None keeps the model's."""
        return None

    def complete(self, labels: LabelsT, request: RequestT, ontology: Ontology) -> LabelsT:
        """An example's labels as a line has them: defaults filled in, in the line's order."""
        return labels

    def channel(self, request: RequestT) -> str:
        """The adapter that a request asks for: `copywrite`, `copywrite/streetwear`."""
        variant = getattr(request, self.variant_field) if self.variant_field else None
        return channel_of(self.name, variant)

    def read(self, line: str, request: RequestT, ontology: Ontology) -> LabelsT | None:
        """The labels of a line; None where the grammar does not admit it."""
        try:
            return self.decode(line, request, ontology)
        except LineError:
            return None

    def decide(
        self,
        lines: Sequence[str],
        logprobs: Sequence[float],
        calibration: Calibration,
        request: RequestT,
        ontology: Ontology,
    ) -> Decided[LabelsT]:
        """The answer that some lines and their log-probabilities make."""
        chosen = self.choose(lines, request, ontology)
        if chosen is None:
            return Decided(self.fallback(request, ontology), 0.0, needs_review=True, source="fallback")
        labels, index = chosen
        confidence = calibration.confidence(logprobs[index])
        needs_review = confidence < calibration.threshold
        doubted = self.doubted(labels, request, ontology) if needs_review and calibration.fitted else None
        if doubted is not None:
            return Decided(doubted, confidence, needs_review, source="fallback")
        return Decided(labels, confidence, needs_review, source="model")

    def choose(self, lines: Sequence[str], request: RequestT, ontology: Ontology) -> tuple[LabelsT, int] | None:
        """The best of the lines that decode and its index; None if there is none that may be shown."""
        decoded = [
            (labels, i) for i, line in enumerate(lines) if (labels := self.read(line, request, ontology)) is not None
        ]
        best = min(decoded, key=lambda pair: self.rank(pair[0], request, ontology), default=None)
        return best if best and self.faithful(best[0], request, ontology) else None


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
