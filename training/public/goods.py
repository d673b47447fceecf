"""Readers of the public sets of broader goods: titles with the shop's own category, each with its split.

Knows files; which leaf of an ontology a category is, `training.tasks.goods` knows. Splits: MWPD and WDC PAVE as
published, PAVE's training offers by product cluster; the others by the title without the words that have digits, so
that models and sizes of a product stay together.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.cleaning import plain
from training.public.sources import find, sources
from training.text import is_acceptance, key, split_of

REPOSITORIES = {
    "mwpd": "ir-ischool-uos/mwpd",
    "implicit-ave": "HenryPengZou/ImplicitAVE",
    "grocery-db": "Barabasi-Lab/GroceryDB",
    "pave": "wbsg-uni-mannheim/wdc-pave",
    "superstore": "shivasaiyama99/FUTURE_ML_01",
    "recalls": "peggybustamante/python-samples",
    "amazon": "ycnliu/ecommerce-rag-pipeline",
    "flipkart": "jzpatrao/nlp-analysis",
    "best-buy": "typesense/showcase-ecommerce-store",
    "contoso": "sql-bi/Contoso-Data-Generator",
}
LOST = "\ufffd"  # a letter that an earlier export could not decode
_LOST_IN_WORD = re.compile(f"\\w{LOST}+\\w")
_NO_TITLE = re.compile(r"https?:|log in needed", re.IGNORECASE)  # addresses and notices in place of a name
_PAVE_NOISE = re.compile(r'"?\s*\bNull\b,?', re.IGNORECASE)
_WITH_DIGIT = re.compile(r"\S*\d\S*")


@dataclass(frozen=True, slots=True)
class Offer:
    """A product as a shop or a data set lists it; `path` is its category in their words, from wide to narrow."""

    split: str
    title: str
    path: tuple[str, ...]
    brand: str | None = None


def mwpd() -> Iterator[Offer]:
    """Offers of 2,200 web shops with three levels of GS1's Global Product Classification."""
    for archive, split in (("train_val", None), ("testset", "test")):
        (file,) = find(REPOSITORIES["mwpd"], f"data/task2_{archive}_with_labels.zip")
        with zipfile.ZipFile(file) as zipped:
            for name in zipped.namelist():
                of_file = split or Path(name).stem
                for line in io.TextIOWrapper(zipped.open(name), encoding="utf-8"):
                    row = json.loads(line)
                    levels = (row[level].partition("_")[2].replace(LOST, "-") for level in ("lvl1", "lvl2", "lvl3"))
                    yield from _offer(row["Name"], tuple(levels), of_file)


def implicit_ave() -> Iterator[Offer]:
    """Titles of Amazon from which the word that names one attribute was cut: labels of the category only."""
    for part in ("Clothing/val", "Food/train_and_val", "Footwear/val", "Home/train_and_val"):
        yield from _implicit_ave_file(part)
    yield from _implicit_ave_file("Jewlery_and_General_Apparel/train_and_val")  # spelt so


def _implicit_ave_file(part: str) -> Iterator[Offer]:
    (file,) = find(REPOSITORIES["implicit-ave"], f"data/training_data/texts/{part}.tsv")
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            title = row["texts"].removeprefix('"').removeprefix("[Title]").replace('""', '"').strip(' "')
            yield from _offer(title, (row["category"],))


def grocery_db() -> Iterator[Offer]:
    """Groceries of Walmart, Target and Whole Foods."""
    import fastexcel
    import ftfy

    (file,) = find(REPOSITORIES["grocery-db"], "data/GroceryDB Source Data.xlsx")
    sheet = fastexcel.read_excel(file).load_sheet("fig_2b", dtypes="string").to_polars()
    for name, category, brand in sheet.select("name", "harmonized single category", "brand").iter_rows():
        if name:
            title, maker = (text and (text if text.isascii() else ftfy.fix_text(text)) for text in (name, brand))
            yield from _offer(title, (category,), brand=maker)


def pave() -> Iterator[Offer]:
    """Offers of computer parts, office products, kitchens, groceries and jewellery; path: category, product types."""
    folder = "data/processed_datasets/wdc_with_all_attributes_normalized"
    tested: set[float] = set()
    for name, split in (("test", "test"), ("train_large", None)):  # a product of the test split is never trained on
        (file,) = find(REPOSITORIES["pave"], f"{folder}/{name}.jsonl")
        for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            cluster, of_row = row["cluster_id"], split
            tested |= {cluster} if split else set()
            if of_row is None:
                of_row = "test" if cluster in tested else split_of(f"cluster {cluster}")
            types = sorted({*row["target_scores"].get("Product Type", ())} - {"n/a"})
            title = _PAVE_NOISE.sub(" ", row["input_title"]).strip('" ,')
            yield from _offer(title, (row["category"], *types), of_row)


def superstore() -> Iterator[Offer]:
    """Office supplies, furniture and office machines."""
    for row in _csv_rows("superstore", "superstore_products.csv"):
        yield from _offer(row["Product Name"], (row["Category"], row["Sub-Category"]))


def recalls() -> Iterator[Offer]:
    """Names of recalled consumer goods, of the notices with one product type."""
    for source in sources():
        if source.repository == REPOSITORIES["recalls"]:
            (file,) = find(REPOSITORIES["recalls"], source.path)
            for notice in json.loads(file.read_text(encoding="utf-8"))["success"]["results"]:
                types, names = notice["product_types"] or [], notice["descriptions"] or []
                if len(types) == 1:
                    for name in names:
                        yield from _offer(name, (types[0],))


def amazon() -> Iterator[Offer]:
    """Products of Amazon in 2020, most of them toys."""
    for row in _csv_rows("amazon", "data/test_sample_1000.csv"):
        yield from _offer(row["Product Name"], _levels(row["Category"], "|"))


def flipkart() -> Iterator[Offer]:
    """Products of seven departments."""
    for row in _csv_rows("flipkart", "flipkart_com-ecommerce_sample_1050.csv"):
        path = _levels(json.loads(row["product_category_tree"])[0], ">>")
        yield from _offer(row["product_name"], path, brand=row["brand"] or None)


def best_buy() -> Iterator[Offer]:
    """Phones and what belongs to them."""
    (file,) = find(REPOSITORIES["best-buy"], "scripts/data/ecommerce.json")
    for row in json.loads(file.read_text(encoding="utf-8")):
        yield from _offer(row["name"], tuple(row["categories"]), brand=row["brand"] or None)


def contoso() -> Iterator[Offer]:
    """Electronics and appliances of made-up brands; a product's colours share a split."""
    for row in _csv_rows("contoso", "Contoso Main/Products/Products.csv"):
        title = row["Product Name"]
        product = title.removesuffix(row["Color"])
        path = row["Category"].strip(), row["Subcategory"].strip()
        yield from _offer(title, path, split_of(_product_key(product)), brand=row["Brand"])


READERS: dict[str, Callable[[], Iterable[Offer]]] = {
    "mwpd": mwpd,
    "implicit-ave": implicit_ave,
    "grocery-db": grocery_db,
    "pave": pave,
    "superstore": superstore,
    "recalls": recalls,
    "amazon": amazon,
    "flipkart": flipkart,
    "best-buy": best_buy,
    "contoso": contoso,
}


def _csv_rows(name: str, path: str) -> Iterator[dict[str, str]]:
    (file,) = find(REPOSITORIES[name], path)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines, strict=True)


def _levels(path: str, separator: str) -> tuple[str, ...]:
    return tuple(level.strip() for level in path.split(separator) if level.strip())


def _product_key(title: str) -> str:
    return key(_WITH_DIGIT.sub(" ", title)) or key(title)


def _offer(title: str, path: tuple[str, ...], split: str | None = None, **more: Any) -> Iterator[Offer]:
    """The offer, unless its title is none, has lost letters inside a word or is an acceptance example."""
    if _LOST_IN_WORD.search(title) or _NO_TITLE.search(title):
        return
    title = plain(title.replace(LOST, " "))
    if not key(title) or is_acceptance(title):
        return
    yield Offer(split or split_of(_product_key(title)), title, path, **more)
