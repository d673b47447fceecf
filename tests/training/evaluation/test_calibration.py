"""Calibration: the error by hand, and which answers it is measured on."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.calibration import calibration_error, confidences
from training.evaluation.results import JudgedAnswer


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


def test_the_fallbacks_answers_have_no_confidence_to_measure() -> None:
    model = JudgedAnswer("shop", {}, "x", "x", right=True, confidence=0.9)
    fallback = JudgedAnswer("shop", {}, "x", "y", right=False, confidence=0.0, by="fallback")
    confidence, right = confidences([model, fallback])
    assert (confidence.tolist(), right.tolist()) == ([0.9], [1.0])
