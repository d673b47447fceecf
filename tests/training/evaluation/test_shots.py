"""What a few-shot prompt shows: the nearest examples, as many as there is room for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.ontology import Ontology
from adapters.tasks import classify, extract, task
from training.evaluation.decoding import Decoder
from training.evaluation.shots import SHOTS, nearest
from training.examples import Example

CLASSIFY = task("classify")


def title(text: str, leaf: str = "Shirts", split: str = "train") -> Example:
    return Example(split, "shop", classify.Request(title=text), classify.Labels(category=leaf))


def shown(turns: list[list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [(asked["content"], line["content"]) for asked, line in turns]


def test_the_nearest_come_first(ontology: Ontology) -> None:
    others = (title("blue jeans", "Jeans"), title("a mug", "Mugs"), title("green shirt"))
    train = [*others, title("red cotton shirt"), title("Red Shirt")]
    (turns,) = nearest(CLASSIFY, train, [title("red shirt", split="test")], ontology)
    assert len(turns) == SHOTS
    assert shown(turns)[:2] == [("red shirt", "shirts; -; -"), ("red cotton shirt", "shirts; -; -")]
    assert [m["role"] for m in turns[0]] == ["user", "assistant"]


def test_no_example_is_shown_where_there_is_none(ontology: Ontology) -> None:
    assert nearest(CLASSIFY, [], [title("red shirt")], ontology) == [[]]
    assert nearest(CLASSIFY, [title("red shirt")], [], ontology) == []


def test_examples_known_in_part_are_not_shown(ontology: Ontology) -> None:
    def review(text: str, known_fields: int | None) -> Example:
        labels = extract.Labels(overall_sentiment="negative", use_case="beginner")
        return Example("train", "hatn", extract.Request(review=text), labels, known_fields)

    train = [review("bad handle", 3), review("good price", None)]
    (turns,) = nearest(task("extract"), train, [review("bad handle", 3)], ontology)
    assert [asked for asked, _ in shown(turns)] == ["good price"]


@pytest.fixture(scope="module")
def decoder(tiny_base: Path, ontology: Ontology) -> Decoder:
    return Decoder(tiny_base, None, ontology)


def turns(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}, {"role": "assistant", "content": "shirts"}]


def test_the_nearest_stands_last_and_the_system_first(decoder: Decoder, ontology: Ontology) -> None:
    asked = CLASSIFY.prompt(classify.Request(title="red shirt"), ontology)
    prompt = decoder._prompt(asked, [turns("nearest"), turns("farther")], 128)
    assert prompt == (
        "<|system|>Classify the product: category; color; gender.<|end|>"
        "<|user|>farther<|end|><|assistant|>shirts<|end|>"
        "<|user|>nearest<|end|><|assistant|>shirts<|end|>"
        "<|user|>red shirt<|end|><|assistant|>"
    )


def test_what_does_not_fit_is_left_out_farthest_first(decoder: Decoder, ontology: Ontology) -> None:
    def prompt(room: int) -> str:
        asked = CLASSIFY.prompt(classify.Request(title="red shirt"), ontology)
        return decoder._prompt(asked, [turns("nearest"), turns("farther"), turns("far")], room)

    length = len(decoder._tokenizer(prompt(10_000), add_special_tokens=False)["input_ids"])
    assert "far<" in prompt(length)
    assert "farther" in prompt(length - 1) and "far<" not in prompt(length - 1)
    assert "nearest" not in prompt(0) and "red shirt" in prompt(0)


def test_lines_after_shots_decode(decoder: Decoder, ontology: Ontology) -> None:
    requests: list[Any] = [classify.Request(title=t) for t in ("red shirt", "blue jeans")]
    found = decoder.lines(CLASSIFY, requests, shots=[[turns("red shirt")], []], max_tokens=100)
    for request, (line,) in zip(requests, found, strict=True):
        CLASSIFY.decode(line.line, request, ontology)
