"""Prices by hand, and that a hosted model reads and writes more than an adapter."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.ontology import Ontology
from adapters.tasks import task
from training import examples
from training.studies import cost as costs
from training.studies.cost import Tokens


def test_a_hosted_price_is_by_the_million_tokens_and_a_machine_is_paid_by_the_hour() -> None:
    assert costs.hosted_price(Tokens(2_000, 100), 0.15, 0.60) == pytest.approx(0.36)
    assert costs.machine_price(3.6, 10) == pytest.approx(0.1)


def test_the_prompts_fields_are_in_the_order_of_the_answer() -> None:
    """A set's order changes from process to process, and the tokens with it."""
    assert costs.own_fields(task("copywrite")) == ["description", "mentioned", "missing", "unsupported"]


@pytest.mark.parametrize("name", ["classify", "rewrite", "extract", "copywrite"])
def test_a_prompted_model_takes_more_tokens(name: str, tiny_base: Path, ontology: Ontology) -> None:
    samples = examples.load(name, examples.SAMPLES / f"{name}.jsonl", ontology)
    adapter = costs.adapter_tokens(task(name), samples, tiny_base, ontology)
    hosted = costs.hosted_tokens(task(name), samples, tiny_base, ontology)
    assert hosted.read > adapter.read > 0
    assert hosted.written > adapter.written > 1
