"""What a task is: the contract that training and serving share.

A task is one module of this package: `Request` and `Answer` (the public API), `Labels` (what the model decides), and a
subclass of `Task` with its one instance `TASK`. The model writes labels as an answer line: one short line of text,
constrained by a grammar. Does not know the engine or the trainer.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from annotated_types import GroupedMetadata
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from adapters.cleaning import plain
from adapters.confidence import Completion, features
from adapters.manifest import Calibration, channel_of
from adapters.ontology import Ontology
from adapters.prompts import Message as Message

_SURROGATE = re.compile("[\ud800-\udfff]")
SEPARATOR = "; "  # of the fields of an answer line

# One line of printable text that neither begins nor ends with a space, and the same in EBNF.
TEXT = re.compile(r"[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?")
# The equivalent `(X | " "+ X)*` takes xgrammar 15 ms a token instead of 2 microseconds.
TEXT_GRAMMAR = r"[^\x00-\x20\x7f] ([^\x00-\x1f\x7f]* [^\x00-\x20\x7f])?"


class LineError(ValueError):
    """The task's grammar does not admit the line."""


def one_line(text: str) -> str:
    """The text.

    Raises:
        LineError: it is not one line of printable text without spaces around it.
    """
    if not TEXT.fullmatch(text):
        raise LineError("not one line of text")
    return text


Line = Annotated[str, AfterValidator(one_line)]


class Strict(BaseModel):
    """Refuses unknown fields; strips white space around texts."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Copied(Strict):
    """Keeps the model's text to the character, so that encoding a decoded line gives the same line."""

    model_config = ConfigDict(str_strip_whitespace=False)


class Usage(Strict):
    """Tokens of the prompt and of the answer."""

    prompt_tokens: int
    completion_tokens: int


class Answered(Strict):
    """The fields that every task's answer has."""

    model: str = Field(description="the adapter version that answered", examples=["classify@1"])
    request_id: str
    usage: Usage
    confidence: float = Field(ge=0, le=1, description="calibrated probability that the answer is right")
    needs_review: bool = Field(description="confidence is below the task's threshold")
    source: Literal["model", "fallback"] = "model"


@dataclass(frozen=True, slots=True)
class limit(GroupedMetadata):
    """A text in a request: cleaned, then not blank and at most `max_length` characters."""

    max_length: int

    def __iter__(self) -> Iterator[Any]:
        yield StringConstraints(min_length=1, max_length=self.max_length)
        yield BeforeValidator(_cleaned)


def _cleaned(text: Any) -> Any:
    """What is no text, lone surrogates among it, is left for pydantic to refuse."""
    return plain(text) if isinstance(text, str) and not _SURROGATE.search(text) else text


RequestT = TypeVar("RequestT", bound=BaseModel)
LabelsT = TypeVar("LabelsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Candidate(Generic[LabelsT]):
    """Labels that may be the answer, with the features that the confidence in them is computed from."""

    labels: LabelsT
    features: dict[str, float]


@dataclass(frozen=True, slots=True)
class Decided(Generic[LabelsT]):
    """Labels to answer with, None if there are none, and the confidence in them."""

    labels: LabelsT | None
    confidence: float
    needs_review: bool
    source: Literal["model", "fallback"]


class Task(ABC, Generic[RequestT, LabelsT]):
    """One task: the abstract methods that each task defines, and hooks with defaults that a task may override.

    Attributes:
        name: the task's name, in the path of its endpoint and in the names of its adapters.
        summary: one line for the OpenAPI page.
        request, answer: the public API.
        labels: what the model decides.
        example: a request for the OpenAPI page.
        samples: how many lines are sampled for a request; `rank` picks the best.
        temperature: of sampling; 0 is greedy decoding.
        streams: whether a request may ask for server-sent events.
        variant_field: the request's field that names a variant of the adapter, such as a voice.
        line_is_labels: the line is the fields of `labels` in their order, joined by `SEPARATOR`, the last of them
            perhaps several times. So an example may know the first fields only.
        counted: the items of labels for which an evaluation reports precision and recall, by name, the main one first.
            Empty: an answer is right as a whole or wrong.
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
        """The answer line of labels; `decode(encode(labels)) == labels`."""

    @abstractmethod
    def decode(self, line: str, request: RequestT, ontology: Ontology) -> LabelsT:
        """The labels of a line.

        Raises:
            LineError: the grammar does not admit the line.
        """

    @abstractmethod
    def grammar(self, request: RequestT, ontology: Ontology) -> str:
        """An EBNF grammar (xgrammar's dialect) of exactly the lines that decode. Equal grammars are compiled once."""

    @abstractmethod
    def expand(self, labels: LabelsT, request: RequestT, ontology: Ontology) -> dict[str, Any]:
        """The task's own fields of the answer, as keyword arguments of `answer`."""

    @abstractmethod
    def max_tokens(self, request: RequestT) -> int:
        """The limit on the tokens of a line."""

    def warm(self) -> list[RequestT]:
        """Requests whose grammars are compiled when the server starts."""
        return [self.request.model_validate(self.example)]

    def rank(self, labels: LabelsT, request: RequestT, ontology: Ontology) -> tuple[float, ...]:
        """The sort key of a request's samples: the smallest is the best."""
        return ()

    def faithful(self, labels: LabelsT, request: RequestT, ontology: Ontology) -> bool:
        """Whether the model's labels are accepted; if not, `fallback` gives the answer."""
        return True

    def fallback(self, request: RequestT, ontology: Ontology) -> LabelsT | None:
        """Labels by rules alone, for when the model's output was rejected; None: there is no answer."""
        return None

    def doubted(self, labels: LabelsT, request: RequestT, ontology: Ontology) -> LabelsT | None:
        """Labels by rules for when the confidence is below the threshold; None: rules say nothing else.

        They are the answer if the confidence in them is higher.
        """
        return None

    def decisive(self, line: str) -> str | None:
        """The beginning of a line that alone decides whether its answer is right; None: all of the line."""
        return None

    def evidence(self, labels: LabelsT, request: RequestT, ontology: Ontology) -> dict[str, float]:
        """What speaks for labels besides the model, as numbers by name for the confidence.

        None of them may grow with the length of the request. Computed for every answer: microseconds.
        """
        return {}

    def complete(self, labels: LabelsT, request: RequestT, ontology: Ontology) -> LabelsT:
        """A training example's labels as the line has them: defaults filled in, in the line's order."""
        return labels

    def channel(self, request: RequestT) -> str:
        """The channel of the adapter that answers a request: `copywrite`, `copywrite/streetwear`."""
        variant = getattr(request, self.variant_field) if self.variant_field else None
        return channel_of(self.name, variant)

    def read(self, line: str, request: RequestT, ontology: Ontology) -> LabelsT | None:
        """The labels of a line; None if the grammar does not admit it."""
        try:
            return self.decode(line, request, ontology)
        except LineError:
            return None

    def decide(
        self, completions: Sequence[Completion], calibration: Calibration, request: RequestT, ontology: Ontology
    ) -> Decided[LabelsT]:
        """The answer to a request, from the sampled lines: the model's, or that of rules if it is likelier right."""
        written = self.written(completions, request, ontology)
        confidence = calibration.confidence("model", written.features) if written else 0.0
        if written is None or confidence < calibration.threshold:
            ruled = self.ruled(written, request, ontology)
            by_rules = calibration.confidence("fallback", ruled.features) if ruled else 0.0
            if written is None or by_rules > confidence:
                labels = ruled.labels if ruled else None
                return Decided(labels, by_rules, by_rules < calibration.threshold, "fallback")
        return Decided(written.labels, confidence, confidence < calibration.threshold, "model")

    def written(
        self, completions: Sequence[Completion], request: RequestT, ontology: Ontology
    ) -> Candidate[LabelsT] | None:
        """The model's answer; None if no line is one."""
        chosen = self.choose([completion.text for completion in completions], request, ontology)
        if chosen is None:
            return None
        labels, index = chosen
        evidence = self.evidence(labels, request, ontology)
        return Candidate(labels, features(completions, index, self.decisive(completions[index].text), evidence))

    def ruled(
        self, written: Candidate[LabelsT] | None, request: RequestT, ontology: Ontology
    ) -> Candidate[LabelsT] | None:
        """The answer by rules where the model has this one, or none; its features say what speaks for the model's."""
        labels = self.doubted(written.labels, request, ontology) if written else self.fallback(request, ontology)
        if labels is None:
            return None
        against = {f"model_{name}": value for name, value in written.features.items()} if written else {}
        return Candidate(labels, against | self.evidence(labels, request, ontology))

    def choose(self, lines: Sequence[str], request: RequestT, ontology: Ontology) -> tuple[LabelsT, int] | None:
        """The best of the lines that decode, with its index; None if there is none or it is not faithful."""
        decoded = [
            (labels, i) for i, line in enumerate(lines) if (labels := self.read(line, request, ontology)) is not None
        ]
        best = min(decoded, key=lambda pair: self.rank(pair[0], request, ontology), default=None)
        return best if best and self.faithful(best[0], request, ontology) else None


def spaced(name: str) -> str:
    """A name with spaces: `ease of use` takes fewer tokens in a line than `ease_of_use`."""
    return name.replace("_", " ")


def literal(text: str) -> str:
    """A string as an EBNF terminal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def one_of(names: Iterable[str]) -> str:
    """An EBNF alternation of strings."""
    return " | ".join(literal(name) for name in names)


def some_of(rule: str, names: Sequence[str], separator: str) -> list[str]:
    """EBNF rules for one or more of the names, in their order and without repeats; `{rule}0` is the first rule."""
    rules = []
    for i, name in enumerate(names):
        following = f"{rule}{i + 1}" if i + 1 < len(names) else ""
        more = f" ({literal(separator)} {following})? | {following}" if following else ""
        rules.append(f"{rule}{i} ::= {literal(name)}{more}")
    return rules


def ascending(items: Sequence[Any], order: Sequence[Any]) -> bool:
    """Whether items is a subsequence of order: no foreign item, no repeats, the same order."""
    remaining = iter(order)
    return all(item in remaining for item in items)
