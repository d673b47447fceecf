"""The leaves that a title's words point at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.candidates import COUNT, candidates
from adapters.ontology import Category, Ontology
from tests.typed.measure import lines

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


@pytest.mark.parametrize(
    ("title", "leaf"),
    [
        ("blndr 600w glass jar", "Blenders"),  # consonants only
        ("cool mist humidifr", "Humidifiers"),
        ("proj screen 100 in", "Projectors"),  # the beginning of a word
        ("mens lether wallett", "Wallets"),
        ("keybaord usb black", "Keyboards"),  # neighbours that have changed places
        ("moisturising creem", "Face Moisturisers"),
    ],
)
def test_a_word_with_one_slip_or_an_abbreviation_points_at_its_leaf(title: str, leaf: str) -> None:
    assert leaf in candidates(title, SHOP)


@pytest.mark.parametrize("title", ["kimono binos", "xqzrt wvbnm", "zorblax 3000"])
def test_a_word_that_is_no_slip_of_another_is_not_corrected(title: str) -> None:
    assert "Board Games" not in candidates(title, SHOP)


def test_a_container_with_an_amount_beside_it_is_packing() -> None:
    assert "Trash Cans" not in candidates("cola 12 pk cans 355 ml", SHOP)
    assert candidates("kitchen trash can 13 gal", SHOP)[0] == "Trash Cans"


def test_a_hint_points_at_its_leaf_without_naming_it() -> None:
    assert SHOP.hints["Dog Food"] and SHOP.category_in("purina one 31 lb") is None
    assert candidates("purina one 31 lb", SHOP)[0] == "Dog Food"


def test_the_leaf_of_nearly_every_suppliers_title_is_among_its_candidates() -> None:
    titles = [fields[:2] for fields in lines("suppliers") if fields[1] != "-"]
    hits = [leaf in candidates(title, SHOP) for title, leaf in titles]
    assert len(titles) >= 300 and sum(hits) / len(hits) > 0.97


@pytest.mark.parametrize("title", ["0012345678905", "n/a", "of the and", "...", "мужская рубашка"])
def test_a_title_without_the_taxonomys_words_has_none(title: str) -> None:
    assert candidates(title, SHOP) == []


@pytest.mark.parametrize("leaf", SHOP.categories.values(), ids=lambda leaf: leaf.id)
def test_a_leaf_is_among_the_candidates_of_its_name_and_synonyms(leaf: Category) -> None:
    for phrase in (leaf.name, *leaf.synonyms):
        assert candidates(phrase, SHOP)[0] == leaf.name, phrase


@given(st.text(max_size=80))
def test_any_text_has_at_most_six_different_leaves(title: str) -> None:
    leaves = candidates(title, SHOP)
    assert len(leaves) == len(set(leaves)) <= COUNT
    assert set(leaves) <= SHOP.categories.keys()
