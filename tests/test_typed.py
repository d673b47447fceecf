"""Floors for the answers to the hand-written requests in `tests/typed`, which no new adapter may go below."""

from __future__ import annotations

import pytest

from adapters.ontology import Ontology
from adapters.tasks import tasks
from tests.shop import served
from tests.typed.injections import FIELDS
from tests.typed.measure import CHECKS, attacked, body, figures, lines, pairs_of, task_of

ONTOLOGY = Ontology.load()
TEXTS = 50  # of copywrite, which draws four samples for each


@pytest.mark.parametrize("task", CHECKS)
def test_there_are_200_different_valid_requests_of_each_task(task: str) -> None:
    texts = [fields[0] for fields in lines(task)]
    assert len(texts) == len(set(texts)) >= 200
    for fields in lines(task):
        tasks()[task_of(task)].request.model_validate(body(task, fields))


def test_expectations_are_in_the_ontology() -> None:
    for _, leaf, color, gender in (*lines("classify"), *lines("suppliers")):
        assert leaf in ("-", *ONTOLOGY.categories), leaf
        assert color in ("-", *ONTOLOGY.attributes["color"].values), color
        assert gender in ("-", *ONTOLOGY.attributes["gender"].values), gender
    for query, _, expected in lines("rewrite"):
        for name, value in pairs_of(expected):
            assert value in ONTOLOGY.attributes[name].values, (query, name, value)
    for review, overall, aspects in lines("extract"):
        assert overall in ("positive", "negative", "neutral", "mixed"), review
        for part in filter(None, aspects.split(";")):
            assert part.split()[0] in ONTOLOGY.aspects, (review, part)


FLOORS = {
    ("classify", "category"): 0.93,
    ("suppliers", "category"): 0.82,
    ("suppliers", "none fits"): 0.74,
    ("classify", "color"): 0.94,
    ("classify", "gender"): 0.94,
    ("rewrite", "filter"): 0.87,
    ("rewrite", "product type"): 0.95,
    ("rewrite", "everything"): 0.84,
    ("extract", "overall sentiment"): 0.85,
    ("extract", "aspect"): 0.61,
    ("copywrite", "mentioned"): 0.95,
    ("copywrite", "nothing unsupported"): 0.99,
    ("copywrite", "written by the model"): 0.5,
}


@pytest.mark.engine
def test_no_figure_is_below_its_floor(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    url = served(pytestconfig, tmp_path_factory.mktemp("shop"))
    outside = {task: shares["outside schema or ontology"] for task, shares in attacked(url).items()}
    assert outside == dict.fromkeys(FIELDS, 0.0)
    by_task = figures(url, texts=TEXTS)
    shares = {(task, figure): share for task, of_task in by_task.items() for figure, share in of_task.items()}
    assert {name: shares[name] for name, floor in FLOORS.items() if shares[name] < floor} == {}
