"""Extract: what training knows of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from adapters.ontology import Ontology
from adapters.tasks import extract
from training.tasks.contract import TEXT_COLUMNS, TrainingTask

STAR_COLUMNS = ("rating", "stars", "star rating", "score")
STARS = {"1": "negative", "2": "negative", "4": "positive", "5": "positive"}  # what 3 means is the shop's to decide


class ExtractTraining(TrainingTask):
    """What training knows of extract."""

    column_names: ClassVar = {
        "request.review": ("review", "review text", "review body", "comment", "feedback", "body", *TEXT_COLUMNS),
        "request.product": ("product", "product name", "product title", "item"),
        "labels.overall_sentiment": ("overall sentiment", "sentiment", "polarity", "label", *STAR_COLUMNS),
    }
    one_right = ("overall_sentiment", "use_case", "mentions_difficulty")

    def cell_values(self, field: str, column: str) -> dict[str, str]:
        return STARS if field == "labels.overall_sentiment" and column in STAR_COLUMNS else {}

    def label_names(self, ontology: Ontology) -> dict[str, dict[str, Sequence[str]]]:
        return {
            "labels.overall_sentiment": dict.fromkeys(extract.OVERALL, ()),
            "labels.use_case": {name: ontology.phrases("use_cases", name) for name in ontology.use_cases},
            "labels.aspects.category": {name: ontology.phrases("aspects", name) for name in ontology.aspects},
            "labels.aspects.sentiment": dict.fromkeys(extract.SIGN_OF, ()),
        }


TRAINING = ExtractTraining(extract.TASK)
