"""Examples: a shop's own files, the rules that fill in what no data set labels, and the public."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.tasks import extract, task
from adapters.tasks.contract import LineError
from tests.adapters.tasks.strategies import extracted
from training import examples
from training.examples import Example, ExampleError, as_record, is_difficult, load, public, typed
from training.public.readers import Review, Triplet
from training.text import is_acceptance, key

SHOP = Ontology.load()
SHIRT = {"request": {"title": "red shirt"}, "labels": {"category": "Shirts"}}


def written(folder: Path, *lines: Any, name: str = "shop.jsonl") -> Path:
    file = folder / name
    said = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text("\n".join(said) + "\n", encoding="utf-8")
    return file


def shirts(count: int) -> list[dict[str, Any]]:
    return [{**SHIRT, "request": {"title": f"red shirt no {n}"}} for n in range(count)]


def test_a_shops_file_is_read_and_split_by_the_input(tmp_path: Path, ontology: Ontology) -> None:
    found = load("classify", written(tmp_path, *shirts(400), ""), ontology)
    assert len(found) == 400
    assert found[0].request.title == "red shirt no 0"
    assert {e.labels.category for e in found} == {"Shirts"}
    assert {e.source for e in found} == {"shop"}
    share = Counter(e.split for e in found)
    assert 300 < share["train"] < 340
    assert min(share["validation"], share["test"]) > 20
    again = load("classify", written(tmp_path, *shirts(400)[::-1], name="again.jsonl"), ontology)
    assert [e.split for e in again][::-1] == [e.split for e in found]


def test_labels_come_as_the_line_tells_them(tmp_path: Path, ontology: Ontology) -> None:
    """Else an answer would be held against a spelling that no line can have."""
    said = {"category": "shirts", "attributes": {"color": "red", "material": "cotton"}}
    (found,) = load("classify", written(tmp_path, {**SHIRT, "labels": said}), ontology)
    assert found.labels.category == "Shirts"
    assert found.labels.attributes == {"color": "red"}


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
        ("rewrite", {"request": {"query": "red shirt"}, "labels": {"tags": ["color"]}}, "1 labels for 2 words"),
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
    request, labels = drawn
    example = Example("train", "", request, labels, known_fields)
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


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_a_file_without_examples_is_refused(content: bytes, tmp_path: Path, ontology: Ontology) -> None:
    file = tmp_path / "empty.jsonl"
    file.write_bytes(content)
    with pytest.raises(ExampleError, match=r"empty\.jsonl holds no examples"):
        load("classify", file, ontology)


def test_other_encodings_are_refused(tmp_path: Path, ontology: Ontology) -> None:
    file = tmp_path / "shop.jsonl"
    file.write_bytes(json.dumps(SHIRT).encode() + b"\n" + "caf\xe9".encode("latin-1"))
    with pytest.raises(ExampleError, match=r"shop\.jsonl:2: not UTF-8"):
        load("classify", file, ontology)


def test_only_a_line_feed_ends_a_line(tmp_path: Path, ontology: Ontology) -> None:
    """Other separators may stand inside a string of JSON."""
    title = "red\u2028shirt\x85xl"
    line = json.dumps({**SHIRT, "request": {"title": title}}, ensure_ascii=False)
    (tmp_path / "shop.jsonl").write_bytes(f"{line}\r\n{line}\n".encode())
    found = load("classify", tmp_path / "shop.jsonl", ontology)
    assert [e.request.title for e in found] == [title, title]


@pytest.mark.parametrize("name", ["classify", "rewrite", "extract", "copywrite"])
def test_the_samples_can_be_loaded_and_written_again(name: str, tmp_path: Path, ontology: Ontology) -> None:
    file = examples.SAMPLES / f"{name}.jsonl"
    found = load(name, file, ontology)
    assert Counter(e.split for e in found)["train"] >= 20
    again = written(tmp_path, *map(as_record, found), name=file.name)
    assert load(name, again, ontology) == found


@pytest.mark.parametrize(
    ("review", "difficult"),
    [
        ("It is hard to use", True),
        ("the lid is DIFFICULT to open", True),
        ("I struggled with the manual", True),
        ("a pain to clean", True),
        ("confusing instructions", True),
        ("not easy to assemble", True),
        ("couldn't figure it out", True),
        ("had trouble getting it started", True),
        ("very frustrating", True),
        ("It is not hard to use", False),
        ("isn't very difficult at all", False),
        ("no trouble with it", False),
        ("easy to use", False),
        ("a hard case that lasts", False),
        ("great for beginners but the handle is uncomfortable after 20 minutes", False),
        ("not hard to open but difficult to close", True),
    ],
)
def test_is_difficult(review: str, difficult: bool) -> None:
    assert is_difficult(review) == difficult


@pytest.mark.parametrize(
    ("signs", "overall"),
    [
        ("+", "positive"),
        ("-", "negative"),
        ("", "neutral"),
        ("=", "neutral"),
        ("+-", "mixed"),
        ("++-", "positive"),
        ("+++--", "mixed"),
        ("+--", "negative"),
        ("+==", "positive"),
    ],
)
def test_an_overall_sentiment_adds_the_triplets_up(signs: str, overall: str) -> None:
    sentiments = {"+": "positive", "-": "negative", "=": "neutral"}
    triplets = tuple(Triplet("strap", "fine", sentiments[sign]) for sign in signs)
    assert examples._overall(Review("train", "home", "text", triplets)) == overall


@pytest.mark.parametrize(
    ("tags", "line"),
    [
        ("B-color B-core_product_type I-core_product_type", "color type +"),
        ("O B-UoM I-UoM O", "other size + other"),
        ("B-creator B-product_name B-product_number", "brand name number"),
        ("B-color B-color", "color color"),
        ("I-color I-color", "color +"),  # an I without a B begins a phrase
        ("B-color I-material", "color material"),
    ],
)
def test_queryner_tags_in_the_words_of_the_line(tags: str, line: str) -> None:
    assert examples._tags(tuple(tags.split())) == line.split()


def test_every_style_of_the_retail_store_has_a_leaf(ontology: Ontology) -> None:
    assert set(examples.retail_leaves().values()) <= set(ontology.categories)


def test_facts_are_the_descriptions_own_words(ontology: Ontology) -> None:
    facts = examples._facts("This navy blue cotton shirt is striped. Made for summer.", ontology)
    assert facts["color"] == "navy blue"
    assert facts["material"] == "cotton"
    assert facts["season"] == "for summer"


SOURCES = {
    "classify": {"fashion", "pricerunner", "retail", "synthetic"},
    "rewrite": {"queryner", "synthetic"},
    "extract": {"dmaste", "dmaste-book", "dmaste-grocery", "dmaste-pet", "dmaste-toy", "hatn", "synthetic"},
    "copywrite": {"retail"},
}


@cache
def published(name: str) -> list[Example]:
    return public(name, Ontology.load())


@pytest.mark.data
@pytest.mark.parametrize("name", sorted(SOURCES))
def test_public_examples_decode_and_no_input_is_in_two_splits(name: str, ontology: Ontology) -> None:
    of = task(name)
    found = published(name)
    assert {e.source for e in found} == SOURCES[name]
    assert {e.split for e in found} == {"train", "validation", "test"}
    splits, odd = defaultdict(set), 0
    for example in found:
        line = of.encode(example.labels)
        try:
            assert of.decode(line, example.request, ontology) == example.labels
        except LineError:
            odd += 1
        splits[key(example.request.model_dump_json())].add(example.split)
    # DMASTE cuts some spans within a word, and gives some opinions to three aspects.
    assert odd <= (0.02 * len(found) if name == "extract" else 0)
    shared = {text for text, kinds in splits.items() if "train" in kinds and len(kinds) > 1}
    assert shared == set()
    assert not any(is_acceptance(e.request.model_dump_json()) for e in found)
    assert all(e.split != "test" for e in found if e.source == "synthetic")
    assert all(e.known_fields == (3 if e.source == "hatn" else None) for e in found)


@pytest.mark.data
def test_references_of_copy_go_not_beyond_their_request(ontology: Ontology) -> None:
    of = task("copywrite")
    for example in published("copywrite"):
        told = of.expand(example.labels, example.request, ontology)
        assert told["unsupported"] == []
        assert example.request.attributes


@pytest.mark.data
def test_the_seed_decides_what_is_made(ontology: Ontology) -> None:
    made = [[e for e in public("rewrite", ontology, seed) if e.source == "synthetic"] for seed in (0, 0, 1)]
    assert made[0] == made[1] != made[2]
    assert len(made[0]) == 1500
