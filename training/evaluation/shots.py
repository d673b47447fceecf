"""The training examples that a few-shot prompt shows: those nearest to the input.

Nearest examples work better than the same few for every input (Liu et al. 2022,
https://aclanthology.org/2022.deelio-1.10). How many of them fit is for `answers` to find out. Called by `evaluate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn import config_context
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NearestNeighbors

from adapters.ontology import Ontology
from adapters.tasks.contract import Message, Task
from training.examples import Example

SHOTS = 4
MEMORY = 64  # MiB of distances at once


def nearest(
    task: Task[Any, Any], train: Sequence[Example], test: Sequence[Example], ontology: Ontology
) -> list[list[list[Message]]]:
    """For each test example the messages of up to `SHOTS` training examples, the nearest first.

    Nearness is the cosine of TF-IDF vectors of the prompts' words. Partial examples have no whole line to show and
    are left out.
    """
    whole = [e for e in train if e.known_fields is None]
    if not whole or not test:
        return [[] for _ in test]
    vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\S+")
    train_vectors = vectorizer.fit_transform(_input(task, e, ontology) for e in whole)
    index = NearestNeighbors(n_neighbors=min(SHOTS, len(whole)), metric="cosine").fit(train_vectors)
    with config_context(working_memory=MEMORY):
        test_vectors = vectorizer.transform(_input(task, e, ontology) for e in test)
        neighbours = index.kneighbors(test_vectors, return_distance=False)
    return [[_messages(task, whole[i], ontology) for i in row] for row in neighbours]


def _input(task: Task[Any, Any], example: Example, ontology: Ontology) -> str:
    return task.prompt(example.request, ontology)[-1]["content"]


def _messages(task: Task[Any, Any], example: Example, ontology: Ontology) -> list[Message]:
    """The input and its line, without the system's message, which comes once."""
    messages = [m for m in task.prompt(example.request, ontology) if m["role"] != "system"]
    return [*messages, {"role": "assistant", "content": task.encode(example.labels)}]
