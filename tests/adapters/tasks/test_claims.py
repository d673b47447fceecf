"""Claims beyond the facts: what they are on short texts marked by hand, and which words never count."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.tasks import copywrite
from adapters.tasks.claims import Facts, claims, heads, names_product
from adapters.tasks.copy_words import is_ordinary, ordinary_words, stems
from adapters.words import phrase_key
from tests.adapters.tasks.strategies import CHARACTERS
from tests.typed.measure import pairs_of

SHOP = Ontology.load()
RECALL = 0.95  # of the marked claims
FALSE_ALARMS = 0.02  # of the texts without claims


@cache
def marked() -> list[tuple[copywrite.Request, str, list[str]]]:
    """Requests, texts and the claims that the text has beyond the facts."""
    lines = Path(__file__).with_name("claims.txt").read_text("utf-8").splitlines()
    rows = [[field.strip() for field in line.split("|")] for line in lines if not line.startswith("#")]
    return [
        (
            copywrite.Request(name=name, category=category, attributes=dict(pairs_of(facts))),
            text,
            [phrase_key(claim) for claim in beyond.split(",") if claim.strip()],
        )
        for name, category, facts, text, beyond in rows
    ]


def claimed(text: str, **facts: str) -> list[str]:
    """The claims of a text about a rain jacket of the given facts."""
    given_texts = (*facts, *facts.values())
    return [str(claim) for claim in claims(text, Facts("Moor Jacket", "Rain Jacket", given_texts), SHOP)]


def test_the_marked_texts_are_of_many_departments_and_half_of_them_without_claims() -> None:
    leaves = [SHOP.category_of(request.category or "") for request, _, _ in marked()]
    assert len(marked()) >= 120 and len({leaf.path[0] for leaf in leaves if leaf}) >= 15
    assert 0.4 < sum(not beyond for _, _, beyond in marked()) / len(marked()) < 0.6


def test_claims_of_the_marked_texts_are_listed() -> None:
    hits = []
    for request, text, beyond in marked():
        listed = copywrite.unsupported(text, request, SHOP)
        words = {word for claim in listed for word in phrase_key(claim.partition(": ")[2]).split()}
        hits += [set(claim.split()) <= words for claim in beyond]
    assert sum(hits) / len(hits) >= RECALL


def test_texts_that_say_the_facts_alone_have_no_claims() -> None:
    clean = [copywrite.unsupported(text, request, SHOP) for request, text, beyond in marked() if not beyond]
    assert sum(map(bool, clean)) / len(clean) <= FALSE_ALARMS


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("A jacket with an adjustable hood.", ["claim: adjustable hood"]),
        ("A water-resistant jacket.", ["feature: water resistant"]),
        ("A jacket for kids.", ["age_group: kids"]),
        ("A jacket that goes with your boots.", ["product: boots"]),
        ("A jacket from Nordwind.", ["name: nordwind"]),
        ("A red jacket, brand new.", ["color: red", "condition: brand new"]),
        ("A jacket with two pockets.", ["number: 2", "feature: pockets"]),
        ("A jacket that can be used every day.", []),
        ("A beautiful jacket that you'll love.", []),
        ("A garment to wear with pride.", []),  # what all of its department are
    ],
)
def test_a_claim_says_what_it_is(text: str, listed: list[str]) -> None:
    assert claimed(text) == listed


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"feature": "water resistant"}, "Water-resistant."),
        ({"feature": "dish washer safe"}, "Dishwasher safe."),
        ({"lining": "cushion"}, "Cushioned."),
        ({"color": "grey"}, "Gray."),
        ({"colour": "navy blue"}, "Navy."),
        ({"material": "oak"}, "Wood."),
        ({"gender": "women"}, "For her."),
        ({"weight": "220 g"}, "It weighs 220 grams."),
        ({"pieces": "12"}, "Twelve pieces."),
        ({"flavour": "plum"}, "Plum flavor."),
    ],
)
def test_a_given_word_is_given_in_another_form_too(facts: dict[str, str], text: str) -> None:
    assert claimed(text, **facts) == []


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"material": "wood"}, "Oak."),  # more than was given
        ({"material": "leather"}, "Genuine leather."),
        ({"burn_time": "40 hours"}, "Burns for 40 days."),
        ({"burn_time": "40 hours"}, "40 minutes."),
        ({"sleeve": "long sleeve"}, "Sleeveless."),
        ({"feature": "washable"}, "Machine washable."),
    ],
)
def test_more_or_other_than_was_given_is_a_claim(facts: dict[str, str], text: str) -> None:
    assert claimed(text, **facts)


def test_no_ordinary_word_is_a_color_material_pattern_season_or_condition() -> None:
    stated = {
        word
        for attribute in ("color", "material", "pattern", "season", "condition", "feature", "gender", "age_group")
        for value in SHOP.attributes[attribute].values
        for word in [phrase_key(value)]
    }
    assert not stated & ordinary_words() - {"plain", "clear"}  # these two count as values all the same
    assert len(ordinary_words()) <= 2_500


@pytest.mark.parametrize("word", "hooded washable quiet soft durable new safe free kids two backing".split())
def test_words_that_could_be_checked_are_not_ordinary(word: str) -> None:
    assert not is_ordinary(word)


@pytest.mark.parametrize(
    ("category", "name", "text", "is_named"),
    [
        ("Cups and Mugs", "Studio 5", "A mug.", True),
        ("Cups and Mugs", "Studio 5", "A cup.", True),
        ("Cups and Mugs", "Studio 5", "A lovely piece.", False),
        ("Sports Shoes", "Runner Pro", "The Runner Pro.", False),
        ("Kitchen Tools", "Bamboo Cutting Board", "A board.", True),
        ("Chess computers", "Gambit", "A computer.", True),
        (None, "Wall Clock", "This clock.", True),
        ("Tshirts", "Basic", "A t-shirt.", True),
    ],
)
def test_a_text_names_its_product(category: str | None, name: str, text: str, is_named: bool) -> None:
    assert names_product(text, Facts(name, category, ()), SHOP) == is_named


def test_head_nouns() -> None:
    assert heads("Case for a phone") == ["case"]
    assert heads("Beans and Lentils") == ["bean", "lentil"]
    assert heads("Aurora 15") == ["aurora"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(CHARACTERS, min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=6))
def test_a_text_of_the_facts_alone_claims_nothing(facts: list[str]) -> None:
    for fact in facts:
        assert claims(fact, Facts("Thing", None, tuple(facts)), SHOP) == []


@settings(max_examples=50, deadline=None)
@given(st.text(CHARACTERS, max_size=80))
def test_a_claim_lies_in_the_text(text: str) -> None:
    for claim in claims(text, Facts("Thing", None, ()), SHOP):
        assert 0 <= claim.start < claim.end <= len(text)


def test_stems_meet() -> None:
    assert stems("cushions") & stems("cushioned") & stems("cushion")
    assert not stems("sleeveless") & stems("sleeve")


def test_inches_are_what_in_after_a_number_means() -> None:
    tray = Facts("Ash Tray", "Serving Trays", ("12 x 8 in",))
    assert claims("This tray is 12 by 8 inches.", tray, SHOP) == []
    assert "number: 8 cm" in map(str, claims("This tray is 12 by 8 cm.", tray, SHOP))
