"""How right a running server is on hand-written requests: python -m tests.typed.measure URL.

The titles, queries, reviews and products in `*.txt` were written for this test, with typos, lower case and brands
that the training data lacks; none of them is in any training data. One request a line, its fields separated by `|`.
A line expects a part of the answer: filters, or aspects, that must be in it. `suppliers.txt` has titles as suppliers
write them, and such that no category fits (`-`). Then come the attacks of `tests.typed.injections`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from adapters.ontology import Ontology
from tests.typed.injections import compared, injections, is_outside

Answer = dict[str, Any]
Checked = list[tuple[str, bool]]  # (figure, whether the answer is right in it)
IN_FLIGHT = 32
SIGNS = {"+": "positive", "-": "negative", "=": "neutral"}


def lines(task: str) -> list[list[str]]:
    text = Path(__file__).with_name(f"{task}.txt").read_text(encoding="utf-8")
    return [[field.strip() for field in line.split("|")] for line in text.splitlines()]


def task_of(file: str) -> str:
    return "classify" if file == "suppliers" else file


def body(file: str, fields: list[str]) -> dict[str, Any]:
    task = task_of(file)
    if task == "copywrite":
        return {"name": fields[0], "category": fields[1], "attributes": dict(pairs_of(fields[2]))}
    return {{"classify": "title", "rewrite": "query", "extract": "review"}[task]: fields[0]}


def pairs_of(field: str) -> list[tuple[str, str]]:
    parts = (part.strip().partition("=") for part in field.split(";") if "=" in part)
    return [(name, value) for name, _, value in parts]


def classify(fields: list[str], answer: Answer) -> Checked:
    _, leaf, *values = fields
    category = answer["category"]["path"][-1] if answer["category"] else "-"
    checked = [("none fits" if leaf == "-" else "category", category == leaf)]
    for name, value in zip(("color", "gender"), values, strict=True):
        if value != "-":
            checked.append((name, answer["attributes"].get(name) == value))
    return checked


def rewrite(fields: list[str], answer: Answer) -> Checked:
    _, kind, expected = fields
    checked = [("filter", value in answer["filters"].get(name, ())) for name, value in pairs_of(expected)]
    if "price" in expected.replace(";", " ").split():
        checked.append(("price", answer["price"] is not None))
    if kind:
        words = (answer["product_type"] or "").split()
        checked.append(("product type", kind.split()[-1] in words))
    checked.append(("everything", all(right for _, right in checked)))
    return checked


def extract(fields: list[str], answer: Answer) -> Checked:
    _, overall, aspects = fields
    checked = [("overall sentiment", answer["overall_sentiment"] == overall)]
    mentioned = {(aspect["category"], aspect["sentiment"]) for aspect in answer["aspects"]}
    for part in filter(None, (part.strip() for part in aspects.split(";"))):
        name, _, sign = part.partition(" ")
        checked.append(("aspect", (name, SIGNS.get(sign, overall)) in mentioned))
    return checked


def copywrite(fields: list[str], answer: Answer) -> Checked:
    given = {name for name, _ in pairs_of(fields[2])}
    checked = [("mentioned", name in answer["mentioned"]) for name in sorted(given)]
    checked.append(("nothing unsupported", not answer["unsupported"]))
    checked.append(("written by the model", answer["source"] == "model"))
    return checked


CHECKS: dict[str, Callable[[list[str], Answer], Checked]] = {
    "classify": classify,
    "suppliers": classify,
    "rewrite": rewrite,
    "extract": extract,
    "copywrite": copywrite,
}


def figures(url: str, texts: int | None = None) -> dict[str, dict[str, float]]:
    """Share of right answers by task and figure; of at most that many texts, which take longest to write."""
    counts = {"copywrite": texts}
    return {task: asyncio.run(_figures(url, lines(task)[: counts.get(task)], task)) for task in CHECKS}


async def _figures(url: str, requests: list[list[str]], task: str) -> dict[str, float]:
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def check(fields: list[str]) -> Checked:
        async with slots:
            response = await client.post(f"/v1/{task_of(task)}", json=body(task, fields))
        response.raise_for_status()
        return CHECKS[task](fields, response.json())

    async with httpx.AsyncClient(base_url=url, timeout=300) as client:
        answers = await asyncio.gather(*map(check, requests))
    shares: dict[str, list[bool]] = {}
    for figure, right in (pair for checked in answers for pair in checked):
        shares.setdefault(figure, []).append(right)
    return {figure: sum(rights) / len(rights) for figure, rights in shares.items()}


def attacked(url: str) -> dict[str, dict[str, float]]:
    """By task the share of answers to attacks outside schema or ontology, changed by the attack, and refused."""
    return asyncio.run(_attacked(url, Ontology.load()))


async def _attacked(url: str, ontology: Ontology) -> dict[str, dict[str, float]]:
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def ask(task: str, request: dict[str, Any]) -> httpx.Response:
        async with slots:
            return await client.post(f"/v1/{task}", json=request)

    async with httpx.AsyncClient(base_url=url, timeout=300) as client:
        asked = [ask(i.task, request) for i in injections() for request in (i.body, i.clean)]
        responses = await asyncio.gather(*asked)
    outcomes: dict[str, list[tuple[bool, bool, bool]]] = {}
    for injection, attack, clean in zip(injections(), responses[::2], responses[1::2], strict=True):
        clean.raise_for_status()
        refused = attack.status_code == 422
        outside = not refused and is_outside(injection.task, injection.body, attack.json(), ontology)
        changed = not (refused or outside) and compared(injection.task, attack.json()) != compared(
            injection.task, clean.json()
        )
        outcomes.setdefault(injection.task, []).append((outside, changed, refused))
    names = ("outside schema or ontology", "changed", "refused")
    return {
        task: {name: sum(column) / len(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
        for task, rows in outcomes.items()
    }


if __name__ == "__main__":
    for task, shares in attacked(sys.argv[1]).items():
        print(f"{task} attacked: " + ", ".join(f"{figure} {share:.3f}" for figure, share in shares.items()))
    for task, shares in figures(sys.argv[1]).items():
        print(f"{task}: " + ", ".join(f"{figure} {share:.3f}" for figure, share in shares.items()))
