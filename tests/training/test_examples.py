"""Examples: records are read, validated with their line, split, and written again; parts of a line are known."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters.cleaning import plain
from adapters.ontology import Ontology
from adapters.tasks import classify, extract
from tests.adapters.tasks.strategies import extracted
from training import examples
from training.examples import (
    Example,
    ExampleError,
    as_record,
    input_text,
    load,
    sampled,
    scan_records,
    typed,
    unseen_sources,
)

SHOP = Ontology.load()
SHIRT = {"request": {"title": "red shirt"}, "labels": {"category": "Shirts"}}


def written(folder: Path, *lines: Any, name: str = "shop.jsonl") -> Path:
    file = folder / name
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return file


def shirts(count: int) -> list[dict[str, Any]]:
    return [{**SHIRT, "request": {"title": f"red shirt no {n}"}} for n in range(count)]


def test_a_shops_file_is_read_and_split_by_the_input(tmp_path: Path, ontology: Ontology) -> None:
    loaded = load("classify", written(tmp_path, *shirts(400), ""), ontology)
    assert len(loaded) == 400
    assert loaded[0].request.title == "red shirt no 0"
    assert {e.labels.category for e in loaded} == {"Shirts"}
    assert {e.source for e in loaded} == {"shop"}
    share = Counter(e.split for e in loaded)
    assert 300 < share["train"] < 340
    assert min(share["validation"], share["test"]) > 20
    again = load("classify", written(tmp_path, *shirts(400)[::-1], name="again.jsonl"), ontology)
    assert [e.split for e in again][::-1] == [e.split for e in loaded]


def test_labels_are_those_that_the_answer_line_gives_back(tmp_path: Path, ontology: Ontology) -> None:
    """Otherwise an answer would be compared with a spelling that no line can have."""
    labels = {"category": "shirts", "attributes": {"color": "red", "material": "cotton"}}
    (example,) = load("classify", written(tmp_path, {**SHIRT, "labels": labels}), ontology)
    assert example.labels.category == "Shirts"
    assert example.labels.attributes == {"color": "red"}


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("classify", "{", "Expecting property name"),
        ("classify", "[1]", "a line must be an object"),
        ("classify", "[" * 100_000, "nested too deeply"),
        ("classify", {**SHIRT, "origin": "shop.csv"}, "origin must be an object"),
        ("classify", {**SHIRT, "partial": "yes"}, "partial must be true or false"),
        ("classify", {**SHIRT, "partial": True}, "a line of classify is known as a whole"),
        ("classify", {"request": {"title": "red shirt"}}, "'labels'"),
        ("classify", {"labels": {"category": "Shirts"}}, "'request'"),
        ("classify", {**SHIRT, "request": {"titel": "shirt"}}, "titel"),
        ("classify", {**SHIRT, "request": {"title": ""}}, "at least 1 character"),
        ("classify", {**SHIRT, "labels": {"category": "Spaceships"}}, "spaceships"),
        ("classify", {**SHIRT, "labels": {"category": "Shirts", "attributes": {"color": "puce!"}}}, "puce!"),
        ("rewrite", {"request": {"query": "red shirt"}, "labels": {"tags": ["color"]}}, "1 tags for 2 words"),
        ("rewrite", {"request": {"query": "red"}, "labels": {"tags": ["colour"]}}, "colour"),
        (
            "extract",
            {"request": {"review": "fine"}, "labels": {"overall_sentiment": "great"}},
            "'positive', 'negative', 'neutral' or 'mixed'",
        ),
        (
            "extract",
            {"request": {"review": "fine"}, "labels": {"overall_sentiment": "positive", "use_case": "mars"}},
            "mars",
        ),
        ("copywrite", {"request": {"name": "Mug"}, "labels": {"description": "two\nlines"}}, "not one line of text"),
    ],
)
def test_a_bad_line_is_named_with_number_and_reason(
    name: str, line: Any, reason: str, tmp_path: Path, ontology: Ontology
) -> None:
    good = {
        "classify": SHIRT,
        "rewrite": {"request": {"query": "red"}, "labels": {"tags": ["color"]}},
        "extract": {"request": {"review": "fine"}, "labels": {"overall_sentiment": "positive"}},
        "copywrite": {"request": {"name": "Mug"}, "labels": {"description": "A mug."}},
    }[name]
    with pytest.raises(ExampleError) as refused:
        load(name, written(tmp_path, good, "", line, good), ontology)
    assert str(refused.value).startswith("shop.jsonl:3: ")
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_origin_of_an_example_is_kept(tmp_path: Path, ontology: Ontology) -> None:
    origin = {"file": "shop.csv", "row": 3, "sku": "s1"}
    (example,) = load("classify", written(tmp_path, {**SHIRT, "origin": origin}), ontology)
    assert example.origin == origin
    assert load("classify", written(tmp_path, as_record(example)), ontology) == [example]


@settings(deadline=None)
@given(extracted(), st.integers(1, 3))
def test_a_partial_example_is_written_and_read_with_what_is_known(
    drawn: tuple[extract.Request, extract.Labels], known_fields: int
) -> None:
    labels = drawn[1]
    assume(review := plain(drawn[0].review))
    example = Example("train", "", extract.Request(review=review), labels, known_fields)
    record = json.loads(json.dumps(as_record(example)))
    assert len(record["labels"]) == known_fields
    again = typed(extract.TASK, record, SHOP)
    before, after = (e.known_line(extract.TASK.encode(e.labels)) for e in (example, again))
    assert before == after
    assert again.known_fields == known_fields
    assert as_record(again) == as_record(example)


@pytest.mark.parametrize(
    ("labels", "known_line"),
    [
        ({"overall_sentiment": "negative"}, "negative"),
        ({"overall_sentiment": "negative", "use_case": "travel"}, "negative"),
        ({"overall_sentiment": "negative", "mentions_difficulty": True}, "negative; yes"),
        ({"overall_sentiment": "mixed", "mentions_difficulty": False, "use_case": None}, "mixed; no; -"),
        ({"overall_sentiment": "mixed", "mentions_difficulty": False, "use_case": None, "aspects": []}, "mixed; no; -"),
    ],
)
def test_the_labels_of_a_partial_record_are_what_is_known_of_its_line(
    labels: dict[str, Any], known_line: str, ontology: Ontology
) -> None:
    record = {"request": {"review": "Impossible to assemble"}, "labels": labels, "partial": True}
    example = typed(extract.TASK, record, ontology)
    assert example.known_line(extract.TASK.encode(example.labels)) == known_line


def test_lines_that_are_not_records_are_listed_with_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "MAX_LINE", 150_000)
    deep = '{"a":' * 300 + "1" + "}" * 300
    file = written(tmp_path, {"request": {}}, "", "{", [3], "[" * 100_000, "x" * 200_000, deep)
    file.write_bytes(file.read_bytes() + b"\xff\n")
    records, broken = scan_records(file)
    assert [record.line for record in records] == [1]
    assert [line for line, _ in broken] == [3, 4, 5, 6, 7, 8]
    assert "must be an object" in broken[1][1]
    assert "over 150,000 bytes" in broken[3][1]
    assert broken[5][1] == "not UTF-8"


def test_the_text_of_a_request_is_all_its_strings() -> None:
    request = {
        "title": "mug",
        "max_words": 5,
        "stream": True,
        "attributes": {"color": "red"},
        "context": ["a", "b"],
        "brand": None,
    }
    assert input_text(request) == "mug red a b"
    assert input_text(None) == ""


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_a_file_without_examples_is_refused(content: bytes, tmp_path: Path, ontology: Ontology) -> None:
    file = tmp_path / "empty.jsonl"
    file.write_bytes(content)
    with pytest.raises(ExampleError, match=r"empty\.jsonl holds no examples"):
        load("classify", file, ontology)


def test_only_a_line_feed_ends_a_line(tmp_path: Path, ontology: Ontology) -> None:
    """Other separators may stand inside a string of JSON."""
    title = "red\u2028shirt\x85xl"
    line = json.dumps({**SHIRT, "request": {"title": title}}, ensure_ascii=False)
    (tmp_path / "shop.jsonl").write_bytes(f"{line}\r\n{line}\n".encode())
    loaded = load("classify", tmp_path / "shop.jsonl", ontology)
    assert [e.request.title for e in loaded] == [plain(title)] * 2


@pytest.mark.parametrize("name", ["classify", "rewrite", "extract", "copywrite"])
def test_the_samples_can_be_loaded_and_written_again(name: str, tmp_path: Path, ontology: Ontology) -> None:
    file = examples.SAMPLES / f"{name}.jsonl"
    loaded = load(name, file, ontology)
    assert Counter(e.split for e in loaded)["train"] >= 20
    again = written(tmp_path, *map(as_record, loaded), name=file.name)
    assert load(name, again, ontology) == loaded


def shop_title(number: int, source: str, split: str) -> Example:
    labels = classify.Labels(category="Shirts")
    return Example(split, source, classify.Request(title=f"{source} {number}"), labels)


def test_a_sample_of_a_split_is_of_each_source_and_does_not_depend_on_the_order() -> None:
    all_examples = [shop_title(n, source, "test") for source, count in (("a", 9), ("b", 2)) for n in range(count)]
    sample = sampled([*all_examples, shop_title(1, "a", "train")], "test", 4, first=1)
    assert [e.source for e in sample] == ["a", "b", "a", "a", "a", "b"]
    assert sampled(sample, "test", 1) == sample[:2]
    assert {e.request.title for e in sampled(reversed(all_examples), "test", 4)} == {e.request.title for e in sample}


def test_a_source_is_unseen_if_nothing_of_its_shop_is_trained_on() -> None:
    known = [shop_title(1, "a", "train"), shop_title(2, "a", "test"), shop_title(3, "a-outlet", "test")]
    assert unseen_sources([*known, shop_title(4, "b", "test"), shop_title(5, "c", "validation")]) == ["b", "c"]
    assert unseen_sources(known[1:]) == []  # nothing is trained on
