"""Names, what a manifest refuses, confidence from log-probability."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.manifest import Calibration, Manifest
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


def test_confidence_is_the_logistic_of_the_scaled_logprob() -> None:
    calibration = Calibration(slope=2.0, intercept=1.0)
    assert calibration.confidence(-0.5) == pytest.approx(0.5)
    assert calibration.confidence(-1.5) == pytest.approx(1 / (1 + math.exp(2)))


@patient
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(max_value=0, allow_nan=False, width=32))
def test_confidence_is_a_probability_however_unlikely_the_line(slope: float, intercept: float, logprob: float) -> None:
    if slope == 0 and math.isinf(logprob):
        return
    assert 0 <= Calibration(slope=slope, intercept=intercept).confidence(logprob) <= 1


@patient
@given(st.floats(0, 10), st.floats(-10, 10), st.floats(-50, 0), st.floats(-50, 0))
def test_a_likelier_line_is_never_less_confident(slope: float, intercept: float, one: float, other: float) -> None:
    calibration = Calibration(slope=slope, intercept=intercept)
    low, high = sorted([one, other])
    assert calibration.confidence(low) <= calibration.confidence(high)


def test_a_manifest_of_an_earlier_release_has_the_digest_of_the_bases_weights_alone() -> None:
    old = manifest(base_digest="1" * 64).base_digest
    assert (old.weights, old.config, old.tokenizer) == ("1" * 64, None, None)
