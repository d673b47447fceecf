"""The ontology file, its lookups, and the errors that a shop gets when it edits the file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ontology import Category, Ontology, OntologyError
from adapters.settings import SHIPPED_ONTOLOGY
from adapters.words import fold, phrases_in, words

SHOP = Ontology.load()

SMALL = """\
version: 1
taxonomy:
  Home:
    Decor:
      Candles: [candle]
attributes:
  color:
    navy blue: [navy]
    black: []
aspects:
  general: [product]
use_cases:
  beginner: [novice]
"""

Load = Callable[[str | bytes], Ontology]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write_and_load(text: str | bytes) -> Ontology:
        file = tmp_path / "ontology.yaml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return Ontology.load(file)

    return write_and_load


def errors_of(load: Load, text: str | bytes) -> list[str]:
    with pytest.raises(OntologyError) as caught:
        load(text)
    assert str(caught.value) == "\n".join(caught.value.errors)
    return caught.value.errors


# The shipped file


def test_a_leaf_has_a_path_and_an_id() -> None:
    assert SHOP.categories["Shirts"].path == ("Apparel", "Topwear", "Shirts")
    assert SHOP.categories["Face Moisturisers"].id == "face-moisturisers"
    assert "candle" in SHOP.categories["Candles"].synonyms


def test_the_deepest_level_that_is_listed_says_which_attributes_goods_have(load: Load) -> None:
    more = "  Toys:\n    Play:\n      Dolls: []\nattributes:"
    shop = load(SMALL.replace("attributes:", more) + "attributes_of:\n  Home: [color]\n  Home > Decor: []\n")
    candles, dolls = shop.categories["Candles"], shop.categories["Dolls"]
    assert not shop.applies("color", candles)
    assert shop.applies("color", dolls)  # nothing is stated about toys
    assert shop.applies("brand", candles)  # no attribute of the file
    assert load(SMALL).applies("color", candles)


def test_digest_is_of_the_bytes(load: Load) -> None:
    assert len(SHOP.digest) == 64
    assert load(SMALL).digest != load(SMALL + "# edited\n").digest


def test_synonyms_can_be_read_back(load: Load) -> None:
    small = load(SMALL)
    assert small.phrases("color", "navy blue") == ("navy",)
    assert small.phrases("use_cases", "beginner") == ("novice",)


# Words


def test_words_keep_what_carries_meaning() -> None:
    text = 'Men\u2019s "V-Neck" tee, 1.5 in. (3/4) under $30 or 50%!'
    assert " ".join(words(text)) == "men's v-neck tee 1.5 in 3/4 under $30 or 50%"
    assert words(" - ... ") == []


@given(st.text())
def test_words_of_joined_words_are_the_same(text: str) -> None:
    assert words(" ".join(words(text))) == words(text)


# Values


@pytest.mark.parametrize(
    ("attribute", "text", "value"),
    [
        ("color", "Navy-Blue", "navy blue"),
        ("color", "gray", "grey"),
        ("gender", "men\u2019s", "men"),
        ("gender", "for women", "women"),
        ("age_group", "Toddlers", "toddler"),
        ("silhouette", "A Line", "a-line"),
        ("material", "gold", "gold"),
        ("color", "gold", "gold"),
        ("color", "waterproof", None),
        ("price", "cheap", None),
        ("color", "", None),
    ],
)
def test_value(attribute: str, text: str, value: str | None) -> None:
    assert SHOP.value(attribute, text) == value


PHRASES = [
    (attribute.name, value, phrase)
    for attribute in SHOP.attributes.values()
    for value in attribute.values
    for phrase in (value, *SHOP.phrases(attribute.name, value))
]


@given(st.sampled_from(PHRASES), st.sampled_from([str.lower, str.upper, str.title]))
def test_every_value_and_synonym_names_its_value(entry: tuple[str, str, str], in_case: Callable[[str], str]) -> None:
    attribute, value, phrase = entry
    text = in_case(phrase)
    assert SHOP.value(attribute, text) == value
    assert (attribute, value, 0, len(words(text))) in SHOP.values_in(text)


def test_values_in_a_query() -> None:
    assert SHOP.values_in("Something red and flowy for a wedding") == [
        ("color", "red", 1, 2),
        ("silhouette", "flowy", 3, 4),
        ("occasion", "wedding", 6, 7),
    ]


def test_the_longest_phrase_wins_within_an_attribute() -> None:
    matches = SHOP.values_in("turtle check men navy-blue shirt")
    assert [match for match in matches if match[0] == "color"] == [("color", "navy blue", 3, 4)]
    assert ("gender", "men", 2, 3) in matches


def test_glasses_are_not_glass() -> None:
    assert not any(match[0] == "material" for match in SHOP.values_in("reading glasses"))


VOCABULARY = [phrase for _, _, phrase in PHRASES] + ["and", "for", "the", "shirt", "$30"]


@given(st.lists(st.sampled_from(VOCABULARY), max_size=8).map(" ".join))
def test_values_in_are_ordered_and_disjoint(text: str) -> None:
    matches = SHOP.values_in(text)
    assert [match[2] for match in matches] == sorted(match[2] for match in matches)
    cells = [(name, word) for name, _, start, end in matches for word in range(start, end)]
    assert len(cells) == len(set(cells))
    for name, value, start, end in matches:
        assert SHOP.value(name, " ".join(words(text)[start:end])) == value


@given(st.text())
def test_lookups_take_any_text(text: str) -> None:
    SHOP.values_in(text)
    SHOP.use_case_in(text)
    SHOP.category_in(text)
    assert {SHOP.aspect_of(text), SHOP.aspect_of_opinion(text)} <= {*SHOP.aspects}


# Categories, aspects, use cases


@pytest.mark.parametrize(
    ("text", "leaf"),
    [
        ("a scented candle", "Candles"),
        ("leather Backpack for school", "Backpacks"),
        ("men's t-shirts", "Tshirts"),
        ("shirt and jeans", "Jeans"),
        ("dog food bowl", "Dog Food"),
        ("zip up hoodies", "Hoodies"),
        ("something nice", None),
    ],
)
def test_category_in(text: str, leaf: str | None) -> None:
    category = SHOP.category_in(text)
    assert (category.name if category else None) == leaf


@pytest.mark.parametrize(
    ("noun", "leaf"),
    [
        ("tea caddy", None),
        ("tea", "Tea"),
        ("lantern shaped lamp", "Lamps"),
        ("kitchen shelves", "Shelves and Racks"),
        ("book shelves", "Bookcases"),
        ("lunchbox", "Food Storage"),
        ("sleeve for tuba", None),
        ("pair of running shoes", "Sports Shoes"),
        ("chest of drawers", "Dressers"),
        ("shoes for running", "Casual Shoes"),
        ("steak knives", "Kitchen Knives"),
        ("", None),
        ("of", None),
    ],
)
def test_category_of_a_noun_is_that_of_its_head(noun: str, leaf: str | None) -> None:
    category = SHOP.category_of(noun)
    assert (category and category.name) == leaf


@pytest.mark.parametrize(
    ("plural", "singular"),
    [("shelves", "shelf"), ("knives", "knife"), ("gloves", "glove"), ("sleeves", "sleeve"), ("laces", "laces")],
)
def test_plurals_are_compared_by_their_singular(plural: str, singular: str) -> None:
    assert fold(plural) == singular


@given(st.sampled_from(list(SHOP.categories.values())))
def test_every_leaf_and_synonym_names_its_leaf(leaf: Category) -> None:
    for phrase in (leaf.name, *leaf.synonyms):
        assert SHOP.category_in(phrase) == leaf


@pytest.mark.parametrize(
    ("term", "aspect"),
    [
        (None, "general"),
        ("", "general"),
        ("flux capacitor", "general"),
        ("battery life", "battery"),
        ("battery charger", "general"),
        ("Zippers", "parts"),
        ("quality of the labels", "quality"),
        ("sound thingamajig", "sound"),
        ("handle", "parts"),
        ("fits", "fit"),
        ("brown rice", "general"),
        ("green tea", "general"),
        ("leather couch", "general"),
        ("the blue", "color"),
        ("kind of fabric", "material"),
        ("price tag", "price"),
        ("help line", "service"),
        ("ice cream", "general"),
        ("left strap", "parts"),
    ],
)
def test_aspect_of(term: str | None, aspect: str) -> None:
    assert SHOP.aspect_of(term) == aspect


@pytest.mark.parametrize(
    ("opinion", "aspect"),
    [
        (None, "general"),
        ("never called back", "service"),
        ("hung up on me", "service"),
        ("mushy brown rice", "texture"),
        ("turned brown", "color"),
        ("a nice blue and shiny", "appearance"),
        ("look no further", "general"),
        ("looks great", "appearance"),
        ("pretty good", "general"),
        ("so pretty", "appearance"),
        ("came apart", "durability"),
        ("came quickly", "delivery"),
        ("came with", "general"),
        ("would order again", "general"),
        ("a bit pricey", "price"),
        ("top notch", "general"),
        ("lasts a long time", "durability"),
        ("too long", "size"),
        ("feels cheap", "quality"),
        ("room for improvement", "general"),
        ("has a handle", "general"),  # an opinion is no part
    ],
)
def test_aspect_of_opinion(opinion: str | None, aspect: str) -> None:
    assert SHOP.aspect_of_opinion(opinion) == aspect


def test_lookups_are_linear_in_the_text() -> None:
    assert len(list(phrases_in("navy blue " * 2_000, longest=3))) < 3 * 4_000


# Mistakes in the file


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("version: 1", "version: 2", "1: 'version' must be 1"),
        ("use_cases:", "uses:", "12: unknown section 'uses'; known are version, taxonomy"),
        ("use_cases:", "uses:", "1: section 'use_cases' is missing"),
        ("black: []", "navy blue: []", "9: value 'navy blue' of attribute 'color' appears twice"),
        ("black: []", "black: [Navys]", "9: 'Navys' names value 'black' of attribute 'color' and also 'navy blue'"),
        ("black: []", "black:", "9: value 'black' of attribute 'color' needs a list; write [] for none"),
        ("black: []", "no: []", "9: value 'no' of attribute 'color' is not text; put it in quotes"),
        ("black: []", "black: [501]", "9: synonym '501' of value 'black' of attribute 'color'"),
        ("black: []", "black: ['']", "9: synonym '' of value 'black' of attribute 'color' is"),
        ("black: []", "black: ['--']", "9: '--' has no word in it"),
        ("black: []", "'a|b': []", "9: value 'a|b' of attribute 'color' may not contain any of"),
        ("black: []", '"a\\nb": []', "9: value 'a b' of attribute 'color' may not contain any of"),
        ("black: []", "black: [[x]]", "9: synonym '...' of value 'black' of attribute 'color' is"),
        ("  color:", "  size: {}\n  color:", "7: expected a mapping: value '...' of attribute"),
        ("  color:", "  aspects:", "7: attribute 'aspects' may not bear a section's name"),
        ("  color:", "  keywords:", "7: attribute 'keywords' may not bear a section's name or be 'keywords'"),
        ("Candles: [candle]", "Candles:", "5: leaf 'Candles' needs a list"),
        ("    Decor:\n", "    Light:\n      Candles: []\n    Decor:\n", "7: leaf 'Candles' appears twice"),
        ("  Home:\n", "  Toys: []\n  Home:\n", "3: department 'Toys' must be a mapping"),
        ("Candles: [candle]", "A: {B: {C: []}}", "5: group 'B' is too deep: 4 levels at most"),
        ("general: [product]", "price: [cost]", "10: aspect 'general' is missing"),
        ("[novice]", "[novice", "14: not valid YAML: "),
        ("[novice]", "[novice]\nattributes_of: {Toys: [color]}", "14: 'Toys' is no department, group or leaf"),
        ("[novice]", "[novice]\nhints: {Toys: [lego]}", "14: 'Toys' in hints is no leaf of the taxonomy"),
        ("[novice]", "[novice]\nhints: {Candles: lego}", "14: 'Candles' in hints needs a list"),
        ("[novice]", "[novice]\ncompounds: navy bean", "14: 'compounds' needs a list"),
        ("[novice]", "[novice]\nattributes_of: {Home: [size]}", "14: 'size' is not an attribute of this file"),
        ("[novice]", "[novice]\nattributes_of: {Home: color}", "14: 'Home' in attributes_of needs a list"),
    ],
)
def test_a_mistake_is_reported_with_its_line(load: Load, old: str, new: str, error: str) -> None:
    assert SMALL.count(old) == 1
    errors = errors_of(load, SMALL.replace(old, new))
    assert any(line.startswith(f"ontology.yaml:{error}") for line in errors), errors


@pytest.mark.parametrize("text", ["", "- a list\n", "words\n"])
def test_the_file_must_be_a_mapping(load: Load, text: str) -> None:
    assert errors_of(load, text)[0].startswith("ontology.yaml:1: the file must be a mapping of")


def test_all_mistakes_come_at_once_in_order(load: Load) -> None:
    broken = SMALL.replace("Candles:", "'Can=dles':").replace("black:", "yes:").replace("1", "x", 1)
    assert [line.split(":")[1] for line in errors_of(load, broken)] == ["1", "5", "9"]


def test_bytes_that_are_not_text(load: Load) -> None:
    assert errors_of(load, b"version: 1\n# \xff\n") == ["ontology.yaml:2: not valid UTF-8"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OntologyError, match=r"none\.yaml:1: cannot be read: No such file"):
        Ontology.load(tmp_path / "none.yaml")


LINES = SHIPPED_ONTOLOGY.read_text("utf-8").splitlines()
SNIPPETS = ["", "  x:", "  - y", "a: [b", "{", "&a [*a]", "\t", "no: [yes]", "? [x]", "\x07"]


@given(st.data())
def test_no_edit_of_a_line_breaks_the_reader(data: st.DataObject) -> None:
    small = SMALL.splitlines()
    at = data.draw(st.integers(0, len(small) - 1))
    small[at] = data.draw(st.sampled_from(SNIPPETS + LINES[:60]) | st.text(max_size=12))
    with tempfile.NamedTemporaryFile() as file:
        file.write("\n".join(small).encode("utf-8", "surrogatepass"))
        file.flush()
        try:
            Ontology.load(file.name)
        except OntologyError as error:
            assert all(line.split(":")[1].isdigit() for line in error.errors)


# Names of goods and compounds


def test_compounds_name_no_value(load: Load) -> None:
    shop = load(SMALL + "compounds: [navy bean]\nhints:\n  Candles: [yankee]\n")
    assert shop.values_in("navy beans in a navy tin") == [("color", "navy blue", 4, 5)]
    assert shop.hints == {"Candles": ("yankee",)}
    assert (load(SMALL).compounds, load(SMALL).hints) == (frozenset(), {})


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("leather jacket", {"leather"}),
        ("plastic cups", {"plastic"}),
        ("steam iron", set()),
        ("green tea bags", set()),
        ("wine glass", {"glass"}),
        ("rose gold ring", {"rose gold"}),
        ("gold tone watch", {"gold"}),
        ("leather and suede cleaner", set()),
        ("leather sofa cleaner", set()),
        ("leather sofa with cleaner", {"leather"}),
        ("pink paint", {"pink"}),
    ],
)
def test_properties_are_the_values_that_no_name_of_goods_hides(text: str, values: set[str]) -> None:
    assert {value for name, value, _, _ in SHOP.properties_in(text) if name in ("color", "material")} == values


@given(st.lists(st.sampled_from("green tea leather cleaner gold rose ring wine glass box spring iron and".split())))
def test_properties_are_some_of_the_values(drawn: list[str]) -> None:
    text = " ".join(drawn)
    assert set(SHOP.properties_in(text)) <= set(SHOP.values_in(text))
