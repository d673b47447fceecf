"""Lines from a base with random weights: the grammar alone makes them decode."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.ontology import Ontology
from adapters.tasks import task
from training.evaluation.decoding import Decoder

TITLES = ["red shirt", "a very long title of a washing machine with many words in it", "tv", "mug"]
QUERIES = ["red", "red maxi dress for a wedding", "shoes under $20", "gift for men"]


@pytest.fixture(scope="module")
def decoder(tiny_base: Path, ontology: Ontology) -> Decoder:
    return Decoder(tiny_base, None, ontology)


def requests(name: str) -> list[object]:
    field, texts = {"classify": ("title", TITLES), "rewrite": ("query", QUERIES)}[name]
    return [task(name).request.model_validate({field: text}) for text in texts]


@pytest.mark.parametrize(("name", "samples"), [("classify", 1), ("rewrite", 1), ("rewrite", 3)])
def test_every_line_decodes(name: str, samples: int, decoder: Decoder, ontology: Ontology) -> None:
    batch = requests(name)
    temperature = 1.0 if samples > 1 else 0.0
    # Random weights spell words letter by letter, hence the limit.
    decoded = decoder.lines(task(name), batch, samples=samples, temperature=temperature, batch=6, max_tokens=100)
    assert [len(lines) for lines in decoded] == [samples] * len(batch)
    for request, lines in zip(batch, decoded, strict=True):
        for sample in lines:
            task(name).decode(sample.line, request, ontology)
            assert sample.logprob <= 0 and sample.tokens >= 1


def test_greedy_lines_are_the_same_again_and_in_any_batch(decoder: Decoder) -> None:
    batch = requests("classify")
    together = decoder.lines(task("classify"), batch)
    assert decoder.lines(task("classify"), batch) == together
    for order in (batch[::-1], batch[:1]):
        alone = decoder.lines(task("classify"), order, batch=1)
        for request, (sample,) in zip(order, alone, strict=True):
            expected = together[batch.index(request)][0]
            assert (sample.line, sample.tokens) == (expected.line, expected.tokens)
            assert sample.logprob == pytest.approx(expected.logprob, abs=1e-3)


def test_samples_follow_the_seed(decoder: Decoder) -> None:
    batch = requests("classify")
    drawn = [decoder.lines(task("classify"), batch, samples=2, temperature=1.0, seed=seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_line_stops_at_its_limit_and_no_request_is_no_line(decoder: Decoder) -> None:
    ((decoded,),) = decoder.lines(task("classify"), requests("classify")[:1], max_tokens=2)
    assert decoded.tokens == 2
    assert decoder.lines(task("classify"), []) == []
