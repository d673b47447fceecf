"""The brand that a title begins with; rather none than a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.brands import brand_of
from adapters.ontology import Ontology
from adapters.settings import SHIPPED_ONTOLOGY

SHOP = Ontology.load()


@pytest.mark.parametrize(
    ("title", "brand"),
    [
        ("Zentrix Wireless Mouse Black", "Zentrix"),
        ("Kolvar QX-220 Dishwasher 60cm", "Kolvar"),
        ("LumoTek - Wall Charger - Green", "LumoTek"),
        ("Harlan & Moore's Cotton Sheets", "Harlan & Moore's"),
        ("Anna Belle's Chocolate Cookies 12 oz", "Anna Belle's"),
        ("Insigno\u2122 - USB Cable - White", "Insigno"),
        ("Tresko Foods Pasta Sauce 16 oz", "Tresko Foods"),
    ],
)
def test_a_name_before_goods_a_model_or_a_dash_is_the_brand(title: str, brand: str) -> None:
    assert brand_of(title, None, SHOP) == brand


@pytest.mark.parametrize(
    "title",
    [
        "zentrix wireless mouse black",  # no capitals
        "ZENTRIX WIRELESS MOUSE",
        "Wireless Mouse Black",  # goods first
        "Organic Green Tea 20 bags",
        "Premium Quality Leather Wallet",
        "Belgian Chocolate Truffles 200 g",
        "Hickory Smoked Almonds 6 oz",  # a kind of food looks like a brand
        "New Mens Shirt Blue",
        "2 Pack Socks",
        "Candle - Lavender",
        "B07XJ8C8F5",
        "Zentrix",
    ],
)
def test_without_a_clear_name_there_is_no_brand(title: str) -> None:
    assert brand_of(title, None, SHOP) is None


def test_the_shops_list_comes_before_the_form_and_the_given_brand_before_both(tmp_path: Path) -> None:
    file = tmp_path / "ontology.yaml"
    listed = "attributes:\n  brand:\n    Best Choice: [best choice products]\n"
    file.write_text(SHIPPED_ONTOLOGY.read_text("utf-8").replace("\nattributes:\n", f"\n{listed}", 1), "utf-8")
    shop = Ontology.load(file)
    assert brand_of("Zentrix mouse by best choice", None, shop) == "Best Choice"
    assert brand_of("Zentrix mouse by best choice", "Acme", shop) == "Acme"


@given(st.text(max_size=60))
def test_a_brand_of_any_text_consists_of_its_words(title: str) -> None:
    brand = brand_of(title, None, SHOP)
    assert brand is None or all(word in title for word in brand.split())
