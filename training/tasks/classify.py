"""Classify: what training knows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from adapters.ontology import Ontology
from adapters.tasks import classify
from training.tasks.contract import COLOR_COLUMNS, GENDER_COLUMNS, TEXT_COLUMNS, TrainingTask


class ClassifyTraining(TrainingTask):
    """What training knows of classify."""

    column_names: ClassVar = {
        "request.title": (
            "title",
            "product title",
            "product name",
            "product display name",
            "item name",
            "item title",
            "listing title",
            "name",
            "product",
            "item",
            *TEXT_COLUMNS,
        ),
        "request.description": ("description", "product description", "long description", "details"),
        "request.brand": ("brand", "brand name", "manufacturer", "vendor"),
        "labels.category": (
            "category",
            "product category",
            "category name",
            "category label",
            "category path",
            "product type",
            "article type",
            "subcategory",
            "sub category",
            "type",
            "label",
            "class",
        ),
        "labels.attributes.color": COLOR_COLUMNS,
        "labels.attributes.gender": GENDER_COLUMNS,
    }
    one_right = ("category", "attributes.color", "attributes.gender")

    def label_values(self, labels: Mapping[str, Any]) -> list[str]:
        category = labels.get("category")
        return [category] if isinstance(category, str) else []

    def label_names(self, ontology: Ontology) -> dict[str, dict[str, Sequence[str]]]:
        categories = ontology.categories.items()
        return {
            "labels.category": {name: (leaf.id, *leaf.synonyms) for name, leaf in categories},
            **{
                f"labels.attributes.{name}": {value: ontology.phrases(name, value) for value in attribute.values}
                for name, attribute in ontology.attributes.items()
            },
        }


TRAINING = ClassifyTraining(classify.TASK)
