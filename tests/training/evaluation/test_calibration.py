"""Calibration: what a curve learns, from which answers, and how its reliability is measured."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.manifest import Calibration, Curve
from adapters.ontology import Ontology
from adapters.tasks import classify, copywrite, task
from server.engine.fake_engine import FakeEngine
from tests.adapters.completions import line
from tests.training.tasks.builders import copy, title
from training.evaluation.answers import Models
from training.evaluation.calibration import (
    FEWEST,
    MOST,
    Outcome,
    calibrate,
    calibration_error,
    curve,
    fitted,
    reliabilities,
    reliability,
)
from training.evaluation.results import KNOWN, UNSEEN, JudgedAnswer
from training.examples import Example

CLASSIFY = task("classify")


def outcomes(n: int, seed: int = 0, **slopes: float) -> list[Outcome]:
    """Answers that are right with the logistic of the weighted sum of normal features."""
    rng = random.Random(seed)
    made = []
    for _ in range(n):
        values = {name: rng.gauss(0, 1) for name in slopes}
        chance = 1 / (1 + np.exp(-sum(slopes[name] * value for name, value in values.items())))
        made.append(Outcome(values, rng.random() < chance))
    return made


def error_of(of: Curve, made: list[Outcome]) -> float:
    confidence = np.array([of.confidence(o.features) for o in made])
    return calibration_error(confidence, np.array([o.right for o in made], dtype=float))


def test_an_informative_feature_gets_its_weight_and_noise_next_to_none() -> None:
    of = curve(outcomes(3_000, useful=2.0, noise=0.0))
    assert of is not None
    assert of.terms["useful"].weight == pytest.approx(2.0, abs=0.2)
    assert abs(of.terms["noise"].weight) < 0.15
    assert error_of(of, outcomes(3_000, seed=1, useful=2.0, noise=0.0)) < 0.04


def test_without_an_informative_feature_the_confidence_is_the_share_of_right_answers() -> None:
    made = outcomes(2_000, noise=0.0)
    of = curve(made)
    assert of is not None
    share = np.mean([o.right for o in made])
    assert all(of.confidence(o.features) == pytest.approx(share, abs=0.08) for o in made)


@settings(deadline=None, max_examples=25)
@example(310, 0.01, 10.0)
@given(st.integers(0, 1_000), st.floats(0.01, 100), st.floats(-50, 50))
def test_neither_the_scale_nor_the_origin_of_a_feature_matters(seed: int, scale: float, origin: float) -> None:
    made = outcomes(60, seed, x=1.0)
    moved = [replace(o, features={"x": o.features["x"] * scale + origin}) for o in made]
    one, other = curve(made), curve(moved)
    assert one is not None and other is not None
    for o, m in zip(made, moved, strict=True):
        assert one.confidence(o.features) == pytest.approx(other.confidence(m.features), abs=1e-3)


def test_a_feature_that_some_answers_lack_tells_nothing_of_those() -> None:
    made = [*outcomes(400, x=3.0), *(Outcome({}, i % 2 == 0) for i in range(200))]
    of = curve(made)
    assert of is not None
    assert of.confidence({"x": 2.0}) > 0.9 > of.confidence({}) > 0.1 > of.confidence({"x": -2.0})


def test_a_feature_that_never_varies_has_no_weight() -> None:
    of = curve([replace(o, features=o.features | {"always": 1.0}) for o in outcomes(100, x=1.0)])
    assert of is not None and set(of.terms) == {"x"}


@pytest.mark.parametrize(("right", "confidence"), [(True, 51 / 52), (False, 1 / 52)])
def test_where_all_answers_are_right_or_wrong_the_confidence_is_nearly_so(right: bool, confidence: float) -> None:
    of = curve([Outcome({"x": float(i)}, right) for i in range(50)])
    assert of == Curve(intercept=of.intercept if of else 0.0)
    assert of.confidence({"x": 3.0}) == pytest.approx(confidence, abs=1e-4)


def test_a_few_answers_make_no_curve() -> None:
    assert curve(outcomes(FEWEST - 1, x=1.0)) is None
    assert curve(outcomes(FEWEST, x=1.0)) is not None


def shirt(n: int, leaf: str = "Shirts", source: str = "fashion") -> Example:
    return title(f"thing {n}", leaf, source, "validation")


def test_the_weight_of_unseen_sources_is_that_of_all_known_ones(ontology: Ontology) -> None:
    """Of known answers 9 in 10 are right, of the far fewer unseen ones 1 in 10; the line tells nothing."""
    known = [shirt(n, "Shirts" if n % 10 else "Jeans") for n in range(400)]
    unseen = [shirt(n, "Jeans" if n % 10 else "Shirts", "contoso") for n in range(40)]
    examples, samples = [*known, *unseen], [[line("shirts; -; -")]] * 440
    [alike, by_count] = [
        fitted(CLASSIFY, examples, samples, sources, ontology).confidence("model", {}) for sources in (["contoso"], [])
    ]
    assert alike == pytest.approx(0.5, abs=0.02)
    assert by_count == pytest.approx(0.83, abs=0.02)


def test_an_answer_by_rules_is_as_sure_as_such_answers_are_right(ontology: Ontology) -> None:
    """The model doubts every answer; the leaf that the title names is right in 3 of 4."""
    leaves = ["Shirts", "Shirts", "Shirts", "Lamps"] * 30
    examples = [title(f"cotton shirt {n}", leaf, split="validation") for n, leaf in enumerate(leaves)]
    calibration = fitted(CLASSIFY, examples, [[line("jeans; -; -", -3.0)]] * 120, [], ontology)
    decided = CLASSIFY.decide([line("jeans; -; -", -3.0)], calibration, examples[0].request, ontology)
    assert (decided.source, decided.labels) == ("fallback", classify.Labels(category="Shirts"))
    assert decided.confidence == pytest.approx(0.75, abs=0.03)
    assert not decided.needs_review


def test_a_fallback_in_place_of_a_rejected_line_has_a_confidence_of_its_own(ontology: Ontology) -> None:
    request = copywrite.Request(name="Evening Candle", attributes={"color": "ivory"})
    examples = [replace(copy(request, "An ivory candle."), split="validation")] * 40
    written = [line("A red steel candle.")] * 4
    calibration = fitted(copywrite.TASK, examples, [written] * 40, [], ontology)
    decided = copywrite.TASK.decide(written, calibration, request, ontology)
    assert decided.source == "fallback" and decided.confidence > 0.9


def test_calibrate_asks_for_a_sample_of_each_source_and_learns_from_the_lines(ontology: Ontology) -> None:
    leaves = {"even": "Shirts", "odd": "Lamps"}
    examples = [
        title(f"{word} {n}", leaf, source, "validation")
        for source in ("north", "south")
        for n in range(MOST)
        for word, leaf in leaves.items()
    ]
    engine = FakeEngine(lambda job: ["shirts; -; -"])
    engine.logprob = lambda job, word: -0.01 if len("even") in job.prompt[-2:] else -2.0
    calibration = calibrate(CLASSIFY, examples, Models(engine, ontology), ontology)
    assert len(engine.jobs) == 2 * MOST
    requests = [classify.Request(title=word) for word in leaves]
    lines = [line("shirts; -; -", logprob) for logprob in (-0.01, -2.0)]
    sure, unsure = (
        CLASSIFY.decide([of], calibration, request, ontology).confidence
        for of, request in zip(lines, requests, strict=True)
    )
    assert sure > 0.95 and unsure < 0.05


def test_too_few_validation_examples_calibrate_nothing(ontology: Ontology) -> None:
    engine = FakeEngine(lambda job: ["shirts; -; -"])
    few = [shirt(n) for n in range(FEWEST - 1)]
    assert calibrate(CLASSIFY, few, Models(engine, ontology), ontology) == Calibration()


@pytest.mark.parametrize(
    ("confidence", "right", "error"),
    [
        ([0.95, 0.95], [True, True], 0.05),
        ([0.95, 0.95], [True, False], 0.45),
        ([1.0, 0.0], [True, False], 0.0),
        ([0.8, 0.2], [False, True], 0.8),
        ([], [], 0.0),
    ],
)
def test_calibration_error(confidence: list[float], right: list[bool], error: float) -> None:
    assert calibration_error(np.array(confidence), np.array(right, dtype=float)) == pytest.approx(error)


def judged(right: bool, confidence: float, source: str = "shop", by: Any = "model") -> JudgedAnswer:
    return JudgedAnswer(source, {}, "x", "y", right, confidence, by)


def test_reliability_is_of_all_answers_those_by_rules_too() -> None:
    answers = [judged(True, 0.95), judged(False, 0.92), judged(True, 0.6, by="fallback"), judged(False, 0.1)]
    of = reliability(answers)
    assert (of.answers, of.auc, of.sure_and_wrong, of.reviewed) == (4, 0.75, 0.25, 0.25)
    assert of.error == pytest.approx((abs(0.95 + 0.92 - 1) + 0.4 + 0.1) / 4, abs=1e-4)
    assert reliability(answers[:1]).auc is None


def test_known_and_unseen_sources_are_measured_apart() -> None:
    answers = [judged(True, 0.9, "north"), judged(False, 0.9, "south"), judged(False, 0.2, "south")]
    groups = reliabilities(answers, ["south"])
    assert {name: of.answers for name, of in groups.items()} == {KNOWN: 1, UNSEEN: 2}
    assert set(reliabilities(answers, [])) == {KNOWN}
