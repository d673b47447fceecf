"""Extract: what training knows of it."""

from __future__ import annotations

from adapters.tasks import extract
from training.tasks.contract import TrainingTask


class ExtractTraining(TrainingTask):
    """What training knows of extract."""


TRAINING = ExtractTraining(extract.TASK)
