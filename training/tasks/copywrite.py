"""Copywrite: the retail store's descriptions, and an adviser's sentences as the variant `advisor`.

The main figure is the share of the given attributes that the text mentions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from adapters.ontology import Ontology
from adapters.tasks import copywrite
from adapters.words import words
from training.examples import Example
from training.public import readers
from training.tasks.baselines import Baseline, fallback
from training.tasks.contract import COLOR_COLUMNS, GENDER_COLUMNS, Reader, TrainingTask
from training.tasks.figures import Figures, Terms, share
from training.tasks.retail import REPOSITORY, RETAIL, retail_leaves
from training.tasks.wording import distinct, edit_distance, repetition

# The attributes that a reference description gives its request, by precedence.
GIVEN = "color material pattern season condition occasion silhouette style shape gender feature".split()
SHORTEST = 12  # words; shorter descriptions of the store are labels, not copy
SPOKEN_STEP = 3  # every third of the adviser's sentences, which are many and alike


class CopywriteTraining(TrainingTask):
    """An answer is right if it may be shown: `Task.faithful`; figures describe the text that is shown."""

    column_names = {
        "request.name": ("name", "product name", "product title", "title", "item name", "user"),
        "request.category": ("category", "product category", "category name", "product type", "type"),
        "request.attributes.color": COLOR_COLUMNS,
        "request.attributes.gender": GENDER_COLUMNS,
        "labels.description": ("description", "product description", "copy", "long description", "text"),
    }
    recipe = {"modules": "o_proj,down_proj", "epochs": 1, "batch": 16}
    repositories = {RETAIL: REPOSITORY, "rnnlg": "shawnwun/RNNLG"}
    headline_source, headline_figure = RETAIL, "attributes_mentioned"
    right_when = "it has no loop, claims nothing beyond the facts and leaves out a third at most"

    def public_readers(self) -> Mapping[str | None, Reader]:
        return {None: _descriptions, "advisor": _spoken_sentences}

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


def _descriptions(ontology: Ontology, seed: int) -> Iterator[Example]:
    """Facts are read from the description itself, so that no reference goes beyond its request."""
    leaves = retail_leaves()
    for product in readers.products():
        request = copywrite.Request(
            name=product.name,
            category=leaves[f"{product.category}/{product.style}"],
            attributes=_facts(product.description, ontology),
        )
        usable = len(words(product.description)) >= SHORTEST and request.attributes
        if usable and not copywrite.unsupported(product.description, request, ontology):
            labels = copywrite.Labels(description=product.description)
            yield Example(product.split, RETAIL, request, labels)


def _spoken_sentences(ontology: Ontology, seed: int) -> Iterator[Example]:
    """A second voice: one spoken sentence, as an adviser in a shop would say it (RNNLG)."""
    sentences = (s for domain in ("laptop", "tv") for s in readers.slot_sentences(domain))
    for number, sentence in enumerate(sentences):
        facts = {name: value for name, value in sentence.slots.items() if name not in ("name", "type")}
        yes_or_no = {"true", "false", "dontcare", "none"} & set(facts.values())
        if number % SPOKEN_STEP or yes_or_no or not facts or "name" not in sentence.slots:
            continue
        name, category = sentence.slots["name"], sentence.slots.get("type")
        request = copywrite.Request(name=name, category=category, attributes=facts)
        labels = copywrite.Labels(description=sentence.sentence)
        fields = copywrite.TASK.expand(labels, request, ontology)
        if not fields["missing"] and not fields["unsupported"]:
            yield Example(sentence.split, "rnnlg", request, labels)


def _facts(description: str, ontology: Ontology) -> dict[str, str]:
    """Attributes in the description's own words, each word under one attribute only."""
    description_words = words(description)
    matches = [match for match in ontology.values_in(description) if match[0] in GIVEN]
    matches.sort(key=lambda match: (match[2] - match[3], GIVEN.index(match[0])))  # longest first
    taken: set[int] = set()
    facts: dict[str, list[str]] = {}
    for attribute, _, start, end in matches:
        if taken.isdisjoint(range(start, end)):
            taken.update(range(start, end))
            facts.setdefault(attribute, []).append(" ".join(description_words[start:end]))
    return {attribute: " and ".join(dict.fromkeys(facts[attribute])) for attribute in GIVEN if attribute in facts}


TRAINING = CopywriteTraining(copywrite.TASK)
