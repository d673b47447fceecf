"""Rewrite: what training knows of it."""

from __future__ import annotations

from adapters.tasks import rewrite
from training.tasks.contract import TrainingTask


class RewriteTraining(TrainingTask):
    """What training knows of rewrite."""


TRAINING = RewriteTraining(rewrite.TASK)
