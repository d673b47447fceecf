"""For every task, lines, grammar and labels agree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.tasks import classify, extract, task, tasks
from adapters.tasks.contract import Task
from tests.adapters.tasks.grammars import admits
from tests.adapters.tasks.strategies import CHARACTERS, LABELLED, SHOP, mutated

quick = settings(max_examples=50, deadline=None)
every_task = pytest.mark.parametrize("name", sorted(LABELLED))

ODD_SHOP = """\
version: 1
taxonomy:
  Home:
    Décor & more:
      'Vases "crème brûlée"': []
      C:\\Drives: []
      Nº 5 - big/small [x]: []
attributes:
  color:
    bleu (foncé): [navy]
    "日本の青": []
aspects:
  general: [product]
  Ease-of-use 2: [handling]
  after_sales: [support]
  returns + refunds: [refund]
use_cases:
  dad's "shed" - and more: [novice]
"""


@pytest.fixture(scope="module")
def odd_shop(tmp_path_factory: pytest.TempPathFactory) -> Ontology:
    """Names with quotes, signs and accents, and no gender."""
    file = tmp_path_factory.mktemp("odd") / "ontology.yaml"
    file.write_text(ODD_SHOP, "utf-8")
    return Ontology.load(file)


def example(name: str) -> Any:
    """The example of a task, of seven words and with two passages."""
    return task(name).request(**task(name).example)


def agree(task: Task[Any, Any], line: str, request: Any, ontology: Ontology = SHOP) -> bool:
    """Asserts that the grammar admits the line if and only if it decodes; whether it does."""
    admitted = admits(task.grammar(request, ontology), line)
    assert admitted == (task.read(line, request, ontology) is not None), repr(line)
    return admitted


def test_every_task_is_tested_here() -> None:
    assert list(tasks()) == sorted(LABELLED)
    with pytest.raises(KeyError, match="no task 'translate'; there are churn, classify, copywrite"):
        task("translate")


@every_task
def test_its_example_and_warm_requests_are_requests(name: str) -> None:
    request = example(name)
    messages = task(name).prompt(request, SHOP)
    assert [message["role"] for message in messages] == ["system", "user"]
    assert task(name).warm()
    assert 1 < task(name).max_tokens(request) <= 300


@every_task
@quick
@given(data=st.data())
def test_decode_is_the_inverse_of_encode(name: str, data: st.DataObject) -> None:
    request, labels = data.draw(LABELLED[name])
    line = task(name).encode(labels)
    assert "\n" not in line
    assert task(name).decode(line, request, SHOP) == labels


@every_task
@quick
@given(data=st.data())
def test_the_grammar_admits_every_encoded_line(name: str, data: st.DataObject) -> None:
    request, labels = data.draw(LABELLED[name])
    assert agree(task(name), task(name).encode(labels), request)


@every_task
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_the_grammar_admits_exactly_what_decodes(name: str, data: st.DataObject) -> None:
    request, labels = data.draw(LABELLED[name])
    line = data.draw(mutated(task(name).encode(labels)))
    if agree(task(name), line, request):
        decoded = task(name).decode(line, request, SHOP)
        assert task(name).encode(decoded) == line


@every_task
@quick
@given(line=st.text(CHARACTERS | st.characters(codec="utf-8")))
def test_any_text_decodes_or_is_a_line_error(name: str, line: str) -> None:
    agree(task(name), line, example(name))


@every_task
@pytest.mark.parametrize("line", ["", " ", "-", "; ", "\u00a0", "\u2003x", "a\u0000b", "a\nb", "x\x7f"])
def test_lines_at_the_edge(name: str, line: str) -> None:
    agree(task(name), line, example(name))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("classify", "shirts; navy blue; men"),
        ("classify", "candles; -; -"),
        ("rewrite", "other color other shape occasion + +"),
        ("extract", "positive; no; beginner; comfort - handle: uncomfortable"),
        ("extract", "negative; yes; home repair; ease of use - after 20 minutes"),
        ("extract", "mixed; no; -; -"),
        ("extract", "positive; no; -; fit + 20 minutes: great; fit + great for; fit - for"),
        ("extract", "positive; no; -; fit + great; fit = great; fit - for beginners but the handle"),
        ("copywrite", "Soft light, at last — for 40 hours."),
        ("churn", "stays"),
        ("churn", "leaves"),
        ("churn", "leaves; monthly contract; failed payment"),
        ("support", "handoff"),
        ("support", "2: 2 to 4 days: no more."),
        ("support", "1, 2: Yes."),
    ],
)
def test_these_lines_decode(name: str, line: str) -> None:
    assert agree(task(name), line, example(name))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("classify", "shirts; navy blue"),
        ("classify", "shirts; men; navy blue"),
        ("classify", "shirts; navy; men"),
        ("classify", "Shirts; navy blue; men"),
        ("rewrite", "color color color color color color"),
        ("rewrite", "color color color color color color color color"),
        ("rewrite", "+ color other shape occasion + +"),
        ("rewrite", "other + other shape occasion + +"),
        ("extract", "positive; no; -"),
        ("extract", "positive; no; -; "),
        ("extract", "positive; no; -; -; fit + great"),
        ("extract", "positive; maybe; -; -"),
        ("extract", "positive; no; home_repair; -"),
        ("extract", "positive; no; -; ease_of_use + great"),
        ("extract", "positive; no; -; warmth + great"),
        ("extract", "positive; no; -; fit + handle: is: great"),
        ("extract", "positive; no; -; fit +"),
        ("extract", "positive; no; -; fit + handle:"),
        ("extract", "positive; no; -; fit + comfortable"),
        ("extract", "positive; no; -; fit + the grip: uncomfortable"),
        ("extract", "positive; no; -; fit + beginners; fit + great"),
        ("extract", "positive; no; -; fit + great; fit + great; fit + great"),
        ("extract", "positive; no; -; fit + great beginners"),
        ("churn", "stays; monthly contract"),
        ("churn", "leaves; failed payment; monthly contract"),
        ("churn", "leaves; monthly_contract"),
        ("support", "3: There are two passages."),
        ("support", "2, 1: Yes."),
        ("support", "1,2: Yes."),
        ("support", "1: "),
        ("support", "Yes."),
    ],
)
def test_these_lines_do_not_decode(name: str, line: str) -> None:
    assert not agree(task(name), line, example(name))


@quick
@given(data=st.data())
def test_names_with_quotes_signs_and_accents(data: st.DataObject, odd_shop: Ontology) -> None:
    category = data.draw(st.sampled_from(sorted(odd_shop.categories)))
    color = data.draw(st.sampled_from(odd_shop.attributes["color"].values))
    classified = classify.Labels(category=category, attributes={"color": color})
    aspect = extract.Aspect(
        aspect=data.draw(st.sampled_from([None, "handle"])),
        category=data.draw(st.sampled_from(odd_shop.aspects)),
        sentiment="negative",
        opinion=data.draw(st.sampled_from(["uncomfortable", "after 20 minutes"])),
    )
    (use,) = odd_shop.use_cases
    extracted = extract.Labels(overall_sentiment="mixed", use_case=use, aspects=[aspect])
    for name, labels in (("classify", classified), ("extract", extracted)):
        request, line = example(name), task(name).encode(labels)
        assert agree(task(name), line, request, odd_shop)
        assert task(name).decode(line, request, odd_shop) == labels
        agree(task(name), data.draw(mutated(line)), request, odd_shop)


def test_a_shop_without_genders_leaves_the_field_unknown(odd_shop: Ontology) -> None:
    request = classify.Request(title="vase")
    leaf = 'vases "crème brûlée"'
    assert agree(classify.TASK, f"{leaf}; -; -", request, odd_shop)
    assert not agree(classify.TASK, f"{leaf}; -; men", request, odd_shop)


def test_adapters_import_neither_vllm_nor_torch() -> None:
    check = (
        "import sys; from adapters.tasks import tasks; tasks();"
        "print(sorted({'torch', 'vllm', 'xgrammar'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=Path(__file__).parents[3], text=True, capture_output=True, check=True
    )
    assert done.stdout == "[]\n"
