"""Splits: shares, groups, independence of the order, and the proof that nothing leaks."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.tasks import classify
from training.data import split as splitting
from training.data.split import SplitError, leak_message, prove, split, write
from training.examples import Example, ExampleError, load

LEAVES = ("Shirts", "Jeans", "Dresses")


def examples(count: int, seed: int = 0) -> list[Example]:
    """Titles of made-up words, every fifth nearly the one before it."""
    rng = random.Random(seed)
    made: list[Example] = []
    title = ""
    for i in range(count):
        words = ["".join(rng.choices("abcdefghijklmnop", k=7)) for _ in range(5)]
        title = " ".join(words) if i % 5 or not i else f"{title}s"
        labels = classify.Labels(category=LEAVES[0 if i % 4 else rng.randint(1, 2)])
        origin = {"file": "shop.csv", "row": i, "sku": f"s{i // 3}"}
        made.append(Example("train", "", classify.Request(title=title), labels, origin=origin))
    return made


def titles(part: list[Example]) -> set[str]:
    return {example.request.title for example in part}


def test_shares_hold_within_each_label() -> None:
    made = examples(600)
    parts = split("classify", made, 0.2, 0.1, 0)
    assert sum(map(len, parts.values())) == 600
    for leaf in LEAVES:
        rows = {name: sum(e.labels.category == leaf for e in part) for name, part in parts.items()}
        assert rows["test"] == pytest.approx(0.2 * sum(rows.values()), abs=4)
        assert rows["validation"] == pytest.approx(0.1 * sum(rows.values()), abs=4)


def test_the_order_of_the_file_does_not_matter_and_the_seed_does() -> None:
    made = examples(300)
    shuffled = [
        replace(e, origin={**(e.origin or {}), "row": -i}) for i, e in enumerate(random.Random(1).sample(made, 300))
    ]
    first = split("classify", made, 0.2, 0.1, 0)
    second = split("classify", shuffled, 0.2, 0.1, 0)
    assert [[e.request for e in part] for part in first.values()] == [
        [e.request for e in part] for part in second.values()
    ]
    assert titles(split("classify", made, 0.2, 0.1, 1)["test"]) != titles(first["test"])


@settings(deadline=None, max_examples=15)
@given(st.integers(30, 150), st.integers(0, 1000), st.sampled_from([None, "sku", "origin.sku"]))
def test_no_split_leaks_and_every_group_is_in_one_split(count: int, seed: int, group: str | None) -> None:
    parts = split("classify", examples(count, seed), 0.2, 0.1, seed, group)
    assert prove(replace(e, split=name) for name, part in parts.items() for e in part) == []
    if group:
        places = defaultdict(set)
        for name, part in parts.items():
            for example in part:
                places[(example.origin or {})["sku"]].add(name)
        assert all(len(names) == 1 for names in places.values())


def test_every_label_of_the_test_split_is_in_train() -> None:
    made = examples(60)
    rare = replace(
        made[1], request=classify.Request(title="zzz yyy xxx www"), labels=classify.Labels(category="Swimwear")
    )
    parts = split("classify", [*made, rare], 0.4, 0.2, 3)
    assert rare in parts["train"]


def test_too_few_groups_are_refused() -> None:
    same = [replace(e, request=classify.Request(title="red shirt")) for e in examples(40)]
    with pytest.raises(SplitError, match="40 examples in 1 groups are too few to split"):
        split("classify", same, 0.2, 0.1, 0)
    with pytest.raises(SplitError, match="no example has a value in 'colour'"):
        split("classify", examples(40), 0.2, 0.1, 0, "colour")


def test_leaks_are_found_and_listed() -> None:
    made = examples(30)
    title = made[1].request.title
    held = [
        replace(made[2], split="test", request=classify.Request(title=text))
        for text in (title.upper(), f"{title}s", "another thing altogether")
    ]
    pairs = prove([made[1], *held])
    assert [(pair.split, pair.other_split, pair.other_text) for pair in pairs] == [("test", "train", title)] * 2
    assert pairs[0].similarity == 1.0 > pairs[1].similarity
    message = leak_message(pairs * 4)
    assert message.startswith("8 held-out examples are 0.8 or more like one of another split:")
    assert repr(title) in message
    assert message.endswith("and 3 more")
    assert prove([replace(made[1], split="validation"), held[0]])[0].other_split == "validation"


def test_a_leaking_split_is_never_written(tmp_path: Path) -> None:
    made = examples(30)
    with pytest.raises(SplitError, match="like train"):
        write({"train": made, "validation": [], "test": made[1:2]}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_is_read_with_its_splits_kept(tmp_path: Path, ontology: Ontology) -> None:
    parts = split("classify", examples(100), 0.2, 0.1, 0)
    write(parts, tmp_path / "shop")
    assert sorted(path.name for path in (tmp_path / "shop").iterdir()) == [
        "test.jsonl",
        "train.jsonl",
        "validation.jsonl",
    ]
    loaded = load("classify", tmp_path / "shop", ontology)
    assert Counter(e.split for e in loaded) == {name: len(part) for name, part in parts.items()}
    assert {e.source for e in loaded} == {"shop"}
    assert [e.origin for e in loaded if e.split == "test"] == [e.origin for e in parts["test"]]
    assert prove(loaded) == []
    (tmp_path / "shop" / "validation.jsonl").write_text("")
    assert {e.split for e in load("classify", tmp_path / "shop", ontology)} == {"train", "test"}
    (tmp_path / "shop" / "test.jsonl").unlink()
    with pytest.raises(ExampleError, match=r"has no test\.jsonl; `shoplora data split` writes"):
        load("classify", tmp_path / "shop", ontology)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("brand", '"Acme"'),
        ("request.brand", '"Acme"'),
        ("origin.sku", '"s0"'),
        ("sku", '"s0"'),
        ("origin.brand", ""),
        ("request.sku", ""),
        ("title.x", ""),
    ],
)
def test_the_field_to_group_by_is_of_origin_or_request(name: str, value: str) -> None:
    request = classify.Request(title="mug", brand="Acme")
    example = replace(examples(1)[0], request=request)
    assert splitting._field(example, name) == value


def test_lines_are_json_without_escapes_of_letters(tmp_path: Path) -> None:
    made = [replace(e, request=classify.Request(title=f"café {e.request.title}")) for e in examples(50)]
    write(split("classify", made, 0.2, 0.1, 0), tmp_path)
    line = (tmp_path / "train.jsonl").read_text(encoding="utf-8").splitlines()[0]
    assert "café" in line
    assert json.loads(line).keys() == {"request", "labels", "origin"}
