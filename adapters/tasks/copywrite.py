"""Copywrite: given facts become a product description, with nothing invented.

The line is the description itself. What a text uses, leaves out and goes beyond is read with the
ontology's words; several samples are drawn and the most faithful is shown, and where none is
faithful a plain sentence built from the facts, marked `source: fallback`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any

from pydantic import Field, field_validator

from adapters.manifest import VARIANT
from adapters.ontology import Ontology
from adapters.tasks.contract import (
    TEXT,
    TEXT_GRAMMAR,
    Answered,
    Copied,
    LineError,
    Message,
    Strict,
    Task,
    limit,
    spaced,
)
from adapters.words import phrase_key, words

CLAIMS = ("color", "material", "pattern", "season", "condition")  # may not be said unless given
DEFAULT_WORDS = 80
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


class Request(Strict):
    name: Annotated[str, limit(200)]
    category: Annotated[str, limit(100)] | None = None
    attributes: dict[Annotated[str, limit(50)], Annotated[str, limit(100)]] = Field(default_factory=dict, max_length=20)
    context: list[Annotated[str, limit(300)]] | None = Field(default=None, max_length=5)
    max_words: int | None = Field(default=None, ge=5, le=150)
    voice: Annotated[str, Field(pattern=VARIANT, description="a variant")] | None = None
    stream: bool = Field(default=False, description="answer with server-sent events")


class Answer(Answered):
    description: str
    mentioned: list[str] = Field(description="given attributes that the text uses")
    missing: list[str] = Field(description="given attributes that it leaves out")
    unsupported: list[str] = Field(description="what it says that was not given")


class Labels(Copied):
    description: str

    @field_validator("description")
    @classmethod
    def _is_a_line(cls, description: str) -> str:
        if not TEXT.fullmatch(description):
            raise ValueError("not one line of text")
        return description


def _cut(description: str, max_words: int | None) -> str:
    """Whole sentences of at most max_words; if the first is longer already, its first words."""
    kept: list[str] = []
    for sentence in _SENTENCE_END.split(description):
        if kept and len(" ".join([*kept, sentence]).split()) > (max_words or len(description)):
            break
        kept.append(sentence)
    return " ".join(" ".join(kept).split()[:max_words])


def _coverage(description: str, request: Request, ontology: Ontology) -> tuple[list[str], list[str]]:
    said = set(phrase_key(description).split())
    named = {(attribute, value) for attribute, value, _, _ in ontology.values_in(description)}
    mentioned: list[str] = []
    missing: list[str] = []
    for attribute, value in request.attributes.items():
        canonical = ontology.value(attribute, value) if attribute in ontology.attributes else None
        used = set(phrase_key(value).split()) <= said or (attribute, canonical) in named
        (mentioned if used else missing).append(attribute)
    return mentioned, missing


def unsupported(description: str, request: Request, ontology: Ontology) -> list[str]:
    """Colors, materials and other claims, and numbers, that no given fact holds."""
    names = (spaced(name) for name in request.attributes)
    facts = (request.name, request.category or "", *names, *request.attributes.values(), *(request.context or ()))
    given = " . ".join(facts)
    given_words = set(phrase_key(given).split())
    supported = {match[:2] for fact in facts for match in ontology.values_in(fact)}
    claims = []
    said = words(description)
    for attribute, value, start, end in ontology.values_in(description):
        literal = set(phrase_key(" ".join(said[start:end])).split()) <= given_words
        if attribute in CLAIMS and not literal and (attribute, value) not in supported:
            claims.append(f"{attribute}: {value}")
    numbers = set(_NUMBER.findall(description)) - set(_NUMBER.findall(given))
    return list(dict.fromkeys([*claims, *(f"number: {number}" for number in sorted(numbers))]))


def has_loop(description: str) -> bool:
    """Whether four words in a row come three times, or a word four times running."""
    said = words(description)
    grams = Counter(zip(said, said[1:], said[2:], said[3:], strict=False))
    return any(n >= 3 or len(set(gram)) == 1 for gram, n in grams.items())


class Copywrite(Task[Request, Labels]):
    name = "copywrite"
    summary = "Given facts to a product description with nothing invented"
    request = Request
    labels = Labels
    answer = Answer
    example = {
        "name": "Evening Calm Candle",
        "category": "Candles",
        "attributes": {"color": "ivory", "material": "soy wax", "occasion": "home"},
    }
    samples = 4
    temperature = 0.7
    streams = True
    variant_field = "voice"

    def prompt(self, request: Request, ontology: Ontology) -> list[Message]:
        lines = [f"name: {request.name}"]
        if request.category:
            lines.append(f"category: {request.category}")
        lines += [f"{name}: {value}" for name, value in request.attributes.items()]
        lines += [f"context: {' '.join(told.split())}" for told in request.context or ()]
        return [
            {"role": "system", "content": "Write a product description that says all the facts."},
            {"role": "user", "content": "\n".join(lines)},
        ]

    def encode(self, labels: Labels) -> str:
        return labels.description

    def decode(self, line: str, request: Request, ontology: Ontology) -> Labels:
        if not TEXT.fullmatch(line):
            raise LineError("not one line of text")
        return Labels(description=line)

    def grammar(self, request: Request, ontology: Ontology) -> str:
        return f"root ::= {TEXT_GRAMMAR}"

    def expand(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, Any]:
        description = _cut(labels.description, request.max_words)
        mentioned, missing = _coverage(description, request, ontology)
        return {
            "description": description,
            "mentioned": mentioned,
            "missing": missing,
            "unsupported": unsupported(description, request, ontology),
        }

    def max_tokens(self, request: Request) -> int:
        return 2 * (request.max_words or DEFAULT_WORDS)

    def rank(self, labels: Labels, request: Request, ontology: Ontology) -> tuple[float, ...]:
        """Smallest is best: loops, then unsupported claims, then facts left out."""
        told = self.expand(labels, request, ontology)
        ends = told["description"].endswith((".", "!", "?"))
        return (has_loop(told["description"]), len(told["unsupported"]), len(told["missing"]), not ends)

    def fallback(self, request: Request, ontology: Ontology) -> Labels:
        """A plain description from the given facts alone."""
        given = dict(request.attributes)
        adjectives = [given.pop(name) for name in ("color", "pattern", "material") if name in given]
        noun = " ".join([*adjectives, (request.category or "product").lower()])
        parts = [f"{request.name}: {noun}."]
        parts += [f"{name.replace('_', ' ').capitalize()}: {value}." for name, value in given.items()]
        printable = re.sub(r"[\x00-\x20\x7f]", " ", " ".join(parts))
        return Labels(description=" ".join(printable.split()))

    def faithful(self, labels: Labels, request: Request, ontology: Ontology) -> bool:
        """No loop, nothing unsupported, and at most a third of the facts left out."""
        loop, beyond, missing, _ = self.rank(labels, request, ontology)
        return not loop and not beyond and 3 * missing <= len(request.attributes)


TASK = Copywrite()
