"""Importing: every row becomes a typed example or a reject with its reason."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.tasks import support, task
from adapters.tasks.contract import LineError
from tests.adapters.tasks.strategies import classified, rewritten
from training.data import mapping as mappings
from training.data.importing import Importer, RowError, check_columns, peek, run, suggestions
from training.data.mapping import Mapping, MappingError, guess, read
from training.data.reading import Bad, ReadingError, Row, Source, row_of
from training.examples import load, typed
from training.tasks import training_task

SHOP = Ontology.load()


def importer(name: str, columns: list[str], **changed: Any) -> Importer:
    training = training_task(name)
    return Importer(training, replace(guess(training, columns, SHOP), **changed), SHOP)


def record(name: str, cells: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return importer(name, list(cells), **changed).record(Row(7, cells), "shop.csv")


def test_a_row_becomes_a_typed_example() -> None:
    cells = {
        "title": "cafÃ© <b>shirt</b> 500 Grams",
        "category": "Apparel > Topwear > shirt",
        "colour": "Navy",
        "gender": "N/A",
        "sku": 12.0,
        "price": "3",
    }
    assert record("classify", cells) == {
        "request": {"title": "café shirt 500 g"},
        "labels": {"category": "Shirts", "attributes": {"color": "navy blue"}},
        "origin": {"file": "shop.csv", "row": 7, "sku": "12"},
    }


def test_each_task_has_its_labels() -> None:
    assert record("rewrite", {"query": "red $ 20 dress", "tags": "color price + type"})["labels"] == {
        "tags": ["color", "price", "+", "type"]
    }
    line = record("copywrite", {"name": "Mug", "description": "A  mug.", "material": "clay"})
    assert line["labels"] == {"description": "A mug."}
    assert line["request"]["attributes"] == {"material": "clay"}
    aspects = '[{"aspect": "lid", "category": "Parts", "sentiment": "negative", "opinion": "loose"}]'
    line = record("extract", {"review": "Loose lid", "sentiment": "Negative", "aspects": aspects})
    assert line["labels"]["aspects"][0]["category"] == "parts"
    assert "partial" not in line


DIFFICULT, KNOWN = {"mentions_difficulty": "yes"}, {"mentions_difficulty": True}


@pytest.mark.parametrize(
    ("columns", "labels", "known_line"),
    [
        ({}, {}, "negative"),
        (DIFFICULT, KNOWN, "negative; yes"),
        ({"mentions_difficulty": ""}, {}, "negative"),
        (DIFFICULT | {"use_case": "beginners"}, {**KNOWN, "use_case": "beginner"}, "negative; yes; beginner"),
        (DIFFICULT | {"use_case": "none"}, {**KNOWN, "use_case": None}, "negative; yes; -"),
        ({"use_case": "beginners"}, {}, "negative"),
    ],
)
def test_of_a_review_with_stars_only_what_no_column_has_is_not_learnt(
    columns: dict[str, str], labels: dict[str, Any], known_line: str
) -> None:
    """`Impossible to assemble` with one star must not teach that the review mentions no difficulty."""
    line = record("extract", {"review": "Impossible to assemble", "stars": 1.0, **columns})
    assert line["labels"] == {"overall_sentiment": "negative", **labels}
    assert line["partial"] is True
    example = typed(task("extract"), line, SHOP)
    assert example.known_line(task("extract").encode(example.labels)) == known_line
    assert example.known_fields == known_line.count("; ") + 1


def test_values_are_renamed_whatever_their_case() -> None:
    values = {"labels.category": {"tees &amp; tops": "Tshirts"}}
    line = record("classify", {"title": "a", "category": "Tees & Tops"}, values=values)
    assert line["labels"]["category"] == "Tshirts"
    chat = {"user": "a", "assistant": '{"category": "Tees & tops"}'}
    assert record("classify", chat, values=values)["labels"]["category"] == "Tshirts"


def test_a_value_may_stand_for_a_list_and_an_object_is_filled_entry_by_entry() -> None:
    fields = {"request.message": "text", "request.context": "topic", "labels": "intent"}
    values = {
        "request.context": {"orders": '["Cancel within 2 hours.", "Track it by e-mail."]'},
        "labels": {"cancel": "1: Within 2 hours."},
    }
    cells = {"text": "Stop it", "topic": "Orders", "intent": "Cancel"}
    line = record("support", cells, fields=fields, values=values)
    assert [passage["text"] for passage in line["request"]["context"]] == [
        "Cancel within 2 hours.",
        "Track it by e-mail.",
    ]
    assert line["labels"] == {"cited": [1], "reply": "Within 2 hours."}

    fields = {
        "request.tenure_months": "months",
        "request.contract": "bound",
        "request.services.tech_support": "help",
        "request.services.tv": "tv",
        "labels.will_churn": "left",
    }
    values = {"request.services.tv": {"not offered": ""}}
    cells = {"months": "2", "bound": "monthly", "help": "No", "tv": "Not offered", "left": "Yes"}
    line = record("churn", cells, fields=fields, values=values)
    assert line["request"]["services"] == {"tech_support": False}
    assert line["labels"] == {"will_churn": True, "flags": ["monthly_contract", "new_subscriber", "no_tech_support"]}


@pytest.mark.parametrize(("name", "file"), [("churn", "telco.yaml"), ("support", "bitext.yaml")])
def test_the_mappings_in_the_package_are_valid_and_their_replies_are_grounded(name: str, file: str) -> None:
    mapping = read(Path(mappings.__file__).with_name(file), training_task(name), SHOP)
    if name == "churn":
        assert set(mapping.values["request.contract"].values()) == {"monthly", "yearly", "longer"}
        return
    grounded = 0
    for line in mapping.values["labels"].values():
        fits = []
        for passages in set(mapping.values["request.context"].values()):
            request = support.Request.model_validate({"message": "?", "context": json.loads(passages)})
            with suppress(LineError):
                fits.append(support.TASK.faithful(support.TASK.decode(line, request, SHOP), request, SHOP))
        grounded += any(fits)
    assert grounded == len(mapping.values["labels"]) == 27


@settings(deadline=None)
@given(
    st.one_of(
        classified().filter(lambda e: e[1].category is not None).map(lambda e: ("classify", e)),
        rewritten().map(lambda e: ("rewrite", e)),
    )
)
def test_an_example_is_imported_the_same_from_every_format(drawn: tuple[str, Any]) -> None:
    name, (request, labels) = drawn
    ((main, text),) = request.model_dump(exclude_none=True).items()
    expected = typed(task(name), {"request": {main: text}, "labels": labels.model_dump()}, SHOP)
    objects: list[Any] = [{"request": request.model_dump(), "labels": labels.model_dump()}]
    objects += [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": content}]}
        for content in (task(name).encode(labels), labels.model_dump_json())
    ]
    for value in objects:
        row = row_of(1, value)
        assert isinstance(row, Row)
        imported = typed(task(name), record(name, row.cells, normalise=()), SHOP)
        assert (imported.request, imported.labels) == (expected.request, expected.labels)


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        (
            "classify",
            {"title": "a", "category": "Tshirtz"},
            "labels.category: 'Tshirtz' is not in the ontology; near: 'Tshirts'",
        ),
        (
            "classify",
            {"title": "a", "category": "Shirts", "color": "puce"},
            "labels.attributes.color: 'puce' is not in the ontology",
        ),
        ("classify", {"title": " ", "category": "Shirts"}, "request.title: column 'title' is"),
        ("classify", {"title": None, "category": "Shirts"}, "column 'title' is empty"),
        ("classify", {"title": float("nan"), "category": "Shirts"}, "column 'title' is empty"),
        ("classify", {"title": "a", "category": ""}, "labels.category: column 'category' is empty"),
        ("classify", {"title": "a " * 200, "category": "Shirts"}, "at most 300 characters"),
        ("classify", {"title": "a" * 100_001, "category": "Shirts"}, "over 100,000 characters"),
        ("classify", {"title": ["a"], "category": "Shirts"}, "title: Input should be"),
        ("classify", {"user": "a", "assistant": "shirts; red"}, "neither JSON nor an answer line"),
        ("classify", {"user": "a", "assistant": "{"}, "labels: not JSON"),
        ("classify", {"user": "a", "assistant": "[" * 100_000}, "labels: not JSON"),
        ("classify", {"user": "a", "assistant": "[" * 99 + "1" + "]" * 99}, "nested too deeply"),
        ("classify", {"user": "a", "assistant": None}, "labels: column 'assistant' is empty"),
        ("classify", {"user": "a", "assistant": '{"category": 3}'}, "category: Input should be"),
        ("classify", {"user": "a", "assistant": "[1]"}, "neither JSON nor an answer line"),
        ("rewrite", {"query": "red dress", "tags": "color"}, "1 tags for 2 words"),
        ("rewrite", {"query": "red dress", "tags": "colour type"}, "near: 'color'"),
        ("extract", {"review": "fine", "stars": "3"}, "'3' is not in the ontology"),
        ("copywrite", {"name": "Mug", "description": "x", "color": "c" * 101}, "100 characters"),
    ],
)
def test_a_row_that_is_not_an_example_is_refused(name: str, cells: dict[str, Any], reason: str) -> None:
    with pytest.raises(RowError) as refused:
        record(name, cells)
    assert reason in str(refused.value)


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["Shirts", "shirt", "red", "color", '{"a": 1}', "[1, {}]", "{"]),
    st.lists(st.one_of(st.text(max_size=5), st.integers(), st.none()), max_size=3),
    st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=5), st.none()), max_size=2),
)


@settings(deadline=None)
@given(
    st.sampled_from(
        [
            ("classify", "title category color"),
            ("classify", "user assistant"),
            ("rewrite", "query tags"),
            ("extract", "review sentiment aspects"),
            ("copywrite", "name description color"),
        ]
    ),
    st.lists(CELLS, min_size=3, max_size=3),
)
def test_any_row_is_an_example_or_refused(drawn: tuple[str, str], cells: list[Any]) -> None:
    name, columns = drawn
    try:
        line = record(name, dict(zip(columns.split(), cells, strict=False)))
    except RowError as error:
        assert str(error)
    else:
        assert typed(task(name), json.loads(json.dumps(line)), SHOP)


def source(*rows: Row | Bad, name: str = "shop.csv") -> Source:
    return Source(name, iter(rows))


def test_every_row_is_imported_or_rejected(tmp_path: Path) -> None:
    good = [Row(i, {"title": f"shirt {i}", "category": "Shirts"}) for i in range(5)]
    odd = [Row(8, {"title": "x", "category": "Tshirtz", "n": 10**30}), Bad(9, "no row", "a|b")]
    make, sources = importer("classify", ["title", "category"]), [source(*good, *odd), source(odd[0], name="more.csv")]
    counts = run(sources, make, tmp_path / "out.jsonl", tmp_path / "bad.jsonl")
    assert (counts.rows, counts.imported, counts.rejected) == (8, 5, 3)
    examples = load("classify", tmp_path / "out.jsonl", SHOP)
    assert [e.origin for e in examples] == [{"file": "shop.csv", "row": i} for i in range(5)]
    rejects = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    assert [(r["file"], r["row"]) for r in rejects] == [("shop.csv", 8), ("shop.csv", 9), ("more.csv", 8)]
    assert rejects[0]["cells"] == {"title": "x", "category": "Tshirtz", "n": 10**30}
    assert rejects[1] == {"file": "shop.csv", "row": 9, "reason": "no row", "cells": {"text": "a|b"}}
    assert list(suggestions(counts, make.vocabulary)) == [(2, "labels.category", "Tshirtz", "Tshirts")]


def test_a_source_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    def breaking() -> Any:
        yield Row(1, {"title": "shirt", "category": "Shirts"})
        raise ReadingError("broke off")

    (tmp_path / "out.jsonl").write_text("before")
    with pytest.raises(ReadingError):
        make = importer("classify", ["title", "category"])
        run([Source("x", breaking())], make, tmp_path / "out.jsonl", tmp_path / "bad.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
    assert (tmp_path / "out.jsonl").read_text() == "before"


def test_columns_are_checked_before_any_row_is_imported() -> None:
    classify = training_task("classify")
    rows = [Row(1, {"title": "a"}), Bad(2, "no"), Row(3, {"category": "b"})]
    sources = [source(*rows), Source("t", iter(()), columns=("title", "brand"))]
    columns = peek(sources)
    assert columns == ("title", "category", "brand")
    assert list(sources[0].rows) == rows
    fields = {"request.title": "title", "labels.category": "kind"}
    with pytest.raises(MappingError, match="mapped to column 'kind'; there are title, category, brand"):
        check_columns(Mapping("classify", fields), sources, columns, classify, SHOP)
    with pytest.raises(MappingError, match=r"no column is labels\.category"):
        check_columns(Mapping("classify", {"request.title": "title"}), sources, ("title",), classify, SHOP)
    fields = {"request.title": "title", "labels.category": "category", "request.brand": "late"}
    check_columns(Mapping("classify", fields), sources, ("title", "category"), classify, SHOP)
    with pytest.raises(MappingError, match="mapped to column 'late'"):
        check_columns(Mapping("classify", fields), sources[1:], ("title", "category"), classify, SHOP)
