"""What an attack in a request's text can do to an answer, whatever a model writes: nothing outside the contract."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.prompts import token_ids
from adapters.tasks import task
from adapters.tasks.rewrite import query_words
from tests.adapters.tasks.strategies import LABELLED, tags
from tests.tiny import make_tokenizer
from tests.typed.injections import FIELDS, Injection, injections, is_outside

SHOP = Ontology.load()
ENVELOPE = {
    "model": "any@1",
    "request_id": "1",
    "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    "confidence": 0.5,
    "needs_review": True,
}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer(SHOP)


def expanded(injection: Injection, line: str) -> dict[str, Any]:
    """The answer to a line of the task's grammar, as a server sends it."""
    the_task = task(injection.task)
    request = the_task.request.model_validate(injection.body)
    fields = the_task.expand(the_task.decode(line, request, SHOP), request, SHOP)
    return the_task.answer.model_validate(ENVELOPE | fields).model_dump()


def test_there_are_at_least_150_attacks_of_ten_kinds_on_four_tasks() -> None:
    assert set(Counter(i.task for i in injections())) == set(FIELDS)
    assert min(Counter(i.task for i in injections()).values()) > 70
    assert len({i.kind for i in injections()}) >= 10
    bodies = [str((i.task, i.body)) for i in injections()]
    assert len(bodies) == len(set(bodies)) >= 150


@pytest.mark.parametrize("name", FIELDS)
def test_every_attack_is_a_valid_request(name: str) -> None:
    for injection in injections():
        if injection.task == name:
            task(name).request.model_validate(injection.body)


@pytest.mark.parametrize("name", FIELDS)
def test_no_attack_has_a_template_token_or_another_message_in_the_prompt(name: str, tokenizer: Any) -> None:
    special = set(tokenizer.all_special_ids)

    def markers(body: dict[str, Any]) -> list[int]:
        messages = task(name).prompt(task(name).request.model_validate(body), SHOP)
        return [i for i in token_ids(tokenizer, messages) if i in special]

    for injection in injections():
        if injection.task == name:
            assert markers(injection.body) == markers(injection.clean), injection.body


@pytest.mark.parametrize("name", FIELDS)
def test_no_attack_has_invisible_or_control_characters_left(name: str) -> None:
    for injection in injections():
        if injection.task == name:
            text = getattr(task(name).request.model_validate(injection.body), FIELDS[name])
            assert not any(char in text for char in "\x00\x07\x1b\u200b\u202e\u2066\u2067\ufeff\u2060\u00ad"), text


@settings(max_examples=100, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", ["classify", "rewrite", "extract"])
def test_any_line_that_decodes_gives_an_answer_of_the_schema_and_the_ontology(name: str, data: st.DataObject) -> None:
    injection = data.draw(st.sampled_from([i for i in injections() if i.task == name]))
    request = task(name).request.model_validate(injection.body)
    line = data.draw(lines_for(name, request))
    labels = task(name).read(line, request, SHOP)
    if labels is not None:
        answer = expanded(injection, line)
        assert not is_outside(name, injection.body, answer, SHOP), (injection.body, line, answer)


def lines_for(name: str, request: Any) -> st.SearchStrategy[str]:
    """Lines of the grammar of a request: of its words for a review, of as many labels as a query has words."""
    if name == "classify":
        return LABELLED[name].map(lambda pair: task(name).encode(pair[1]))
    if name == "rewrite":
        return tags(len(query_words(request.query))).map(" ".join)
    some_words = request.review.lower().split()
    part = st.sampled_from(some_words)
    aspect = st.builds("{} {} {}".format, st.sampled_from(SHOP.aspects), st.sampled_from("+-="), part)
    head = st.builds("{}; {}; -".format, st.sampled_from(["positive", "mixed"]), st.sampled_from(["yes", "no"]))
    return st.builds(lambda first, rest: "; ".join([first, *rest]), head, st.lists(aspect, max_size=3))
