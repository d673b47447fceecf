"""Weak labels: lines that the task's own decoder takes, and that say what the words say."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.tasks import task
from adapters.tasks.contract import Task
from training.base import weak
from training.base.weak import WeakLabels
from training.text import is_acceptance

ONTOLOGY = Ontology.load()
TEXTS = (
    "acme navy blue shirt for men",
    "red dress for a wedding",
    "the battery is great but the strap is hard to open",
    "xyzzy 42",
)
TEXT = st.lists(st.sampled_from(" ".join(TEXTS).split()), min_size=1, max_size=90).map(" ".join)


@pytest.fixture(autouse=True)
def without_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weak, "MADE_UP", 0.0)


def make(name: str, text: str, seed: int = 0) -> tuple[str, str, str] | None:
    return getattr(WeakLabels(ONTOLOGY), name)(text, random.Random(seed))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(("classify", "rewrite", "extract")), TEXT, st.integers(0, 2**32))
def test_lines_decode_as_the_task_does(name: str, text: str, seed: int) -> None:
    of: Task[Any, Any] = task(name)
    made = make(name, text, seed)
    if made is not None:
        system, user, line = made
        field = {"classify": "title", "rewrite": "query", "extract": "review"}[name]
        request = of.request.model_validate({field: user})
        assert of.prompt(request, ONTOLOGY)[0]["content"] == system
        assert of.encode(of.decode(line, request, ONTOLOGY)) == line


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("classify", TEXTS[0], "shirts; navy blue; men"),
        ("rewrite", TEXTS[1], "color type other other occasion"),
        ("extract", TEXTS[2], "neutral; yes; -; battery + battery: great; parts - strap: hard"),
    ],
)
def test_the_line_says_what_the_words_say(name: str, text: str, line: str) -> None:
    made = make(name, text)
    assert made is not None
    assert made[2] == line


@pytest.mark.parametrize("name", ["classify", "extract"])
def test_a_text_that_names_nothing_makes_nothing(name: str) -> None:
    assert make(name, TEXTS[3]) is None


@pytest.mark.parametrize("name", ["classify", "rewrite", "extract"])
def test_templates_make_the_rest(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weak, "MADE_UP", 1.0)
    made = [make(name, TEXTS[3], seed) for seed in range(50)]
    assert len(set(made)) > 40
    assert not any(is_acceptance(example[1]) for example in made if example)
