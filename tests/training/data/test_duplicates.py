"""Duplicates: which texts are the same or near, that no near pair is missed, and leaks."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data import duplicates
from training.data.duplicates import SIMILAR, clusters, components, folded, jaccard, leaks, near_pairs, shingles

TITLE = "Turtle Check Men Navy Blue Shirt"


@settings(deadline=None)
@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (TITLE, "turtle-check  MEN navy/blue shirt!", True),
        ("日本のシャツ", "日本のズボン", False),
        ("Straße", "STRASSE", True),
        ("\uff21\uff22\uff23 shirt", "abc shirt", True),
        ("!!!", "???", False),
    ],
)
def test_folded(left: str, right: str, same: bool) -> None:
    assert (folded(left) == folded(right)) is same


@settings(deadline=None)
@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_similarity_is_symmetric_and_one_for_itself(left: str, right: str) -> None:
    a, b = shingles(left), shingles(right)
    assert jaccard(a, b) == jaccard(b, a) <= 1.0
    assert jaccard(a, a) == 1.0


def test_one_letter_is_near_and_another_colour_is_not() -> None:
    letter = jaccard(shingles(folded(TITLE)), shingles(folded(TITLE.replace("Turtle", "Turtla"))))
    colour = jaccard(shingles(folded(TITLE)), shingles(folded(TITLE.replace("Navy Blue", "Red"))))
    assert colour < SIMILAR <= letter


@settings(deadline=None)
@given(st.permutations(TITLE.lower().split()))
def test_the_order_of_words_does_not_count(words: list[str]) -> None:
    assert jaccard(shingles(" ".join(words)), shingles(TITLE.lower())) == 1.0


@settings(deadline=None)
@given(st.lists(st.text("ab ", max_size=8), max_size=30), st.integers(1, 30))
def test_parted_pairs_are_those_of_one_before_and_one_after(texts: list[str], parted: int) -> None:
    distinct = list(dict.fromkeys(map(folded, texts)))
    pairs = {(i, j) for i, j, _ in near_pairs(distinct)}
    assert {(i, j) for i, j, _ in near_pairs(distinct, parted)} == {(i, j) for i, j in pairs if i < parted <= j}


def titles(count: int) -> list[str]:
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghij", k=rng.randint(3, 7))) for _ in range(60)]
    made = [" ".join(rng.choices(words, k=6)) for _ in range(count // 2)]
    changed = [text.replace(rng.choice(text.replace(" ", "")), "x", 1) for text in made]
    return list(dict.fromkeys([*made, *changed]))


def test_every_near_pair_is_found_and_none_beside() -> None:
    texts = titles(400)
    sets = [shingles(text) for text in texts]
    all_pairs = {(i, j) for j in range(len(texts)) for i in range(j) if jaccard(sets[i], sets[j]) >= SIMILAR}
    assert len(all_pairs) > 100
    assert {pair[:2] for pair in near_pairs(texts)} == all_pairs


def test_leaks_name_the_nearest_once_for_each_held_out_text() -> None:
    train = ["blue jeans", TITLE, TITLE.replace("Shirt", "Shirts"), "plain mug of clay"]
    held = ["a lamp", TITLE.upper(), TITLE.replace("Turtle", "Turtla"), "Blue-Jeans"]
    pairs = leaks(train, held)
    assert [(leak.train, leak.held_out) for leak in pairs] == [(1, 1), (1, 2), (0, 3)]
    assert [leak.similarity == 1.0 for leak in pairs] == [True, False, True]
    assert leaks([], held) == leaks(train, []) == []


def test_clusters_link_chains() -> None:
    chain = [TITLE, TITLE + " x", TITLE + " xy z", "mug"]
    numbers = clusters([*chain, TITLE.lower()])
    assert numbers[0] == numbers[1] == numbers[2] == numbers[4] != numbers[3]
    assert clusters([]) == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_linked_nodes_are_in_one_component_and_a_node_without_a_link_is_alone(links: list[tuple[int, int]]) -> None:
    numbers = components(10, links)
    assert all(numbers[i] == numbers[j] for i, j in links)
    linked = {i for pair in links for i in pair}
    assert all(numbers.count(numbers[i]) == 1 for i in range(10) if i not in linked)


def test_the_bands_miss_next_to_nothing() -> None:
    missed = (1 - SIMILAR**duplicates.ROWS) ** duplicates.BANDS
    assert missed < 1 / 20_000
