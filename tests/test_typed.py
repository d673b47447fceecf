"""Answers to what people type, as `tests/typed` has it: floors that no new adapter may go below."""

from __future__ import annotations

import pytest

from adapters.ontology import Ontology
from adapters.store import default_base
from adapters.tasks import tasks
from tests.shop import served
from tests.typed.asked import CHECKS, body, figures, lines, pairs_of

ONTOLOGY = Ontology.load()


@pytest.mark.parametrize("task", CHECKS)
def test_there_are_enough_and_all_are_valid_requests(task: str) -> None:
    asked = [fields[0] for fields in lines(task)]
    assert len(asked) == len(set(asked)) >= 200
    for fields in lines(task):
        tasks()[task].request.model_validate(body(task, fields))


def test_expectations_are_in_the_ontology() -> None:
    for _, leaf, color, gender in lines("classify"):
        assert leaf in ONTOLOGY.categories, leaf
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
    ("classify", "category"): 0.63,
    ("classify", "color"): 0.94,
    ("classify", "gender"): 0.90,
    ("rewrite", "filter"): 0.75,
    ("rewrite", "product type"): 0.90,
    ("rewrite", "everything"): 0.62,
    ("extract", "overall sentiment"): 0.72,
    ("extract", "aspect"): 0.33,
    ("copywrite", "mentioned"): 0.90,
    ("copywrite", "nothing unsupported"): 0.99,
}


@pytest.mark.engine
@pytest.mark.skipif(not default_base().exists(), reason="no base and adapters are shipped yet")
def test_no_figure_is_below_its_floor(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    found = figures(served(pytestconfig, tmp_path_factory.mktemp("shop")))
    told = {(task, what): share for task, shares in found.items() for what, share in shares.items()}
    assert {name: told[name] for name, floor in FLOORS.items() if told[name] < floor} == {}
