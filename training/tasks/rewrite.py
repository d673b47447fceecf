"""Rewrite: what training knows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from adapters.ontology import Ontology
from adapters.tasks import rewrite
from training.tasks.contract import TEXT_COLUMNS, TrainingTask


class RewriteTraining(TrainingTask):
    """What training knows of rewrite."""

    column_names: ClassVar = {
        "request.query": ("query", "search query", "search term", "search", "keyword", "q", *TEXT_COLUMNS),
        "labels.tags": ("tags", "labels", "tag"),
    }
    one_right = ("tags",)
    word_label = "tags"

    def label_values(self, labels: Mapping[str, Any]) -> list[str]:
        tags = labels.get("tags")
        names = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
        return [tag for tag in names if tag not in (rewrite.CONTINUES, rewrite.OTHER)] or names[:1]

    def label_names(self, ontology: Ontology) -> dict[str, dict[str, Sequence[str]]]:
        return {"labels.tags": dict.fromkeys((*rewrite.TYPES, rewrite.OTHER, rewrite.CONTINUES), ())}


TRAINING = RewriteTraining(rewrite.TASK)
