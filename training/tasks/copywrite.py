"""Copywrite: what training knows of it."""

from __future__ import annotations

from typing import ClassVar

from adapters.tasks import copywrite
from training.tasks.contract import COLOR_COLUMNS, GENDER_COLUMNS, TrainingTask


class CopywriteTraining(TrainingTask):
    """What training knows of copywrite."""

    column_names: ClassVar = {
        "request.name": ("name", "product name", "product title", "title", "item name", "user"),
        "request.category": ("category", "product category", "category name", "product type", "type"),
        "request.attributes.color": COLOR_COLUMNS,
        "request.attributes.gender": GENDER_COLUMNS,
        "labels.description": ("description", "product description", "copy", "long description", "text"),
    }


TRAINING = CopywriteTraining(copywrite.TASK)
