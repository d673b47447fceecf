"""The written pairs of facts and copy: each says its facts and nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from adapters.ontology import Ontology
from adapters.tasks import copywrite
from training.examples import WRITTEN, Example, read
from training.tasks.copywrite import TRAINING
from training.text import is_acceptance, key

SHOP = Ontology.load()
FILES = sorted((WRITTEN / "copywrite").glob("*.jsonl"))
TYPED = Path(__file__).parents[2] / "typed" / "copywrite.txt"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_text_says_all_its_facts_and_no_others_within_the_limit(file: Path) -> None:
    for example in read("copywrite", file, SHOP):
        answer = copywrite.TASK.expand(example.labels, example.request, SHOP)
        assert (answer["missing"], answer["unsupported"]) == ([], []), example.request.name
        assert answer["description"] == example.labels.description, example.request.name
        assert copywrite.TASK.faithful(example.labels, example.request, SHOP), example.request.name


def examples(voice: str | None) -> list[Example]:
    return [e for file in FILES for e in read("copywrite", file, SHOP) if e.request.voice == voice]


def test_each_product_is_there_once_a_voice_and_in_one_split() -> None:
    splits = defaultdict(set)
    for variant in (None, "advisor"):
        products = [e for e in TRAINING.public_examples(SHOP, variant=variant) if e.source == "written"]
        assert len({key(e.request.name) for e in products}) == len(products)
        for example in products:
            splits[key(example.request.name)].add(example.split)
    assert all(len(of_product) == 1 for of_product in splits.values())


def test_they_are_of_every_kind_of_goods_and_no_two_begin_alike() -> None:
    pairs = examples(None)
    leaves = [SHOP.categories.get(e.request.category or "") for e in pairs]
    departments = Counter(leaf.path[0] for leaf in leaves if leaf)
    assert len(pairs) >= 1000 and len(departments) >= 18
    starts = Counter(" ".join(e.labels.description.split()[:2]).lower() for e in pairs)
    assert max(starts.values()) <= len(pairs) // 40


def test_none_is_a_product_of_the_typed_test() -> None:
    typed = {key(line.partition("|")[0]) for line in TYPED.read_text("utf-8").splitlines() if line.strip()}
    assert not typed & {key(e.request.name) for voice in (None, "advisor") for e in examples(voice)}
    assert not any(is_acceptance(e.labels.description) for e in examples(None))
