"""Rewrite: a search query becomes a product type, filters, a price range and keywords.

The line has one tag for each word of the query, `+` for a word that continues the phrase before it: `red maxi dress
for a wedding` is `color shape type occasion + +`. So no word can be invented. The ontology maps each phrase to a value
of an attribute, rules map it to a price. The tags are QueryNER's span types (Palen-Michel et al. 2024,
arXiv:2405.09507).
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from adapters.ontology import Ontology
from adapters.tasks.contract import Answered, LineError, Message, Strict, Task, limit, one_of

MAX_WORDS = 32
CONTINUES, OTHER = "+", "other"
TYPES = (
    "type brand color size material department modifier occasion origin price name number "
    "quantity shape time condition content"
).split()
# The attributes that a phrase of a type may name, the likeliest first; a modifier may name any.
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
_SIGNS = {"USD": "$ dollar usd buck", "GBP": "£ pound gbp", "EUR": "€ eur", "INR": "₹ rs inr"}
_CURRENCIES = {sign: currency for currency, signs in _SIGNS.items() for sign in signs.split()}
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
    category: list[str] | None = Field(description="taxonomy path of the product type")
    filters: dict[str, list[str]]
    price: Price | None
    keywords: list[str]


class Labels(Strict):
    tags: list[str] = Field(description="one tag for each word of the query")


def query_words(query: str) -> list[str]:
    return query.lower().split()


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


def spans(tags: list[str]) -> list[tuple[str, int, int]]:
    """(type, first word, word after the last) of each phrase, in order."""
    phrases: list[tuple[str, int, int]] = []
    for i, tag in enumerate(tags):
        if tag == CONTINUES and phrases:
            phrases[-1] = (*phrases[-1][:2], i + 1)
        elif tag not in (OTHER, CONTINUES):
            phrases.append((tag, i, i + 1))
    return phrases


def _values(kind: str, phrase: str, ontology: Ontology) -> list[tuple[str, str]]:
    """(attribute, value) of the values that a phrase names, for the attributes that its type allows."""
    if kind not in ATTRIBUTES and kind != "modifier":
        return []
    allowed = ATTRIBUTES.get(kind, tuple(ontology.attributes))
    matches = sorted(
        (allowed.index(attribute), attribute, value, start, end)
        for attribute, value, start, end in ontology.values_in(phrase)
        if attribute in allowed
    )
    taken: set[int] = set()
    values = []
    for _, attribute, value, start, end in matches:
        if taken.isdisjoint(range(start, end)):
            taken.update(range(start, end))
            values.append((attribute, value))
    return values


def _price(words: list[str], amounts: list[tuple[int, int]]) -> Price | None:
    """The range of the price phrases; `amounts` are their spans. The three words before each count too."""
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
                raise LineError(f"not tags of words: {line!r}")
            follows_phrase = tag != OTHER
        if len(tags) != len(query_words(request.query)):
            raise LineError(f"{len(tags)} tags for {len(query_words(request.query))} words")
        return Labels(tags=tags)

    def grammar(self, request: Request, ontology: Ontology) -> str:
        return _grammar(len(query_words(request.query)))

    def expand(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, Any]:
        words = query_words(request.query)
        product_type: str | None = None
        filters: dict[str, dict[str, None]] = defaultdict(dict)  # values in order, each once
        keywords: list[str] = []
        amounts: list[tuple[int, int]] = []
        for kind, start, end in spans(labels.tags):
            whole = " ".join(words[start:end])
            phrase = _LEADING.sub("", whole)
            values = _values(kind, whole, ontology)  # "for her" names a value, "her" does not
            if not values and kind in AS_WRITTEN:
                values = [(kind, phrase)]
            if kind == "type":
                product_type = f"{product_type} {phrase}" if product_type else phrase
            elif kind == "price":
                amounts.append((start, end))
            elif not values:
                keywords.append(phrase)
            for attribute, value in values:
                filters[attribute][value] = None
        category = ontology.category_in(product_type) if product_type else None
        return {
            "product_type": product_type,
            "category": list(category.path) if category else None,
            "filters": {attribute: list(values) for attribute, values in filters.items()},
            "price": _price(words, amounts),
            "keywords": keywords,
        }

    def max_tokens(self, request: Request) -> int:
        return 2 * len(query_words(request.query)) + 2

    def warm(self) -> list[Request]:
        return [Request(query=" ".join(["word"] * n)) for n in range(1, MAX_WORDS + 1)]

    def fallback(self, request: Request, ontology: Ontology) -> Labels:
        """Tags by the ontology's words, so that every search gets an answer."""
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
                attributes = [match[0] for match in ontology.values_in(phrase) if match[3] - match[2] == end - i]
                if attributes:
                    tags[i:end] = [kind_of.get(attributes[0], "modifier"), *[CONTINUES] * (end - i - 1)]
                elif category and end == i + 1:
                    tags[i] = "type"
        return Labels(tags=tags)


TASK = Rewrite()
