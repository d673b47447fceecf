"""Each task's labels in JSON: encoded, decoded, and within the schema that a server is given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters.tasks import classify, copywrite, extract, rewrite, tasks
from adapters.tasks.contract import LineError
from loadtests.peers import as_json
from tests.adapters.tasks.grammars import admits
from tests.adapters.tasks.strategies import LABELLED, SHOP

quick = settings(max_examples=50, deadline=None)
every_task = pytest.mark.parametrize("name", sorted(as_json.JSON_TASKS))

REVIEW = "Great for beginners but the handle is uncomfortable"
EXAMPLES: dict[str, tuple[Any, Any, str]] = {
    "classify": (
        classify.Request(title="Turtle Check Men Navy Blue Shirt"),
        classify.Labels(category="Shirts", attributes={"color": "navy blue", "gender": "men"}),
        '{"category":"Shirts","color":"navy blue","gender":"men"}',
    ),
    "rewrite": (
        rewrite.Request(query="Something red and flowy for a wedding"),
        rewrite.Labels(tags=["other", "color", "other", "shape", "occasion", "+", "+"]),
        '{"color":["red"],"occasion":["for a wedding"],"shape":["flowy"]}',
    ),
    "extract": (
        extract.Request(review=REVIEW),
        extract.Labels(
            overall_sentiment="positive",
            use_case="beginner",
            aspects=[
                extract.Aspect(aspect="handle", category="comfort", sentiment="negative", opinion="uncomfortable")
            ],
        ),
        '{"sentiment":"positive","use_case":"beginner","aspects":[{"category":"comfort",'
        '"sentiment":"negative","part":"handle","opinion":"uncomfortable"}]}',
    ),
    "copywrite": (
        copywrite.Request(name="candle"),
        copywrite.Labels(description="Soft light — at last."),
        '{"description":"Soft light — at last."}',
    ),
}


def encode(name: str, labels: Any, request: Any) -> str:
    task = as_json.JSON_TASKS[name]
    return task.encode(task.complete(labels, request, SHOP))


def decode(name: str, line: str, request: Any) -> Any:
    """The typed task's labels of a line."""
    task = as_json.JSON_TASKS[name]
    return task.to_labels(task.decode(line, request, SHOP).answer, request, SHOP)


@st.composite
def labelled(draw: st.DrawFn, name: str) -> tuple[Any, Any]:
    """A request and labels within the bounds that examples are cut to."""
    request, labels = draw(LABELLED[name])
    if name == "extract":
        assume(len(labels.aspects) <= extract.MAX_ASPECTS)
    if name == "copywrite":
        assume(len(labels.description) <= as_json.LONGEST_TEXT)
    return request, labels


def phrases(labels: rewrite.Labels, request: rewrite.Request) -> list[tuple[str, str]]:
    words = rewrite.query_words(request.query)
    spans = rewrite.spans(labels.tags)
    return sorted((kind, " ".join(words[start:end])) for kind, start, end in spans)


@every_task
def test_an_answer_is_compact_json(name: str) -> None:
    request, labels, line = EXAMPLES[name]
    assert encode(name, labels, request) == line
    assert decode(name, line, request) == labels


@every_task
@quick
@given(data=st.data())
def test_decode_is_the_inverse_of_encode(name: str, data: st.DataObject) -> None:
    request, labels = data.draw(labelled(name))
    if name == "rewrite":  # JSON does not say which of two equal phrases it is
        words = rewrite.query_words(request.query)
        assume(len({*words}) == len(words))
    line = encode(name, labels, request)
    assert decode(name, line, request) == labels


@quick
@given(data=st.data())
def test_a_query_gets_only_phrases_of_its_json(data: st.DataObject) -> None:
    request, labels = data.draw(labelled("rewrite"))
    line = encode("rewrite", labels, request)
    decoded = decode("rewrite", line, request)
    left = phrases(labels, request)
    for phrase in phrases(decoded, request):
        left.remove(phrase)


@pytest.mark.parametrize(
    ("answer", "tags"),
    [
        ({"color": ["red"], "brand": ["dark red"]}, "brand + color"),
        ({"color": ["red", "red", "red"]}, "other color color"),
        ({"color": ["blue", "", "red"]}, "other color other"),
    ],
)
def test_phrases_are_tagged_where_the_query_has_them(answer: dict[str, list[str]], tags: str) -> None:
    request = rewrite.Request(query="dark red red")
    decoded = decode("rewrite", json.dumps(answer), request)
    assert decoded.tags == tags.split()


@every_task
@quick
@given(data=st.data())
def test_every_answer_is_within_the_schema_and_its_grammar(name: str, data: st.DataObject) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    request, labels = data.draw(labelled(name))
    line = encode(name, labels, request)
    jsonschema.validate(json.loads(line), as_json.schema(name, SHOP))
    if "\\" not in line:  # xgrammar has no escapes in a string whose length is bounded
        assert admits(as_json.JSON_TASKS[name].grammar(request, SHOP), line)


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all schemas in it."""
    yield schema
    for part in [*schema.get("properties", {}).values(), schema.get("items")]:
        if part:
            yield from parts(part)


@every_task
def test_the_schema_leaves_nothing_open(name: str) -> None:
    for part in parts(as_json.schema(name, SHOP)):
        match part.get("type"):
            case "object":
                assert part["additionalProperties"] is False
            case "array":
                assert part["maxItems"]
            case "string":
                assert part["maxLength"]
            case kind:
                assert kind == "boolean" or part["enum"]


def test_the_schema_of_classify_has_the_values_that_the_grammar_has() -> None:
    schema = as_json.schema("classify", SHOP)["properties"]
    assert set(schema["category"]["enum"]) == {None, *SHOP.categories}
    grammar = tasks()["classify"].grammar(classify.Request(title="shirt"), SHOP)
    attributes = {name: part for name, part in schema.items() if name != "category"}
    assert set(attributes) == {*classify.DECIDED}
    for name, value in ((name, value) for name, part in attributes.items() for value in part["enum"]):
        assert admits(grammar, f"shirts; {value if name == 'color' else '-'}; {value if name == 'gender' else '-'}")


@every_task
def test_a_truncated_line_is_refused(name: str) -> None:
    request, _, line = EXAMPLES[name]
    for end in range(len(line)):
        with pytest.raises(LineError):
            decode(name, line[:end], request)


@every_task
@pytest.mark.parametrize("line", ["", "null", "[]", '"text"', "7", "[" * 5000])
def test_a_line_that_is_no_object_is_refused(name: str, line: str) -> None:
    with pytest.raises(LineError):
        decode(name, line, EXAMPLES[name][0])


def test_an_unknown_category_is_refused() -> None:
    request = EXAMPLES["classify"][0]
    with pytest.raises(LineError):
        decode("classify", '{"category":"Space Ships"}', request)
