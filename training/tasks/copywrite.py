"""Copywrite: pairs of facts and text written for this project, in two voices.

The main figure is the share of the given attributes that the text mentions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from adapters.ontology import Ontology
from adapters.tasks import copywrite
from training.examples import WRITTEN, Example, read
from training.tasks.baselines import Baseline, fallback
from training.tasks.contract import COLOR_COLUMNS, GENDER_COLUMNS, Reader, TrainingTask
from training.tasks.figures import Figures, Terms, share
from training.tasks.wording import distinct, edit_distance, repetition
from training.text import key, split_of


class CopywriteTraining(TrainingTask):
    """An answer is right if it may be shown: `Task.faithful`; figures describe the text that is shown."""

    column_names = {
        "request.name": ("name", "product name", "product title", "title", "item name", "user"),
        "request.category": ("category", "product category", "category name", "product type", "type"),
        "request.attributes.color": COLOR_COLUMNS,
        "request.attributes.gender": GENDER_COLUMNS,
        "labels.description": ("description", "product description", "copy", "long description", "text"),
    }
    recipe = {"modules": "o_proj,down_proj", "epochs": 3, "batch": 16}
    headline_figure = "attributes_mentioned"
    right_when = "it is about the product, claims nothing beyond the facts, leaves out a third at most and has no loop"

    def public_readers(self) -> Mapping[str | None, Reader]:
        return {None: _written_pairs, "advisor": partial(_written_pairs, voice="advisor")}

    def is_right(self, example: Example, answer: Any, ontology: Ontology) -> bool:
        return answer is not None and self.task.faithful(answer, example.request, ontology)

    def figures(self, examples: Sequence[Example], answers: Sequence[Any], ontology: Ontology) -> Figures:
        """Shares of the examples, a missing answer counting for none of them; wording of the texts that there are.

        `edit_distance` of a missing answer is 1. `within_max_words` is of the text as the model wrote it, since what
        is shown is cut to the limit; only where a request has one.
        """
        shown = [_expanded(e, a, ontology) for e, a in zip(examples, answers, strict=True)]
        texts = [fields["description"] for fields in shown if fields]
        claims = [fields["unsupported"] if fields else [] for fields in shown]
        limited = [(e.request.max_words, a) for e, a in zip(examples, answers, strict=True) if e.request.max_words]
        edits = [
            edit_distance(fields["description"], e.labels.description) if fields else 1.0
            for e, fields in zip(examples, shown, strict=True)
        ]
        given = sum(len(e.request.attributes) for e in examples)
        mentioned = sum(len(fields["mentioned"]) for fields in shown if fields)
        figures = {
            "attributes_mentioned": mentioned / given if given else 1.0,
            "invented_color_or_material": share(
                any(claim.startswith(("color:", "material:")) for claim in of_text) for of_text in claims
            ),
            "right_product": share(
                fields and copywrite.is_about_product(fields, e.request, ontology)
                for e, fields in zip(examples, shown, strict=True)
            ),
            "unsupported_claims": share(claims),
            "loops": sum(map(copywrite.has_loop, texts)) / len(examples),
            "mean_words": sum(len(text.split()) for text in texts) / len(examples),
            "distinct_1": distinct(texts, 1),
            "distinct_2": distinct(texts, 2),
            "repetition": sum(map(repetition, texts)) / len(texts) if texts else 0.0,
            "edit_distance": sum(edits) / len(edits),
        }
        if limited:
            figures["within_max_words"] = share(a and len(a.description.split()) <= most for most, a in limited)
        return figures

    def headline_terms(self, examples: Sequence[Example], answers: Sequence[Any], ontology: Ontology) -> Terms:
        shown = [_expanded(e, a, ontology) for e, a in zip(examples, answers, strict=True)]
        mentioned = [len(fields["mentioned"]) if fields else 0 for fields in shown]
        given = [len(e.request.attributes) for e in examples]
        return np.array([mentioned, given], dtype=float).T

    def baselines(self) -> dict[str, Baseline]:
        return {"template": partial(fallback, self.task)}

    def slice_names(self, request: Mapping[str, Any], line: str) -> Iterable[str]:
        return [str(request.get("category") or "none")]


def _expanded(example: Example, answer: Any, ontology: Ontology) -> dict[str, Any] | None:
    """The fields of the served answer; None where there is no answer."""
    return copywrite.TASK.expand(answer, example.request, ontology) if answer else None


def _written_pairs(ontology: Ontology, seed: int, voice: str | None = None) -> Iterator[Example]:
    """The pairs of one voice; both voices of a product are in one split."""
    for file in sorted((WRITTEN / copywrite.TASK.name).glob("*.jsonl")):
        for example in read(copywrite.TASK.name, file, ontology):
            if example.request.voice == voice:
                yield replace(example, split=split_of(key(example.request.name)), source=WRITTEN.name)


TRAINING = CopywriteTraining(copywrite.TASK)
