"""The requests that load tests send: test items of the public data if they are available, else the shipped samples.

Knows the data sets and the tasks' `Request`, nothing of Locust. `loadtests.locustfile` and `loadtests.bench` use it.
Test items, so that no adapter was trained on them.
"""

from __future__ import annotations

import json
import random
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
    if (public := _public(name)) is not None:
        return Payloads("public test split", _usable(name, public))
    samples = files("training").joinpath("samples", f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return Payloads("training/samples", _usable(name, [json.loads(line)["request"] for line in samples]))


def _public(name: str) -> list[dict[str, Any]] | None:
    """None if the data, or the packages that read them, are not installed."""
    try:
        from training.examples import as_record
        from training.public import readers
        from training.public.sources import SourceError
        from training.tasks import training_task
    except ImportError:
        return None
    try:
        match name:
            case "rewrite":
                return [{"query": " ".join(query.words)} for query in readers.queries("test")]
            case "classify":
                return [{"title": item.title} for item in readers.fashion() if item.split == "test"]
            case "extract":
                return [{"review": review.text} for review in readers.dmaste("test")]
        examples = training_task(name).public_examples(Ontology.load())
        return [as_record(example)["request"] for example in examples if example.split == "test"]
    except SourceError:
        return None


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
