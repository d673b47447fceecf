"""The training examples that a few-shot prompt shows: those nearest to the input.

The nearest are the stronger practice over the same few for every input (Liu et al. 2022,
https://aclanthology.org/2022.deelio-1.10). Knows the task's contract, no model: how many fit is the
decoder's to say. Called by `training.evaluation.evaluate`.
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
MEMORY = 64  # MiB of distances at a time


def nearest(
    task: Task[Any, Any], train: Sequence[Example], test: Sequence[Example], ontology: Ontology
) -> list[list[list[Message]]]:
    """For each test example the turns of up to SHOTS training examples, the nearest first.

    Nearness is the cosine of TF-IDF over the words of the prompt; examples known in part only
    have no whole line to show and are left out.
    """
    known = [e for e in train if e.known_fields is None]
    if not known or not test:
        return [[] for _ in test]
    vectors = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\S+")
    shown = vectors.fit_transform(_asked(task, e, ontology) for e in known)
    search = NearestNeighbors(n_neighbors=min(SHOTS, len(known)), metric="cosine").fit(shown)
    with config_context(working_memory=MEMORY):
        asked = vectors.transform(_asked(task, e, ontology) for e in test)
        found = search.kneighbors(asked, return_distance=False)
    return [[_turns(task, known[i], ontology) for i in row] for row in found]


def _asked(task: Task[Any, Any], example: Example, ontology: Ontology) -> str:
    return task.prompt(example.request, ontology)[-1]["content"]


def _turns(task: Task[Any, Any], example: Example, ontology: Ontology) -> list[Message]:
    """The input and its line, without the system's message, which comes once."""
    asked = [m for m in task.prompt(example.request, ontology) if m["role"] != "system"]
    return [*asked, {"role": "assistant", "content": task.encode(example.labels)}]
