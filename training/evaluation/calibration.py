"""How confidence is calibrated: fitted on the validation split, and how reliable it is on the test split.

The features are those that serving computes (`adapters.confidence`, `Task.evidence`). Called by the pipeline after
training and by `training.studies`; the reliability by `evaluate` and `report`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from adapters.confidence import Completion
from adapters.manifest import Calibration, Curve, Term
from adapters.ontology import Ontology
from adapters.tasks.contract import Candidate, Task
from training.evaluation.answers import Models
from training.evaluation.results import ADAPTER, KNOWN, UNSEEN, JudgedAnswer, Reliability
from training.examples import Example, sampled, unseen_sources
from training.tasks import training_task

THRESHOLD = 0.5  # confidence below which an answer needs review
SURE = 0.9
FEWEST, MOST = 20, 300  # validation examples: in all for a curve to be fitted; of each source
BINS = 10  # of equal width, of the confidence
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The features of an answer, whether it was right, and what it weighs."""

    features: Mapping[str, float]
    right: bool
    weight: float = 1.0


def calibrate(task: Task[Any, Any], examples: Sequence[Example], models: Models, ontology: Ontology) -> Calibration:
    """The calibration of ADAPTER's answers, fitted on at most MOST validation examples of each source."""
    held_out = sampled(examples, "validation", MOST)
    if len(held_out) < FEWEST:
        return Calibration()
    samples = models.lines(task, [e.request for e in held_out], ADAPTER)
    return fitted(task, held_out, samples, unseen_sources(examples), ontology)


def fitted(
    task: Task[Any, Any],
    examples: Sequence[Example],
    samples: Sequence[Sequence[Completion]],
    unseen: Sequence[str],
    ontology: Ontology,
) -> Calibration:
    """The calibration by the sampled lines of each example.

    The curve of answers by rules is fitted where these would be shown: the model has no answer, or is doubted. Where
    that is rare, it is fitted to all answers that rules would give.
    """
    training = training_task(task.name)
    written = [task.written(of, e.request, ontology) for e, of in zip(examples, samples, strict=True)]
    ruled = [
        task.ruled(of, e.request, ontology) or task.ruled(None, e.request, ontology)
        for e, of in zip(examples, written, strict=True)
    ]
    weights = _weights(examples, unseen)

    def outcomes(candidates: Sequence[Candidate[Any] | None]) -> list[Outcome]:
        return [
            Outcome(candidate.features, training.is_right(e, candidate.labels, ontology), weight)
            for e, candidate, weight in zip(examples, candidates, weights, strict=True)
            if candidate
        ]

    calibration = Calibration(model=curve(outcomes(written)), threshold=THRESHOLD)
    doubted = [
        candidate if of is None or calibration.confidence("model", of.features) < THRESHOLD else None
        for of, candidate in zip(written, ruled, strict=True)
    ]
    by_rules = curve(outcomes(doubted)) or curve(outcomes(ruled))
    return calibration.model_copy(update={"fallback": by_rules})


def _weights(examples: Sequence[Example], unseen: Sequence[str]) -> list[float]:
    """Half of the weight for unseen sources, if there are enough of them.

    A shop that installs an adapter is unseen and one that trains it is known; one curve serves both, and there are
    many more known validation examples than unseen ones.
    """
    is_unseen = [e.source in unseen for e in examples]
    n = sum(is_unseen)
    if n < FEWEST or len(examples) - n < FEWEST:
        return [1.0] * len(examples)
    return [len(examples) / (2 * (n if flag else len(examples) - n)) for flag in is_unseen]


def curve(outcomes: Sequence[Outcome]) -> Curve | None:
    """Regularised logistic regression over the standardised features; None where there are fewer than FEWEST.

    A feature that an answer lacks counts as the mean of the others. Where all answers are right, or all are wrong, the
    curve is the share of right ones, with one more of each kind (Laplace's rule of succession).
    """
    if len(outcomes) < FEWEST:
        return None
    right = np.array([o.right for o in outcomes])
    weights = np.array([o.weight for o in outcomes])
    if right.all() or not right.any():
        share = (weights[right].sum() + 1) / (weights.sum() + 2)
        return Curve(intercept=_rounded(np.log(share / (1 - share))))
    names = sorted({name for o in outcomes for name in o.features})
    values = np.array([[o.features.get(name, np.nan) for name in names] for o in outcomes], dtype=float)
    means, scales = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    varies = scales > 1e-6
    standard = np.nan_to_num((values - means)[:, varies] / scales[varies])
    if not standard.shape[1]:
        standard = np.zeros((len(outcomes), 1))
    model = LogisticRegression(max_iter=1_000).fit(standard, right, sample_weight=weights)
    varying = zip(np.array(names)[varies], means[varies], scales[varies], model.coef_[0], strict=False)
    terms = {
        str(name): Term(mean=_rounded(mean), scale=_rounded(scale), weight=_rounded(weight))
        for name, mean, scale, weight in varying
    }
    return Curve(intercept=_rounded(model.intercept_[0]), terms=terms)


def _rounded(value: float) -> float:
    return float(f"{value:.10g}")


def reliabilities(answers: Sequence[JudgedAnswer], unseen: Sequence[str]) -> dict[str, Reliability]:
    """The reliability of the confidence on known and on unseen sources, of those that there are answers of."""
    groups = {KNOWN: [a for a in answers if a.source not in unseen], UNSEEN: [a for a in answers if a.source in unseen]}
    return {name: reliability(group) for name, group in groups.items() if group}


def reliability(answers: Sequence[JudgedAnswer]) -> Reliability:
    """How far the confidence in answers can be trusted."""
    confidence, right = confidences(answers)
    return Reliability(
        answers=len(answers),
        error=round(calibration_error(confidence, right), 4),
        auc=round(float(roc_auc_score(right, confidence)), 4) if 0 < right.sum() < len(right) else None,
        sure_and_wrong=round(float(((confidence >= SURE) & (right == 0)).mean()), 4),
        reviewed=round(float((confidence < THRESHOLD).mean()), 4),
    )


def confidences(answers: Sequence[JudgedAnswer]) -> tuple[Floats, Floats]:
    """The confidence in each answer, and 1.0 where it is right."""
    return np.array([a.confidence for a in answers], dtype=float), np.array([a.right for a in answers], dtype=float)


def bin_of(confidence: Floats) -> NDArray[np.int_]:
    """Which of `BINS` bins each confidence is in."""
    bins: NDArray[np.int_] = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return bins


def calibration_error(confidence: Floats, right: Floats) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy in the bins, weighted by their answers.

    Guo et al. 2017, https://arxiv.org/abs/1706.04599.
    """
    bins = bin_of(confidence)
    gaps = (abs((confidence - right)[bins == b].sum()) for b in range(BINS))
    return float(sum(gaps) / len(confidence)) if len(confidence) else 0.0
