"""Copywrite: given facts become a product description with nothing invented.

The line is the description itself. `adapters.tasks.claims` finds what it claims beyond the facts. Of several samples
the most faithful is the answer; if none is faithful, sentences built from the facts, marked `source: fallback`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any

from pydantic import Field

from adapters.manifest import VARIANT
from adapters.ontology import Ontology
from adapters.tasks.claims import Facts, claims, names_product
from adapters.tasks.contract import TEXT_GRAMMAR, Answered, Copied, Line, Message, Strict, Task, limit, one_line, spaced
from adapters.tasks.copy_words import same_words
from adapters.tasks.sentences import compose
from adapters.words import phrase_key, words

DEFAULT_WORDS = 80
LONG_ENOUGH = 30  # words from which a longer text is no better
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")
# Of a value such as `with pockets` or `12 x 8 in`; a text may say them otherwise.
_LINKS = frozenset(["with", "for", "has", "x", "by", "in"])
_YES_OR_NO = frozenset(["yes", "true", "no", "false", "none"])


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
        fact = spaced(attribute) if value.strip().lower() in _YES_OR_NO else value
        fact_words = set(phrase_key(fact).split())
        is_mentioned = (attribute, canonical) in values or all(
            word in description_words or not description_words.isdisjoint(same_words().get(word, ()))
            for word in fact_words - _LINKS or fact_words
        )
        (mentioned if is_mentioned else missing).append(attribute)
    return mentioned, missing


def facts_of(request: Request) -> Facts:
    """The request's texts as the claims are compared with them."""
    names = (spaced(name) for name in request.attributes)
    return Facts(request.name, request.category, (*names, *request.attributes.values(), *(request.context or ())))


def unsupported(description: str, request: Request, ontology: Ontology) -> list[str]:
    """What a description claims beyond the facts, as `kind: words`."""
    return [str(claim) for claim in claims(description, facts_of(request), ontology)]


def is_about_product(fields: dict[str, Any], request: Request, ontology: Ontology) -> bool:
    """Whether an expanded description says the noun of its product and no other product's."""
    claims_other = any(claim.startswith("product: ") for claim in fields["unsupported"])
    return not claims_other and names_product(fields["description"], facts_of(request), ontology)


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
        if request.max_words:
            lines.append(f"at most {request.max_words} words")
        return [
            {"role": "system", "content": "Write a product description that says all the facts and nothing else."},
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
        """By loops, another product, claims, missing facts and a cut last sentence, then the longer text."""
        fields = self.expand(labels, request, ontology)
        description = fields["description"]
        is_whole = description.endswith((".", "!", "?"))
        is_other = not is_about_product(fields, request, ontology)
        length = min(len(description.split()), LONG_ENOUGH)
        return (
            has_loop(description),
            is_other,
            len(fields["unsupported"]),
            len(fields["missing"]),
            not is_whole,
            -length,
        )

    def evidence(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, float]:
        """Whether there is a claim beyond the facts, and the share of the facts that are missing."""
        fields = self.expand(labels, request, ontology)
        missing = len(fields["missing"]) / max(1, len(request.attributes))
        return {"claims": float(bool(fields["unsupported"])), "missing": missing}

    def fallback(self, request: Request, ontology: Ontology) -> Labels:
        """Two or three sentences from the given facts alone."""
        text = compose(facts_of(request), request.attributes, ontology, request.max_words)
        return Labels(description=" ".join(re.sub(r"[\x00-\x20\x7f]", " ", text).split()))

    def faithful(self, labels: Labels, request: Request, ontology: Ontology) -> bool:
        """No loop, about this product, nothing unsupported, and at most a third of the attributes missing."""
        loops, others, claimed, missing, *_ = self.rank(labels, request, ontology)
        return not loops and not others and not claimed and 3 * missing <= len(request.attributes)


TASK = Copywrite()
