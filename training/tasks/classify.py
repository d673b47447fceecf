"""Classify: what training knows of it."""

from __future__ import annotations

from adapters.tasks import classify
from training.tasks.contract import TrainingTask


class ClassifyTraining(TrainingTask):
    """What training knows of classify."""


TRAINING = ClassifyTraining(classify.TASK)
