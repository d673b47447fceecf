"""Names, what a manifest refuses, confidence from features."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.confidence import log_odds
from adapters.manifest import Calibration, Curve, Manifest, Term
from adapters.store import Version

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def manifest(**changes: object) -> Manifest:
    given: dict[str, object] = {
        "task": "copywrite",
        "variant": "streetwear",
        "version": 2,
        "digest": "0" * 64,
        "base_digest": "1" * 64,
        "ontology_digest": "2" * 64,
        "created": "2026-01-31T12:00:00+00:00",
        "rank": 16,
        "alpha": 32,
        "modules": ["o_proj"],
    }
    return Manifest.model_validate(given | changes)


def test_names_of_own_and_demo_versions() -> None:
    assert Version(manifest(), Path()).name == "copywrite/streetwear@2"
    assert Version(manifest(task="classify", variant=None), Path(), is_demo=True).name == "classify@demo-2"


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "../x"},
        {"task": "x\n"},
        {"variant": ".."},
        {"variant": "default"},
        {"variant": ""},
        {"variant": "-street"},
        {"variant": "a/b"},
        {"task": "_classify"},
        {"task": "a" * 65},
        {"version": 0},
        {"rank": 0},
        {"modules": []},
        {"digest": "../../etc"},
    ],
)
def test_a_manifest_refuses(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        manifest(**changes)


def test_a_manifest_of_another_release_may_have_more_fields() -> None:
    assert manifest(id=7) == manifest()


TERMS = {"decisive": Term(mean=1.0, scale=2.0, weight=4.0)}
CURVE = Curve(intercept=0.5, terms=TERMS)


def test_confidence_is_the_logistic_of_the_weighted_standardised_features() -> None:
    calibration = Calibration(model=CURVE)
    assert calibration.confidence("model", {"decisive": 2.0}) == pytest.approx(1 / (1 + math.exp(-2.5)))
    assert calibration.confidence("model", {"decisive": 1.0}) == pytest.approx(1 / (1 + math.exp(-0.5)))


def test_a_feature_that_is_missing_counts_as_its_mean_and_an_unknown_one_does_not_count() -> None:
    mean = CURVE.confidence({"decisive": 1.0})
    assert CURVE.confidence({}) == CURVE.confidence({"new": 9.0}) == mean


def test_answers_by_rules_have_a_curve_of_their_own() -> None:
    calibration = Calibration(model=Curve(intercept=3.0), fallback=Curve(intercept=-3.0))
    assert calibration.confidence("model", {}) > 0.9 > 0.1 > calibration.confidence("fallback", {})


def test_without_a_curve_confidence_is_the_bare_probability_of_what_decides_and_rules_have_none() -> None:
    bare = {"typical": log_odds(math.log(0.9)), "lowest": log_odds(math.log(0.5))}
    assert Calibration().confidence("model", bare) == pytest.approx(0.9)
    assert Calibration().confidence("model", {**bare, "decisive": log_odds(math.log(0.7))}) == pytest.approx(0.7)
    assert Calibration().confidence("fallback", bare) == 0.0


@patient
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_confidence_is_a_probability_whatever_the_feature(intercept: float, weight: float, value: float) -> None:
    curve = Curve(intercept=intercept, terms={"x": Term(mean=0.0, scale=1e-3, weight=weight)})
    assert 0 <= curve.confidence({"x": value}) <= 1


@pytest.mark.parametrize("old", [{"slope": 0.3, "intercept": 2.0, "threshold": 0.5}, {"slope": 1.0}])
def test_the_calibration_of_an_earlier_release_is_not_current(old: dict[str, float]) -> None:
    assert not manifest(calibration=old).calibration.is_current
    assert manifest(calibration={}).calibration.is_current


def test_a_manifest_of_an_earlier_release_has_the_digest_of_the_bases_weights_alone() -> None:
    old = manifest(base_digest="1" * 64).base_digest
    assert (old.weights, old.config, old.tokenizer) == ("1" * 64, None, None)
