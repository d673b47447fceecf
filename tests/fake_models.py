"""Evaluation in tests of what is around it: the fake engine answers in place of the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.ontology import Ontology
from server.engine.fake_engine import FakeEngine


def evaluation_answers(line: str, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The engine that all models are loaded in; every one of them answers each request with that line."""
    from training.evaluation import answers

    engine = FakeEngine(lambda job: [line] * job.n)

    @contextmanager
    def loaded(
        base: Path, adapters: Mapping[str, Path], ontology: Ontology, tasks: Iterable[str], lines: Path | None = None
    ) -> Iterator[answers.Models]:
        asyncio.run(engine.start(base, adapters))
        yield answers.Models(engine, ontology)

    monkeypatch.setattr(answers, "loaded", loaded)
    return engine
