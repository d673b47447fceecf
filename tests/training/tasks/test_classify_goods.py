"""Broader goods for classify: what settles a leaf, the tables, evaluation items, and titles that no leaf fits."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.tasks import classify
from tests.training.tasks.builders import ONTOLOGY, title
from tests.typed.measure import lines
from training.evaluation.cards import data_sources
from training.public import readers
from training.public.goods import READERS, Offer
from training.tasks.goods import (
    NONE_FITS,
    SEPARATOR,
    UNSETTLED,
    broader_titles,
    leaf_of,
    leaves_below,
    named_leaves,
    stated_attributes,
    table,
)
from training.tasks.goods.unfitting import FILLERS, _with_check_digit, made_up, made_up_outside, unfitting_titles
from training.text import key

RULES = {"Home": ["Home > Kitchen and Dining", "Lamps"], "Home > Mugs": "Cups and Mugs", "Cars": None}


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("Anker USB-C phone charger 20W", {"Phone Chargers"}),
        ("Leather case for iPhone 7", set()),
        ("Women's short sleeve maxi dress", {"Dresses"}),
        ("Slim Fit Waistcoat", {"Waistcoat"}),
        ("Folding chairs/stools", {"Chairs", "Stools"}),
        ("Chef knives and cutting boards", {"Kitchen Knives", "Kitchen Tools"}),
        ("Gaming mouse, mouse pad", {"Mice", "Mouse Pads"}),
        ("With love: ceramic mug", {"Cups and Mugs"}),
        ("", set()),
    ],
)
def test_a_title_names_leaves_by_what_the_product_is(text: str, leaves: set[str], ontology: Ontology) -> None:
    assert named_leaves(text, ontology) == leaves


@given(st.text())
def test_any_text_names_leaves_of_the_ontology_or_none(text: str) -> None:
    assert named_leaves(text, ONTOLOGY) <= set(ONTOLOGY.categories)


@pytest.mark.parametrize(
    ("text", "path", "leaf"),
    [
        ("anything at all", ("Home", "Mugs", "Large"), "Cups and Mugs"),
        ("Brass table lamp", ("Home", "Light"), "Lamps"),
        ("Brass table lamp and dinner plate", ("Home", "Light"), UNSETTLED),
        ("Red wool scarf", ("Home", "Textiles"), UNSETTLED),
        ("1965 MG MGB", ("Cars",), NONE_FITS),
        ("Car stereo", ("Cars",), UNSETTLED),
        ("Brass table lamp", ("Garden",), UNSETTLED),
        ("Brass table lamp", (), UNSETTLED),
    ],
)
def test_a_wide_category_gives_its_leaf_where_the_title_settles_it(
    text: str, path: tuple[str, ...], leaf: str, ontology: Ontology
) -> None:
    assert leaf_of(Offer("train", text, path), RULES, ontology) == leaf


@pytest.mark.parametrize("source", READERS)
def test_a_table_names_leaves_and_groups_of_the_ontology(source: str, ontology: Ontology) -> None:
    for rule in table(source).values():
        assert leaves_below((rule,) if isinstance(rule, str) else tuple(rule or ()), ontology) <= set(
            ontology.categories
        )
        assert not isinstance(rule, str) or rule in ontology.categories


@pytest.mark.data
@pytest.mark.parametrize("source", READERS)
def test_every_category_of_a_table_is_one_of_its_source(source: str) -> None:
    paths = {offer.path for offer in READERS[source]()}
    categories = {SEPARATOR.join(path[:length]) for path in paths for length in range(1, len(path) + 1)}
    assert set(table(source)) <= categories


def test_color_and_gender_are_those_that_the_title_states(ontology: Ontology) -> None:
    stated = stated_attributes("Mens navy and red scarf", "Scarves", ontology)
    assert stated == {"color": "navy blue", "gender": "men"}
    assert stated_attributes("Shirt for women and men", "Shirts", ontology) == {"gender": "unisex"}
    assert stated_attributes("Ceramic mug", "Cups and Mugs", ontology) == {}
    assert stated_attributes("Green tea tin red", "Tea", ontology) == {}


@pytest.mark.data
def test_no_broader_title_is_an_evaluation_item_or_occurs_twice(ontology: Ontology) -> None:
    examples = list(broader_titles(ontology))
    splits = {key(e.request.title): e.split for e in examples}
    assert len(splits) == len(examples) > 65_000
    assert set(Counter(e.source for e in examples)) == set(READERS)
    assert {(e.source, e.split) for e in examples} == {(s, p) for s in READERS for p in ("train", "validation", "test")}
    held_out = {key(row.title) for row in (*readers.fashion(), *readers.pricerunner()) if row.split != "train"}
    held_out |= {key(product.name) for product in readers.products() if product.split != "train"}
    typed = {
        key(fields[0])
        for task in ("classify", "suppliers", "rewrite", "extract", "copywrite")
        for fields in lines(task)
    }
    assert splits.keys().isdisjoint(held_out | typed)
    published = {key(offer.title) for name in ("mwpd", "pave") for offer in READERS[name]() if offer.split == "test"}
    assert {splits[title] for title in published & splits.keys()} == {"test"}


@pytest.mark.data
def test_broader_titles_are_valid_examples(ontology: Ontology) -> None:
    examples = list(broader_titles(ontology))
    for example in examples[::50]:
        line = classify.TASK.encode(example.labels)
        assert classify.TASK.decode(line, example.request, ontology) == example.labels
    partial = [e for e in examples if e.known_fields is not None]
    assert {ontology.categories[e.labels.category].path[0] for e in partial} == {"Apparel", "Accessories", "Footwear"}
    assert all("gender" not in e.labels.attributes for e in partial)


@pytest.mark.data
def test_titles_that_no_leaf_fits_are_of_every_kind_and_unique(ontology: Ontology) -> None:
    titles = unfitting_titles(ontology)
    assert len({t.text.casefold() for t in titles}) == len(titles) > 2_000
    assert {t.leaf for t in titles} == {NONE_FITS}
    count = Counter(t.source for t in titles)
    assert count["mwpd"] > 400 and count["best-buy"] > 40 and count["synthetic"] > 1_500
    typed = {key(fields[0]) for fields in lines("classify")}
    assert not {key(t.text) for t in titles} & typed
    suppliers = {fields[0].casefold() for fields in lines("suppliers")}
    assert not {t.text.casefold() for t in titles} & suppliers


@pytest.mark.data
def test_half_of_the_titles_with_a_brand_have_it_in_the_request(ontology: Ontology) -> None:
    examples = [e for e in broader_titles(ontology) if e.source == "best-buy"]
    assert 0.4 < sum(e.request.brand is not None for e in examples) / len(examples) < 0.6


def test_made_up_goods_and_services_outside_the_taxonomy_are_of_every_kind() -> None:
    titles = list(made_up_outside(seed=0))
    assert {t.leaf for t in titles} == {NONE_FITS} and {t.split for t in titles} == {"train", "validation"}
    assert titles == list(made_up_outside(seed=0)) != list(made_up_outside(seed=1))
    texts = " ".join(t.text.lower() for t in titles)
    assert all(word in texts for word in ("warranty", "forklift", "lathe", "scalpel", "hay bale", "cigar", "mannequin"))
    typed = {fields[0].casefold() for fields in lines("suppliers")}
    assert not {t.text.casefold() for t in titles} & typed


def test_made_up_titles_name_no_leaf_of_the_ontology(ontology: Ontology) -> None:
    titles = list(made_up(seed=0))
    assert {t.text for t in titles} >= set(FILLERS)
    assert [t.text for t in made_up(seed=0)] == [t.text for t in titles] != [t.text for t in made_up(seed=1)]
    assert {t.split for t in titles} == {"train", "validation"}
    assert [t.text for t in titles if named_leaves(t.text, ontology)] == []


@pytest.mark.parametrize(("digits", "number"), [("400638133393", "4006381333931"), ("001234567890", "0012345678905")])
def test_a_made_up_article_number_has_its_check_digit(digits: str, number: str) -> None:
    assert _with_check_digit(digits) == number


def test_a_card_says_that_a_source_states_no_licence() -> None:
    examples = [title("Acme mug", "Cups and Mugs", source=source) for source in READERS]
    sources = {source.name: source.licence for source in data_sources("classify", examples)}
    assert sources["ir-ischool-uos/mwpd"].startswith("not stated")
    assert sources["Barabasi-Lab/GroceryDB"] == "MIT"
    assert "Kaggle" in sources["ycnliu/ecommerce-rag-pipeline"]
    assert "licence not stated" not in sources.values()


@pytest.mark.parametrize(
    ("text", "leaf"),
    [
        ("disposable surgical mask 50 pcs", "Protective Masks"),
        ("collagen sheet mask 10 pack", "Mask and Peel"),
        ("notebook computer 15 inch", "Laptops"),
        ("spiral notebook A4 ruled", "Notebooks and Journals"),
        ("kids tricycle red", "Ride-On Toys"),
        ("chunky peanut butter 340 g", "Spreads"),
        ("cordless leaf blower", "Blowers and Snow Throwers"),
        ("three-ring binder 2 inch", "Binders and Folders"),
        ("wooden high chair", "High Chairs"),
        ("jewellery box walnut", "Jewelry Boxes"),
    ],
)
def test_broader_goods_have_a_leaf(text: str, leaf: str, ontology: Ontology) -> None:
    category = ontology.category_in(text)
    assert category is not None and category.name == leaf


def test_a_bare_face_mask_or_notebook_is_left_to_the_rest_of_the_title(ontology: Ontology) -> None:
    assert ontology.category_in("face mask") is None
    assert ontology.category_in("notebook") is None
