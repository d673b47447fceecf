"""What a few-shot prompt shows: the nearest examples, as many as there is room for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.ontology import Ontology
from adapters.prompts import token_ids
from adapters.tasks import classify, task
from tests.training.tasks.builders import review, title
from training.evaluation.decoding import Decoder
from training.evaluation.shots import SHOTS, nearest

CLASSIFY = task("classify")


def shown(shots: list[list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [(request["content"], line["content"]) for request, line in shots]


def test_the_nearest_come_first(ontology: Ontology) -> None:
    others = (title("blue jeans", "Jeans"), title("a mug", "Mugs"), title("green shirt", "Shirts"))
    train = [*others, title("red cotton shirt", "Shirts"), title("Red Shirt", "Shirts")]
    (shots,) = nearest(CLASSIFY, train, [title("red shirt", "Shirts")], ontology)
    assert len(shots) == SHOTS
    assert shown(shots)[:2] == [("red shirt", "shirts; -; -"), ("red cotton shirt", "shirts; -; -")]
    assert [m["role"] for m in shots[0]] == ["user", "assistant"]


def test_no_example_is_shown_where_there_is_none(ontology: Ontology) -> None:
    assert nearest(CLASSIFY, [], [title("red shirt", "Shirts")], ontology) == [[]]
    assert nearest(CLASSIFY, [title("red shirt", "Shirts")], [], ontology) == []


def test_partial_examples_are_not_shown(ontology: Ontology) -> None:
    whole, partial = review("negative; no; -; -"), review("negative; no; beginner; -", known_fields=3)
    (shots,) = nearest(task("extract"), [partial, whole], [partial], ontology)
    assert [line for _, line in shown(shots)] == [task("extract").encode(whole.labels)]


@pytest.fixture(scope="module")
def decoder(tiny_base: Path, ontology: Ontology) -> Decoder:
    return Decoder(tiny_base, None, ontology)


def shot(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}, {"role": "assistant", "content": "shirts"}]


def contents(decoder: Decoder, ontology: Ontology, room: int, *texts: str) -> list[str]:
    """The messages' texts after the system's, for a request `red shirt` and shots of these texts."""
    messages = CLASSIFY.prompt(classify.Request(title="red shirt"), ontology)
    chat = decoder._with_shots(messages, [shot(text) for text in texts], room)
    assert chat[0] == messages[0]
    return [message["content"] for message in chat[1:]]


def test_the_nearest_stands_last_and_the_system_first(decoder: Decoder, ontology: Ontology) -> None:
    texts = contents(decoder, ontology, 128, "nearest", "farther")
    assert texts == ["farther", "shirts", "nearest", "shirts", "red shirt"]


def test_what_does_not_fit_is_left_out_farthest_first(decoder: Decoder, ontology: Ontology) -> None:
    texts = ("nearest", "farther", "far")
    messages = CLASSIFY.prompt(classify.Request(title="red shirt"), ontology)
    whole = decoder._with_shots(messages, [shot(text) for text in texts], 10_000)
    length = len(token_ids(decoder._tokenizer, whole))
    assert contents(decoder, ontology, length, *texts)[0] == "far"
    assert contents(decoder, ontology, length - 1, *texts)[0] == "farther"
    assert contents(decoder, ontology, 0, *texts) == ["red shirt"]


def test_lines_after_shots_decode(decoder: Decoder, ontology: Ontology) -> None:
    requests: list[Any] = [classify.Request(title=t) for t in ("red shirt", "blue jeans")]
    lines = decoder.lines(CLASSIFY, requests, shots=[[shot("red shirt")], []], max_tokens=100)
    for request, (decoded,) in zip(requests, lines, strict=True):
        CLASSIFY.decode(decoded.line, request, ontology)
