"""Rewrite: a search query becomes a product type, filters, exclusions, a price range and keywords.

The line has one tag for each word of the query, `+` for a word that continues the phrase before it: `red maxi dress
for a wedding` is `color shape type occasion + +`. So no word can be invented. `queries` reads the words with their
tags: values by the ontology, exclusions and prices by rules. The tags are QueryNER's span types (Palen-Michel et al.
2024, arXiv:2405.09507).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from adapters.ontology import Ontology
from adapters.tasks import query_types
from adapters.tasks.contract import Answered, LineError, Message, Strict, Task, limit, one_of
from adapters.tasks.prices import Amount
from adapters.tasks.queries import CONTINUES as CONTINUES
from adapters.tasks.queries import OTHER as OTHER
from adapters.tasks.queries import TYPE, Reading
from adapters.tasks.queries import spans as spans
from adapters.tasks.query_words import split

MAX_WORDS = 32
TYPES = (
    "type brand color size material department modifier occasion origin price name number "
    "quantity shape time condition content"
).split()


def _few_words(query: str) -> str:
    if not 1 <= len(query_words(query)) <= MAX_WORDS:
        raise ValueError(f"1 to {MAX_WORDS} words")
    return query


class Request(Strict):
    query: Annotated[str, limit(300), AfterValidator(_few_words)]


class Price(Strict):
    min: float | None = None
    max: float | None = None
    currency: str | None = None


class Answer(Answered):
    product_type: str | None
    category: list[str] | None = Field(description="taxonomy path of the product type")
    filters: dict[str, list[str]] = Field(description="values by attribute; a result has one of each attribute")
    exclude: dict[str, list[str]] = Field(
        description="values by attribute that no result has; under `keywords` words that no result's text contains"
    )
    price: Price | None
    keywords: list[str] = Field(description="words that name no known value, for a search in texts")


class Labels(Strict):
    tags: list[str] = Field(description="one tag for each word of the query")


def query_words(query: str) -> list[str]:
    """The words that have a label each, in lower case."""
    return [word.text for word in split(query)]


@lru_cache(maxsize=MAX_WORDS)
def _grammar(words: int) -> str:
    """Rules `p3` and `o3`: three more tags, after a word of a phrase and after any other word."""
    rules = [f"root ::= o{words}", f"begin ::= {one_of(TYPES)}"]
    for left in range(1, words + 1):
        space = '" " ' if left < words else ""
        phrase, other = (f" p{left - 1}", f" o{left - 1}") if left > 1 else ("", "")
        alone = f'{space}begin{phrase} | {space}"{OTHER}"{other}'
        rules.append(f"o{left} ::= {alone}")
        if left < words:
            rules.append(f'p{left} ::= {alone} | {space}"{CONTINUES}"{phrase}')
    return "\n".join(rules)


def _price(prices: Sequence[Amount]) -> Price | None:
    """The range that the prices of a query state together; of two of a kind the last counts."""
    bounds: dict[str, Any] = {}
    for amount in prices:
        stated = {"min": amount.low, "max": amount.high, "currency": amount.currency}
        bounds |= {name: value for name, value in stated.items() if value is not None}
    return Price(**bounds) if prices else None


class Rewrite(Task[Request, Labels]):
    name = "rewrite"
    summary = "A search query to a product type, filters, exclusions, a price range and keywords"
    request = Request
    labels = Labels
    answer = Answer
    example = {"query": "Something red and flowy for a wedding"}

    def prompt(self, request: Request, ontology: Ontology) -> list[Message]:
        """The query stands there twice: a causal model reads the words of the second copy with those that follow them
        (Springer et al. 2024, arXiv:2402.15449)."""
        query = " ".join(query_words(request.query))
        return [
            {"role": "system", "content": "Write one type for each word of the query."},
            {"role": "user", "content": f"{query}\n{query}"},
        ]

    def encode(self, labels: Labels) -> str:
        return " ".join(labels.tags)

    def decode(self, line: str, request: Request, ontology: Ontology) -> Labels:
        tags = line.split(" ")
        follows_phrase = False
        for tag in tags:
            if tag not in (*TYPES, OTHER, CONTINUES) or (tag == CONTINUES and not follows_phrase):
                raise LineError(f"not tags of words: {line!r}")
            follows_phrase = tag != OTHER
        if len(tags) != len(query_words(request.query)):
            raise LineError(f"{len(tags)} tags for {len(query_words(request.query))} words")
        return Labels(tags=tags)

    def grammar(self, request: Request, ontology: Ontology) -> str:
        return _grammar(len(query_words(request.query)))

    def expand(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, Any]:
        reading = Reading(request.query, labels.tags, ontology)
        named: dict[str, dict[str, dict[str, None]]] = {"filters": {}, "exclude": {}}  # values in order, each once
        types: list[str] = []
        keywords: list[str] = []
        type_end: int | None = None
        for part in reading.parts:
            if part.field in named:
                named[part.field].setdefault(part.name, {})[part.value] = None
            elif part.field == TYPE and part.span[0] == type_end:
                types[-1] += f" {part.value}"
            elif part.field == TYPE:
                types.append(part.value)
            elif part.field == "keywords":
                keywords.append(part.value)
            type_end = part.span[1] if part.field == TYPE else None
        category = next(filter(None, map(ontology.category_of, reversed(types))), None)
        return {
            "product_type": " ".join(types) or None,
            "category": list(category.path) if category else None,
            **{field: {name: list(values) for name, values in by_name.items()} for field, by_name in named.items()},
            "price": _price(reading.prices),
            "keywords": keywords,
        }

    def max_tokens(self, request: Request) -> int:
        return 2 * len(query_words(request.query)) + 2

    def warm(self) -> list[Request]:
        return [Request(query=" ".join(["word"] * n)) for n in range(1, MAX_WORDS + 1)]

    def evidence(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, float]:
        """The share of words on which rules agree with the labels, and of those that rules know."""
        by_rules = query_types.labels(request.query, ontology)
        same = sum(tag == other for tag, other in zip(labels.tags, by_rules, strict=True))
        known = sum(tag != OTHER for tag in by_rules)
        return {"agrees": same / len(by_rules), "known": known / len(by_rules)}

    def fallback(self, request: Request, ontology: Ontology) -> Labels:
        """Tags by the ontology's words, so that every search gets an answer."""
        return Labels(tags=query_types.labels(request.query, ontology))


TASK = Rewrite()
