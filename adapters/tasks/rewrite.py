"""Rewrite: a shopper's words become a product type, filters, a price range and keywords.

The line is one label a word, `+` where a word continues the phrase before it: `red maxi dress for a
wedding` is `color shape type occasion + +`. The model cannot invent a word, the grammar forces one
label a word, and what a phrase means (a value of an attribute, a price) is the ontology's to say.
The labels are QueryNER's span types (Palen-Michel et al. 2024, arXiv:2405.09507).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from adapters.ontology import Ontology
from adapters.tasks.contract import Answered, LineError, Message, Strict, Task, limit, one_of

MAX_WORDS = 32
CONTINUES, OTHER = "+", "other"
TYPES = (  # noqa: SIM905
    "type brand color size material department modifier occasion origin price name number "
    "quantity shape time condition content"
).split()
# Attributes that a phrase of some type may name; a modifier may name any.
ATTRIBUTES = {
    "color": ("color", "pattern", "material"),
    "material": ("material", "color"),
    "department": ("gender", "age_group"),
    "occasion": ("occasion", "season", "use"),
    "size": ("size", "silhouette"),
    "shape": ("silhouette", "shape", "sleeve", "neckline", "size"),
    "condition": ("condition", "style", "feature"),
    "time": ("season", "style"),
    "origin": ("style",),
}
AS_WRITTEN = ("brand", "color", "size", "material", "occasion", "origin", "quantity", "condition")
_LEADING = re.compile(r"^(?:(?:for|with|in|of|by|to|from|at|on|a|an|the|my|and)\s+)+")
_CURRENCIES = {
    "$": "USD",
    "dollar": "USD",
    "usd": "USD",
    "buck": "USD",
    "£": "GBP",
    "gbp": "GBP",
    "pound": "GBP",
    "€": "EUR",
    "eur": "EUR",
    "₹": "INR",
    "rs": "INR",
    "inr": "INR",
}
_CURRENCY = re.compile(r"[$£€₹]|(?<![a-z])(?:dollar|usd|buck|gbp|pound|eur|inr|rs(?![a-z]))")
_AMOUNT = re.compile(r"(\d{1,3}(?:[.,]\d{3})+(?!\d)|\d+)(?:[.,](\d+))?(k\b)?")  # 1,299.99 and 2k
_AT_MOST = re.compile(r"\b(?:under|below|less|max|maximum|up to|within|cheaper|to)\b")
_NOT_NO = r"(?<!\bno )(?<!\bnot )(?<!\bnothing )"
_LEAST = rf"{_NOT_NO}\b(?:over|above|more|min|minimum|least|from|between)\b"
_AT_LEAST = re.compile(rf"{_LEAST}|\d\+|\band up\b")
_AT_LEAST_BEFORE = re.compile(rf"{_LEAST}(?: than| of)?$")


def _few_words(query: str) -> str:
    if not 1 <= len(query.split()) <= MAX_WORDS:
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
    category: list[str] | None = Field(description="taxonomy path that the product type names")
    filters: dict[str, list[str]]
    price: Price | None
    keywords: list[str]


class Labels(Strict):
    tags: list[str] = Field(description="one label for each word of the query")


def query_words(query: str) -> list[str]:
    return query.lower().split()


@lru_cache(maxsize=MAX_WORDS)
def _grammar(words: int) -> str:
    """Rule `p3`: three more labels, after a word of a phrase; `o3`: after any other word."""
    rules = [f"root ::= o{words}", f"begin ::= {one_of(TYPES)}"]
    for left in range(1, words + 1):
        space = '" " ' if left < words else ""
        phrase, other = (f" p{left - 1}", f" o{left - 1}") if left > 1 else ("", "")
        alone = f'{space}begin{phrase} | {space}"{OTHER}"{other}'
        rules.append(f"o{left} ::= {alone}")
        if left < words:
            rules.append(f'p{left} ::= {alone} | {space}"{CONTINUES}"{phrase}')
    return "\n".join(rules)


def spans(tags: list[str]) -> list[tuple[str, int, int]]:
    """(type, first word, word after the last) of each phrase, in order."""
    found: list[tuple[str, int, int]] = []
    for i, tag in enumerate(tags):
        if tag == CONTINUES and found:
            found[-1] = (*found[-1][:2], i + 1)
        elif tag not in (OTHER, CONTINUES):
            found.append((tag, i, i + 1))
    return found


def _add(filters: dict[str, list[str]], attribute: str, value: str) -> None:
    values = filters.setdefault(attribute, [])
    if value not in values:
        values.append(value)


def _named(kind: str, phrase: str, ontology: Ontology) -> list[tuple[str, str]]:
    """The attribute values that a phrase names, of the attributes that its type allows."""
    if kind not in ATTRIBUTES and kind != "modifier":
        return []
    allowed = ATTRIBUTES.get(kind, tuple(ontology.attributes))
    found = sorted(
        (allowed.index(attribute), attribute, value, start, end)
        for attribute, value, start, end in ontology.values_in(phrase)
        if attribute in allowed
    )
    taken: set[int] = set()
    named = []
    for _, attribute, value, start, end in found:
        if taken.isdisjoint(range(start, end)):
            taken.update(range(start, end))
            named.append((attribute, value))
    return named


def _price(words: list[str], amounts: list[tuple[int, int]]) -> Price | None:
    """The range that the price phrases tell, read with the three words before each."""
    low = high = currency = None
    for start, end in amounts:
        phrase = " ".join(words[start:end])
        before = " ".join(words[max(0, start - 3) : start])
        numbers = [_amount(number) for number in _AMOUNT.finditer(phrase)]
        if sign := _CURRENCY.search(phrase):
            currency = _CURRENCIES[sign[0]]
        at_least = _AT_LEAST.search(phrase) or _AT_LEAST_BEFORE.search(before)
        if len(numbers) >= 2:
            low, high = min(numbers[:2]), max(numbers[:2])
        elif numbers and at_least and not _AT_MOST.search(phrase):
            low = numbers[0]
        elif numbers:
            high = numbers[0]
    return None if low is None and high is None else Price(min=low, max=high, currency=currency)


def _amount(number: re.Match[str]) -> float:
    whole, cents, thousands = number.groups()
    amount = float(f"{re.sub('[.,]', '', whole)}.{cents or 0}")
    return amount * 1000 if thousands else amount


class Rewrite(Task[Request, Labels]):
    name = "rewrite"
    summary = "A search query to a product type, filters, a price range and keywords"
    request = Request
    labels = Labels
    answer = Answer
    example = {"query": "Something red and flowy for a wedding"}

    def prompt(self, request: Request, ontology: Ontology) -> list[Message]:
        return [
            {"role": "system", "content": "Write one type for each word of the query."},
            {"role": "user", "content": " ".join(query_words(request.query))},
        ]

    def encode(self, labels: Labels) -> str:
        return " ".join(labels.tags)

    def decode(self, line: str, request: Request, ontology: Ontology) -> Labels:
        tags = line.split(" ")
        follows_phrase = False
        for tag in tags:
            if tag not in (*TYPES, OTHER, CONTINUES) or (tag == CONTINUES and not follows_phrase):
                raise LineError(f"not labels of words: {line!r}")
            follows_phrase = tag != OTHER
        if len(tags) != len(query_words(request.query)):
            raise LineError(f"{len(tags)} labels for {len(query_words(request.query))} words")
        return Labels(tags=tags)

    def grammar(self, request: Request, ontology: Ontology) -> str:
        return _grammar(len(query_words(request.query)))

    def expand(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, Any]:
        words = query_words(request.query)
        product_type: str | None = None
        filters: dict[str, list[str]] = {}
        keywords: list[str] = []
        amounts: list[tuple[int, int]] = []
        for kind, start, end in spans(labels.tags):
            written = " ".join(words[start:end])
            phrase = _LEADING.sub("", written)
            named = _named(kind, written, ontology)  # "for her" names a value, "her" does not
            if kind == "type":
                product_type = f"{product_type} {phrase}" if product_type else phrase
            elif kind == "price":
                amounts.append((start, end))
            elif named:
                for attribute, value in named:
                    _add(filters, attribute, value)
            elif kind in AS_WRITTEN:
                _add(filters, kind, phrase)
            else:
                keywords.append(phrase)
        category = ontology.category_in(product_type) if product_type else None
        return {
            "product_type": product_type,
            "category": list(category.path) if category else None,
            "filters": filters,
            "price": _price(words, amounts),
            "keywords": keywords,
        }

    def max_tokens(self, request: Request) -> int:
        return 2 * len(query_words(request.query)) + 2

    def warm(self) -> list[Request]:
        return [Request(query=" ".join(["word"] * n)) for n in range(1, MAX_WORDS + 1)]

    def fallback(self, request: Request, ontology: Ontology) -> Labels:
        """Labels from the ontology's own words, so that a search never comes back empty."""
        words = query_words(request.query)
        tags = [OTHER] * len(words)
        kind_of = {a: kind for kind, allowed in reversed(ATTRIBUTES.items()) for a in allowed[:1]}
        kind_of |= {"age_group": "department", "season": "occasion", "silhouette": "shape"}
        for i in range(len(words)):
            for end in range(min(len(words), i + 4), i, -1):
                phrase = " ".join(words[i:end])
                if any(tag != OTHER for tag in tags[i:end]):
                    continue
                category = ontology.category_in(phrase)
                named = [n for n in ontology.values_in(phrase) if n[3] - n[2] == end - i]
                if named:
                    tags[i:end] = [kind_of.get(named[0][0], "modifier"), *[CONTINUES] * (end - i - 1)]
                elif category and end == i + 1:
                    tags[i] = "type"
        return Labels(tags=tags)


TASK = Rewrite()
