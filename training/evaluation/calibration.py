"""How confidence is calibrated: fitted on the validation split, and how far it is off on the test split.

Called by the pipeline after training; the error and its bins also by `cards` and `report`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from adapters.manifest import Calibration
from adapters.ontology import Ontology
from adapters.tasks.contract import Task
from training.evaluation.answers import Models
from training.evaluation.evaluate import answer_lines, first_answers
from training.evaluation.results import ADAPTER, JudgedAnswer
from training.examples import Example
from training.tasks import training_task

THRESHOLD = 0.5  # confidence below which an answer needs review
SEED = 0  # of which examples these are
FEWEST, MOST = 20, 1_000  # validation examples that are fitted to
BINS = 10  # of equal width, of the confidence


def calibrate(task: Task[Any, Any], examples: Sequence[Example], models: Models, ontology: Ontology) -> Calibration:
    """Platt scaling of the log-probability of ADAPTER's lines, fitted on the validation examples that are not partial.

    Not fitted where there are too few of them, or all answers are right or all are wrong.
    """
    training = training_task(task.name)
    held_out = [e for e in examples if e.split == "validation" and e.known_fields is None]
    held_out = random.Random(SEED).sample(held_out, min(len(held_out), MOST))
    if len(held_out) < FEWEST:
        return Calibration()
    samples = answer_lines(task, held_out, models, ADAPTER, samples=1)
    answers = first_answers(task, held_out, samples, ontology)
    answered = [i for i, lines in enumerate(samples) if lines]
    logprobs = np.array([samples[i][0].logprob for i in answered])
    right = np.array([training.is_right(held_out[i], answers[i], ontology) for i in answered])
    if right.all() or not right.any():
        return Calibration()
    model = LogisticRegression(C=1e6).fit(logprobs[:, None], right)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    return Calibration(slope=round(slope, 4), intercept=round(intercept, 4), threshold=THRESHOLD)


def confidences(answers: Sequence[JudgedAnswer]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The model's confidence in each of its own answers, without the fallback's, and 1.0 where the answer is right."""
    own = [answer for answer in answers if answer.by == "model"]
    return np.array([a.confidence for a in own], dtype=float), np.array([a.right for a in own], dtype=float)


def bin_of(confidence: NDArray[np.float64]) -> NDArray[np.int_]:
    """Which of `BINS` bins each confidence is in."""
    bins: NDArray[np.int_] = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return bins


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy in the bins, weighted by their answers.

    Guo et al. 2017, https://arxiv.org/abs/1706.04599.
    """
    bins = bin_of(confidence)
    gaps = (abs((confidence - right)[bins == b].sum()) for b in range(BINS))
    return float(sum(gaps) / len(confidence)) if len(confidence) else 0.0
