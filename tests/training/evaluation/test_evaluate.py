"""An evaluation with the fake engine: how much each side is asked, known and unseen sources, partial examples."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from adapters.manifest import Calibration, Curve
from adapters.ontology import Ontology
from adapters.tasks import task
from server.engine.fake_engine import FakeEngine
from tests.training.tasks.builders import text_review, title
from training.evaluation import evaluate as evaluation_module
from training.evaluation.answers import Models
from training.evaluation.evaluate import evaluate
from training.evaluation.results import ADAPTER, FEW_SHOT, KNOWN, PROMPTED, UNSEEN, Evaluation
from training.examples import Example

SURE = Calibration(model=Curve(intercept=2.0))


def evaluated(name: str, examples: list[Example], written: str, ontology: Ontology) -> tuple[Evaluation, FakeEngine]:
    engine = FakeEngine(lambda job: [written] * job.n, limit=4_096)
    return evaluate(task(name), examples, Models(engine, ontology), {ADAPTER: SURE}, ontology), engine


def titles(split: str, n: int, source: str = "north") -> list[Example]:
    return [title(f"{source} {split} {i}", "Shirts" if i % 2 else "Jeans", source, split) for i in range(n)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_module, "TESTED", 6)
    monkeypatch.setattr(evaluation_module, "PROMPTED_TESTED", 4)


def test_a_source_is_sampled_and_the_prompted_base_answers_a_part_of_the_sample(
    small: None, ontology: Ontology
) -> None:
    examples = [*titles("train", 6), *titles("test", 30), *titles("test", 3, "south")]
    evaluation, engine = evaluated("classify", examples, "shirts; -; -", ontology)
    assert Counter(job.adapter for job in engine.jobs) == {ADAPTER: 6 + 3, None: 2 * (4 + 3)}
    counts = {side: [int(f["examples"]) for f in figures.values()] for side, figures in evaluation.figures.items()}
    assert counts[ADAPTER] == [6, 3]
    assert counts[PROMPTED] == counts[FEW_SHOT] == [4, 3]
    assert all(headline.p == 1.0 for headline in evaluation.headlines[PROMPTED].values())  # the same answers
    again, _ = evaluated("classify", list(reversed(examples)), "shirts; -; -", ontology)
    assert sorted(a.request["title"] for a in again.answers) == sorted(a.request["title"] for a in evaluation.answers)


def test_confidence_is_measured_on_known_and_on_unseen_sources_apart(ontology: Ontology) -> None:
    examples = [
        *titles("train", 6),
        *titles("test", 8),
        *titles("test", 4, "south"),
        *titles("test", 2, "north-outlet"),
    ]
    evaluation, _ = evaluated("classify", examples, "shirts; -; -", ontology)
    assert evaluation.unseen == ["south"]  # a branch of a known shop is known
    assert {name: of.answers for name, of in evaluation.confidence.items()} == {KNOWN: 10, UNSEEN: 4}
    assert evaluation.unseen_means()[ADAPTER] == evaluation.headlines[ADAPTER]["south"].value == 0.5


def test_of_a_partial_example_the_whole_line_is_written_as_in_serving(ontology: Ontology) -> None:
    whole = replace(text_review("Great quality", "positive"), split="test")
    examples: list[Any] = [whole, replace(whole, known_fields=3, source="stars")]
    evaluation, engine = evaluated("extract", examples, "positive; yes; -; -", ontology)
    assert len({job.max_tokens for job in engine.jobs}) == 1
    assert [answer.right for answer in evaluation.answers] == [True, True]
    assert [answer.confidence for answer in evaluation.answers] == [pytest.approx(0.8808, abs=1e-4)] * 2
