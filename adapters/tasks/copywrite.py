"""Copywrite: given facts become a product description with nothing invented.

The line is the description itself. The ontology's words show which facts a description mentions, which it leaves out
and what it claims beyond them. Of several samples the most faithful is the answer; if none is faithful, a plain
sentence built from the facts, marked `source: fallback`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any

from pydantic import Field

from adapters.manifest import VARIANT
from adapters.ontology import Ontology
from adapters.tasks.contract import TEXT_GRAMMAR, Answered, Copied, Line, Message, Strict, Task, limit, one_line, spaced
from adapters.words import phrase_key, words

CLAIMS = ("color", "material", "pattern", "season", "condition")  # claims that must be among the given facts
DEFAULT_WORDS = 80
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


class Request(Strict):
    name: Annotated[str, limit(200)]
    category: Annotated[str, limit(100)] | None = None
    attributes: dict[Annotated[str, limit(50)], Annotated[str, limit(100)]] = Field(default_factory=dict, max_length=20)
    context: list[Annotated[str, limit(300)]] | None = Field(default=None, max_length=5)
    max_words: int | None = Field(default=None, ge=5, le=150)
    voice: Annotated[str, Field(pattern=VARIANT, description="variant of the adapter")] | None = None
    stream: bool = Field(default=False, description="answer with server-sent events")


class Answer(Answered):
    description: str
    mentioned: list[str] = Field(description="given attributes that the description mentions")
    missing: list[str] = Field(description="given attributes that it does not mention")
    unsupported: list[str] = Field(description="claims that are not among the given facts")


class Labels(Copied):
    description: Line


def _cut(description: str, max_words: int | None) -> str:
    """The first whole sentences of at most max_words; if the first sentence is longer, its first words."""
    sentences: list[str] = []
    for sentence in _SENTENCE_END.split(description):
        if sentences and len(" ".join([*sentences, sentence]).split()) > (max_words or len(description)):
            break
        sentences.append(sentence)
    return " ".join(" ".join(sentences).split()[:max_words])


def _coverage(description: str, request: Request, ontology: Ontology) -> tuple[list[str], list[str]]:
    """The names of the given attributes that the description mentions, and of those that it does not."""
    description_words = set(phrase_key(description).split())
    values = {(attribute, value) for attribute, value, _, _ in ontology.values_in(description)}
    mentioned: list[str] = []
    missing: list[str] = []
    for attribute, value in request.attributes.items():
        canonical = ontology.value(attribute, value) if attribute in ontology.attributes else None
        is_mentioned = set(phrase_key(value).split()) <= description_words or (attribute, canonical) in values
        (mentioned if is_mentioned else missing).append(attribute)
    return mentioned, missing


def unsupported(description: str, request: Request, ontology: Ontology) -> list[str]:
    """Claims of a description (colors, materials ..., numbers) that no given fact has."""
    names = (spaced(name) for name in request.attributes)
    facts = (request.name, request.category or "", *names, *request.attributes.values(), *(request.context or ()))
    given = " . ".join(facts)
    given_words = set(phrase_key(given).split())
    supported = {match[:2] for fact in facts for match in ontology.values_in(fact)}
    claims = []
    description_words = words(description)
    for attribute, value, start, end in ontology.values_in(description):
        is_literal = set(phrase_key(" ".join(description_words[start:end])).split()) <= given_words
        if attribute in CLAIMS and not is_literal and (attribute, value) not in supported:
            claims.append(f"{attribute}: {value}")
    numbers = set(_NUMBER.findall(description)) - set(_NUMBER.findall(given))
    return list(dict.fromkeys([*claims, *(f"number: {number}" for number in sorted(numbers))]))


def has_loop(description: str) -> bool:
    """Whether a run of four words occurs three times, or consists of one word."""
    all_words = words(description)
    runs = Counter(zip(all_words, all_words[1:], all_words[2:], all_words[3:], strict=False))
    return any(count >= 3 or len(set(run)) == 1 for run, count in runs.items())


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
        lines += [f"context: {' '.join(fact.split())}" for fact in request.context or ()]
        return [
            {"role": "system", "content": "Write a product description that says all the facts."},
            {"role": "user", "content": "\n".join(lines)},
        ]

    def encode(self, labels: Labels) -> str:
        return labels.description

    def decode(self, line: str, request: Request, ontology: Ontology) -> Labels:
        return Labels(description=one_line(line))

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
        """By loops, then unsupported claims, then missing facts, then a cut last sentence."""
        fields = self.expand(labels, request, ontology)
        description = fields["description"]
        is_whole = description.endswith((".", "!", "?"))
        return (has_loop(description), len(fields["unsupported"]), len(fields["missing"]), not is_whole)

    def evidence(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, float]:
        """Whether there is a claim beyond the facts, and the share of the facts that are missing."""
        fields = self.expand(labels, request, ontology)
        missing = len(fields["missing"]) / max(1, len(request.attributes))
        return {"claims": float(bool(fields["unsupported"])), "missing": missing}

    def fallback(self, request: Request, ontology: Ontology) -> Labels:
        """A plain description from the given facts alone."""
        facts = dict(request.attributes)
        adjectives = [facts.pop(name) for name in ("color", "pattern", "material") if name in facts]
        noun = " ".join([*adjectives, (request.category or "product").lower()])
        parts = [f"{request.name}: {noun}."]
        parts += [f"{spaced(name).capitalize()}: {value}." for name, value in facts.items()]
        printable = re.sub(r"[\x00-\x20\x7f]", " ", " ".join(parts))
        return Labels(description=" ".join(printable.split()))

    def faithful(self, labels: Labels, request: Request, ontology: Ontology) -> bool:
        """No loop, nothing unsupported, and at most a third of the attributes missing."""
        loops, claims, missing, _ = self.rank(labels, request, ontology)
        return not loops and not claims and 3 * missing <= len(request.attributes)


TASK = Copywrite()
