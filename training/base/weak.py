"""Weak labels: what the ontology and the opinion words alone say of a text that nobody labelled.

Distant supervision (Mintz et al. 2009, https://aclanthology.org/P09-1113) for pretraining: the base
learns the form of the answer lines and the words that they are made of, never a person's label. An
adapter cannot change the output embeddings, so a label word must have a good one before. Called by
`training.base.structure`.
"""

from __future__ import annotations

import random
from typing import Any

from adapters.ontology import Ontology
from adapters.tasks import classify, extract, rewrite
from adapters.tasks.contract import Task
from training.tasks.extract import is_difficult
from training.tasks.synthesis.queries import queries
from training.tasks.synthesis.reviews import reviews
from training.tasks.synthesis.titles import title_of

InstructionExample = tuple[str, str, str]  # instruction, input, output
MADE_UP = 0.3  # of the texts come from templates, with labels that name every slot
LONGEST = 80  # words of a review


class WeakLabels:
    """A text as (instruction, input, answer line) of a task; None where it names nothing."""

    def __init__(self, ontology: Ontology) -> None:
        self._ontology = ontology

    def classify(self, title: str, rng: random.Random) -> InstructionExample | None:
        if rng.random() < MADE_UP:
            leaf = rng.choice(list(self._ontology.categories))
            title, labels = title_of(leaf, self._ontology, rng)
            return self._example(classify.TASK, classify.Request(title=title), labels)
        category = self._ontology.category_in(title)
        if category is None:
            return None
        named = {a: v for a, v, _, _ in reversed(self._ontology.values_in(title))}
        stated = {name: named[name] for name in classify.DECIDED if name in named}
        labels = classify.Labels(category=category.name, attributes=stated)
        return self._example(classify.TASK, classify.Request(title=title[:300]), labels)

    def rewrite(self, query: str, rng: random.Random) -> InstructionExample | None:
        if rng.random() < MADE_UP:
            query, tags = next(queries(self._ontology, 1, rng.getrandbits(32)))
            request, labels = rewrite.Request(query=query), rewrite.Labels(tags=tags)
        else:
            request = rewrite.Request(query=" ".join(query.split()[:12])[:300])
            labels = rewrite.TASK.fallback(request, self._ontology)
        if set(labels.tags) == {rewrite.OTHER}:
            return None
        return self._example(rewrite.TASK, request, labels)

    def extract(self, review: str, rng: random.Random) -> InstructionExample | None:
        if rng.random() < MADE_UP:
            review, labels = next(reviews(self._ontology, 1, rng.getrandbits(32)))
            return self._example(extract.TASK, extract.Request(review=review), labels)
        request = extract.Request(review=" ".join(review.split()[:LONGEST])[:4000])
        labels = extract.TASK.fallback(request, self._ontology)
        labels.mentions_difficulty = is_difficult(request.review)
        return self._example(extract.TASK, request, labels) if labels.aspects else None

    def _example(self, task: Task[Any, Any], request: Any, labels: Any) -> InstructionExample:
        system, user = task.prompt(request, self._ontology)
        return system["content"], user["content"], task.encode(labels)
