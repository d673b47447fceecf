"""The requests that load tests send: test items of the public data if they are available, else the shipped samples.

Knows the data sets and the tasks' `Request`, nothing of Locust. `loadtests.locustfile` and `loadtests.bench` use it.
Test items, so that no adapter was trained on them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from pydantic import ValidationError

from adapters.ontology import Ontology
from adapters.tasks import task


@dataclass(frozen=True, slots=True)
class Payloads:
    """Requests of one task, distinct and in an order that is the same in every run."""

    source: str
    requests: tuple[dict[str, Any], ...]


def payloads(name: str) -> Payloads:
    """The requests for a task: `rewrite`, `classify`, `extract` or `copywrite`.

    Raises:
        FileNotFoundError: there are neither public data nor samples.
    """
    public = _public(name)
    if public is None:
        return Payloads("training/samples", _usable(name, _samples(name)))
    return Payloads("public test split", _usable(name, public))


def _public(name: str) -> list[dict[str, Any]] | None:
    """None if the data, or the packages that read them, are not installed."""
    try:
        from training.public.sources import SourceError
    except ImportError:
        return None
    try:
        return list(_PUBLIC[name]())
    except SourceError:
        return None


def _queries() -> Iterator[dict[str, Any]]:
    from training.public.readers import queries

    return ({"query": " ".join(query.words)} for query in queries("test"))


def _titles() -> Iterator[dict[str, Any]]:
    from training.public.readers import fashion

    return ({"title": item.title} for item in fashion() if item.split == "test")


def _reviews() -> Iterator[dict[str, Any]]:
    from training.public.readers import dmaste

    return ({"review": review.text} for review in dmaste("test"))


def _products() -> Iterator[dict[str, Any]]:
    from training.examples import as_record
    from training.tasks import training_task

    examples = training_task("copywrite").public_examples(Ontology.load())
    return (as_record(example)["request"] for example in examples if example.split == "test")


_PUBLIC: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    "rewrite": _queries,
    "classify": _titles,
    "extract": _reviews,
    "copywrite": _products,
}


def _samples(name: str) -> list[dict[str, Any]]:
    lines = files("training").joinpath("samples", f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line)["request"] for line in lines.splitlines() if line.strip()]


def _usable(name: str, requests: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Without repetitions and without requests that the API refuses: too long, blank."""
    distinct = {json.dumps(request, sort_keys=True): request for request in requests}
    usable = [request for request in distinct.values() if _accepted(name, request)]
    random.Random(0).shuffle(usable)
    return tuple(usable)


def _accepted(name: str, request: dict[str, Any]) -> bool:
    try:
        task(name).request.model_validate(request)
    except ValidationError:
        return False
    return True
