"""Copywrite: what training knows of it."""

from __future__ import annotations

from adapters.tasks import copywrite
from training.tasks.contract import TrainingTask


class CopywriteTraining(TrainingTask):
    """What training knows of copywrite."""


TRAINING = CopywriteTraining(copywrite.TASK)
