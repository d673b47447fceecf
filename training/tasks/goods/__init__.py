"""Titles of the public sets of broader goods, each with its leaf of the demo ontology.

A table `SOURCE.yaml` beside this file says what a source's category is: a leaf; a list, of which the title's own words
settle one; `~`, a kind of goods that no leaf fits. A row of another category, or whose title settles nothing, is left
out. Called by `training.tasks.classify`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeAlias

import yaml

from adapters.ontology import Ontology
from adapters.tasks import classify
from adapters.words import phrase_key, phrases_in, words
from training.examples import Example
from training.public import readers
from training.public.goods import READERS, Offer
from training.text import key

SEPARATOR = " > "
NONE_FITS = "no leaf fits"
UNSETTLED = "not settled by the title"
WORN = ("Apparel", "Accessories", "Footwear")  # departments whose goods have a gender even if the title says none
_AFTER_PRODUCT = frozenset("for with w by from fits compatible".split())
_EVALUATED = frozenset({"wool scarf", "leather gloves"})  # `tests/typed` has them too
_ORDER = {"test": 0, "validation": 1, "train": 2}

Rule: TypeAlias = str | list[str] | None
Table: TypeAlias = Mapping[str, Rule]


@dataclass(frozen=True, slots=True)
class Title:
    """A title of a source's split and its leaf, or `NONE_FITS`; its brand where the source has one."""

    split: str
    source: str
    text: str
    leaf: str
    brand: str | None = None


def broader_titles(ontology: Ontology) -> Iterator[Example]:
    """An example of each title with a leaf; where the title states no gender of something worn, it stays unknown."""
    for title in _titles(ontology):
        if title.leaf != NONE_FITS:
            stated = stated_attributes(title.text, title.leaf, ontology)
            worn = ontology.categories[title.leaf].path[0] in WORN
            labels = classify.Labels(category=title.leaf, attributes=stated)
            known_fields = 2 if worn and "gender" not in stated else None
            request = classify.Request(title=title.text[:300], brand=title.brand if _has_brand_given(title) else None)
            yield Example(title.split, title.source, request, labels, known_fields)


def _has_brand_given(title: Title) -> bool:
    """Half of the titles, so that requests with a brand and without one are both learnt."""
    return sum(title.text.encode()) % 2 == 0


def stated_attributes(title: str, leaf: str, ontology: Ontology) -> dict[str, str]:
    """The color and the gender that a title names of such goods; the first of the colors, of several genders unisex."""
    values = ontology.properties_in(title)
    colors = [value for name, value, _, _ in values if name == "color"]
    genders = {value for name, value, _, _ in values if name == "gender"}
    stated = {"color": colors[0]} if colors else {}
    if genders:
        stated["gender"] = genders.pop() if len(genders) == 1 else "unisex"
    category = ontology.categories[leaf]
    return {name: value for name, value in stated.items() if ontology.applies(name, category)}


def _brand_of(offer: Offer) -> str | None:
    brand = (offer.brand or "").strip()
    return brand if 0 < len(brand) <= 40 else None


def outside_titles(ontology: Ontology) -> Iterator[Title]:
    """The titles of kinds of goods that no leaf fits."""
    return (title for title in _titles(ontology) if title.leaf == NONE_FITS)


@lru_cache(maxsize=1)
def _titles(ontology: Ontology) -> tuple[Title, ...]:
    """Each title once, over all sources, without those that another source holds out or labels otherwise.

    Of equal titles the one in a test split counts, then the one in a validation split. An unsettled one in a test
    split still keeps its equals out.
    """
    rows = [
        Title(offer.split, source, offer.title, leaf_of(offer, table(source), ontology), _brand_of(offer))
        for source, read in READERS.items()
        for offer in read()
    ]
    leaves: dict[str, set[str]] = {}
    for row in rows:
        if row.leaf != UNSETTLED or row.split == "test":
            leaves.setdefault(key(row.text), set()).add(row.leaf)
    seen = held_out()
    once = []
    for row in sorted(rows, key=lambda row: _ORDER[row.split]):
        identity = key(row.text)
        if row.leaf != UNSETTLED and identity not in seen and len(leaves[identity]) == 1:
            seen.add(identity)
            once.append(row)
    return tuple(once)


def held_out() -> set[str]:
    """The folded titles that classify's other sources hold out for validation and test, and hand-written ones."""
    earlier = (readers.fashion(), readers.pricerunner())
    titles = {key(row.title) for rows in earlier for row in rows if row.split != "train"}
    return titles | _EVALUATED | {key(product.name) for product in readers.products() if product.split != "train"}


@cache
def table(source: str) -> Table:
    """What the categories of a source are: by the category's beginning, its levels joined by `>`."""
    text = Path(__file__).with_name(f"{source}.yaml").read_text(encoding="utf-8")
    rules: Table = yaml.safe_load(text)
    return rules


def leaf_of(offer: Offer, rules: Table, ontology: Ontology) -> str:
    """The leaf of an offer by the rule of its category, the longest that applies; else `NONE_FITS` or `UNSETTLED`."""
    for length in range(len(offer.path), 0, -1):
        category = SEPARATOR.join(offer.path[:length])
        if category in rules:
            return _by_rule(offer.title, rules[category], ontology)
    return UNSETTLED


def _by_rule(title: str, rule: Rule, ontology: Ontology) -> str:
    if isinstance(rule, str):
        return rule
    named = named_leaves(title, ontology)
    if rule is None:
        return UNSETTLED if named else NONE_FITS
    settled = named & leaves_below(tuple(rule), ontology)
    return settled.pop() if len(settled) == 1 else UNSETTLED


@lru_cache(maxsize=1024)
def leaves_below(names: tuple[str, ...], ontology: Ontology) -> frozenset[str]:
    """The leaves that are named, and all leaves below a named department or `department > group`."""
    found = set()
    for name in names:
        if name in ontology.categories:
            found.add(name)
        else:
            path = tuple(name.split(SEPARATOR))
            below = {leaf for leaf, category in ontology.categories.items() if category.path[: len(path)] == path}
            if not below:
                raise KeyError(name)
            found |= below
    return frozenset(found)


def named_leaves(title: str, ontology: Ontology) -> set[str]:
    """The leaves whose names or synonyms a title has, before the words that say what it is for or comes with.

    Of overlapping phrases the longest counts; a longer phrase of an attribute (`short sleeve`) names no leaf.
    """
    title = _product_of(title)
    lexicon, longest = _lexicon(ontology)
    spans = [(start, end, lexicon[phrase]) for phrase, start, end in phrases_in(title, longest) if phrase in lexicon]
    values = [(start, end, "") for _, _, start, end in ontology.values_in(title) if end - start > 1]
    taken: set[int] = set()
    named = set()
    for start, end, leaf in sorted(spans + values, key=lambda span: (span[0] - span[1], not span[2])):
        if taken.isdisjoint(range(start, end)):
            taken |= set(range(start, end))
            named |= {leaf} if leaf else set()
    return named


def _product_of(title: str) -> str:
    """What stands before `for`, `with` and the like, unless that is all; a slash separates words."""
    all_words = words(title.replace("/", " "))
    end = next((i for i, word in enumerate(all_words) if i and word in _AFTER_PRODUCT), len(all_words))
    return " ".join(all_words[:end])


@lru_cache(maxsize=4)
def _lexicon(ontology: Ontology) -> tuple[dict[str, str], int]:
    """The leaf that each name and synonym stands for, and the words of the longest of them."""
    phrases = (
        (phrase, leaf) for leaf, category in ontology.categories.items() for phrase in (leaf, *category.synonyms)
    )
    lexicon = {phrase_key(phrase): leaf for phrase, leaf in phrases}
    return lexicon, max(len(key.split()) for key in lexicon)
