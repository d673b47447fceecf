"""The samples in the package: each is a valid and faithful example of its task."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.ontology import Ontology
from adapters.tasks import copywrite, extract, task
from adapters.words import words
from tests.adapters.tasks.grammars import admits
from training.examples import SAMPLES
from training.text import is_acceptance

SHOP = Ontology.load()
AT_LEAST = {"classify": 60, "rewrite": 60, "extract": 40, "copywrite": 30}
every_task = pytest.mark.parametrize("name", sorted(AT_LEAST))


def examples(name: str) -> list[tuple[Any, Any]]:
    """Requests and labels of the task's models."""
    pairs = []
    for line in (SAMPLES / f"{name}.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        assert list(record) == ["request", "labels"]
        request = task(name).request.model_validate(record["request"])
        pairs.append((request, task(name).labels.model_validate(record["labels"])))
    return pairs


@every_task
def test_there_are_enough_and_no_two_are_alike(name: str) -> None:
    seen = [" ".join(words(request.model_dump_json())) for request, _ in examples(name)]
    assert len(seen) >= AT_LEAST[name]
    assert len(set(seen)) == len(seen)


@every_task
def test_none_is_an_acceptance_example(name: str) -> None:
    assert not is_acceptance((SAMPLES / f"{name}.jsonl").read_text("utf-8"))


@every_task
def test_every_line_decodes_and_its_grammar_admits_it(name: str) -> None:
    for request, labels in examples(name):
        line = task(name).encode(labels)
        assert task(name).decode(line, request, SHOP) == labels
        assert admits(task(name).grammar(request, SHOP), line), line


def test_titles_come_from_all_over_the_shop() -> None:
    departments = {SHOP.categories[labels.category].path[0] for _, labels in examples("classify")}
    assert len(departments) >= 12


def test_queries_have_labels_of_most_types() -> None:
    tags = {tag for _, labels in examples("rewrite") for tag in labels.tags}
    assert {"color", "shape", "type", "department", "occasion", "price", "other", "+"} <= tags
    assert len(tags) >= 15


def test_aspects_and_opinions_are_words_of_the_review() -> None:
    for request, labels in examples("extract"):
        answer = extract.TASK.expand(labels, request, SHOP)
        assert len(answer["aspects"]) == len(labels.aspects)
        for shown, label in zip(answer["aspects"], labels.aspects, strict=True):
            for spelled, span in ((shown.aspect, label.aspect), (shown.opinion, label.opinion)):
                assert (spelled is None) == (span is None)
                assert span is None or span in request.review.lower()


def test_reviews_have_every_sentiment_and_some_mention_difficulty() -> None:
    labels = [labels for _, labels in examples("extract")]
    assert {label.overall_sentiment for label in labels} == set(extract.OVERALL)
    assert {label.mentions_difficulty for label in labels} == {True, False}
    assert len({label.use_case for label in labels}) >= 15


def test_copy_mentions_all_given_facts_and_no_others() -> None:
    for request, labels in examples("copywrite"):
        answer = copywrite.TASK.expand(labels, request, SHOP)
        assert (answer["missing"], answer["unsupported"]) == ([], []), request.name
        assert 25 <= len(labels.description.split()) <= 60
        assert copywrite.TASK.faithful(labels, request, SHOP)
