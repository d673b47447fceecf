"""The leaves that a title's words point at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.candidates import COUNT, candidates
from adapters.ontology import Category, Ontology

SHOP = Ontology.load()


@pytest.mark.parametrize(
    ("title", "leaf"),
    [
        ("mens cotton dress shirts white", "Shirts"),
        ("smart watch with leather strap", "Smart Watches"),
        ("powerbank 10000 mah", "Power Banks"),  # a compound of the words of a name
        ("hair-dryers 2000 w", "Hair Dryers"),
    ],
)
def test_the_leaf_whose_name_stands_in_the_title_comes_first(title: str, leaf: str) -> None:
    assert candidates(title, SHOP)[0] == leaf


@pytest.mark.parametrize(
    ("title", "goods", "modifier"),
    [
        ("leather case for iphone", "Phone Cases", "Mobile Phones"),
        ("led bulbs for lamps and lanterns", "Light Bulbs", "Lamps"),
        ("charger compatible with laptops", "Phone Chargers", "Laptops"),
    ],
)
def test_what_stands_behind_a_preposition_counts_less(title: str, goods: str, modifier: str) -> None:
    leaves = [*candidates(title, SHOP), modifier]
    assert leaves.index(goods) < leaves.index(modifier)


@pytest.mark.parametrize("title", ["0012345678905", "n/a", "of the and", "...", "мужская рубашка"])
def test_a_title_without_the_taxonomys_words_has_none(title: str) -> None:
    assert candidates(title, SHOP) == []


@pytest.mark.parametrize("leaf", SHOP.categories.values(), ids=lambda leaf: leaf.id)
def test_a_leaf_is_among_the_candidates_of_its_name_and_synonyms(leaf: Category) -> None:
    for phrase in (leaf.name, *leaf.synonyms):
        assert candidates(phrase, SHOP)[0] == leaf.name, phrase


@given(st.text(max_size=80))
def test_any_text_has_at_most_eight_different_leaves(title: str) -> None:
    leaves = candidates(title, SHOP)
    assert len(leaves) == len(set(leaves)) <= COUNT
    assert set(leaves) <= SHOP.categories.keys()
