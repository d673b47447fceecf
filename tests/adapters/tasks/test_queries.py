"""Queries typed by hand for many kinds of shops, answered without a model.

`queries.txt` has one a line: query | head of the product type | filters | exclude | price | keywords. Words of the
product type before its head count as keywords there, because only the model knows where a product's name begins. The
first 182 lines were written before the rules, the others with them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.tasks import rewrite
from adapters.tasks.rewrite import Request
from tests.adapters.tasks.strategies import SHOP

LINES = [
    [field.strip() for field in line.split("|")]
    for line in Path(__file__).with_name("queries.txt").read_text(encoding="utf-8").splitlines()
]


def without_model(query: str) -> dict[str, Any]:
    request = Request(query=query)
    return rewrite.TASK.expand(rewrite.TASK.fallback(request, SHOP), request, SHOP)


def pairs(field: str) -> set[tuple[str, str]]:
    return {(name, value) for name, _, value in (part.strip().partition("=") for part in field.split(";")) if value}


def of(values: dict[str, list[str]]) -> set[tuple[str, str]]:
    return {(name, value) for name, listed in values.items() for value in listed}


def shown(price: rewrite.Price | None) -> str:
    if price is None:
        return ""
    low, high = (f"{bound:g}" if bound is not None else "" for bound in (price.min, price.max))
    return f"{low}..{high} {price.currency or ''}".strip()


def read(fields: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is expected of a line, and what the answer is."""
    query, head, filters, exclude, price, keywords = fields
    answer = without_model(query)
    kind = answer["product_type"] or ""
    expected = {
        "head": head.split()[-1] if head else None,
        "words": {*head.split(), *keywords.replace(";", " ").split()},
        "filters": pairs(filters),
        "exclude": pairs(exclude),
        "price": price,
    }
    got = {
        "head": kind.split()[-1] if kind and head else None,
        "words": {word for phrase in (kind, *answer["keywords"]) for word in phrase.split()},
        "filters": of(answer["filters"]),
        "exclude": of(answer["exclude"]),
        "price": shown(answer["price"]),
    }
    return expected, got


@pytest.mark.parametrize("fields", LINES, ids=[fields[0] for fields in LINES])
def test_a_typed_query_is_read_as_its_writer_meant_it(fields: list[str]) -> None:
    expected, answer = read(fields)
    assert answer == expected
