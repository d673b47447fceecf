"""Titles that no leaf fits: goods and services outside the taxonomy, codes, fillers and other languages.

The titles in other languages have English brands and measures as shops write them. Called by `training.tasks.classify`.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from pathlib import Path

import yaml

from adapters.ontology import Ontology
from training.tasks.goods import NONE_FITS, Title, outside_titles
from training.tasks.synthesis import SOURCE, split_of_generated

FILLERS = (
    "n/a, na, -, --, ., ..., ?, ???, none, null, nil, unknown, untitled, tbd, tba, test, test product, test 123, asdf, "
    "xxx, xxxx, no name, no title, no description, not available, not applicable, product, products, item, items, "
    "new item, sample, dummy, do not use, delete me, placeholder, lorem ipsum, title, product name, see description, "
    "see image, see above, as described, default title, misc, miscellaneous, other, various, assorted, discontinued, "
    "duplicate, copy of product, out of stock, coming soon, new arrival, sale, special offer, free shipping, 1, 0, "
    "to be announced, to be confirmed later, pending, draft, draft 2, copy, copy (2), untitled-1, new product, "
    "add title here, enter name, insert product name, item name, sample text, abc, abc123, aaaa, zzz, qqq, hjkl, "
    "testing, testing 1 2 3, test item please ignore, not for sale, private listing, do not order, hidden, archive, "
    "no longer available, see photos, same as last time, as discussed, per email, ask for details, call for price, "
    "---, ***, !!, //, 00, 99, 42, 2024, $0.00, 50%, #DIV/0!, #NAME?, TRUE, FALSE, [object Object], "
    "123, 000000, 1234567890, undefined, nan, #N/A, #REF!, error, empty, blank, (blank), [no title], item 1, product 2"
).split(", ")
_CODES = (
    "{ean}|{ean}|{upc}|{asin}|{asin}|{sku}|{sku}|{part}|{part}|SKU {digits}|SKU: {sku}|EAN {ean}|UPC: {upc}|"
    "item {digits}|ref. {part}|art. no. {digits}|{digits}|{sku} {digits}|ASIN {asin}|MPN {part}|P/N {sku}|"
    "model {part}|#{digits}|GTIN {ean}|part number {part}|{part}/{digits}|{ean} {sku}|no. {digits}|lot {sku}"
).split("|")
_FOREIGN = (
    "{goods}|{goods} {word}|{goods} {word} {second}|{brand} {goods} {word}|{goods} {brand} {measure}|"
    "{goods} {word} {measure}"
).split("|")
_OUTSIDE = (
    "{goods}|{goods}|{brand} {goods}|{brand} {goods} {part}|{goods} {measure}|{goods} {part}|{goods} - {brand}|"
    "{goods} {n} pcs|used {goods}|new {goods} {measure}|{n} x {goods}|{goods} ({brand})"
).split("|")
_BRANDS = "Velora Kintek Marvis Ostano Lumea Trevik Nordal Pavio Zentra Corvo".split()
_MEASURES = ("{n} cm", "{n} ml", "{n} kg", "{n}x{n}", "{n} W", "XL", "{n} L")


def unfitting_titles(ontology: Ontology, seed: int = 0) -> list[Title]:
    """Each title once, its leaf `NONE_FITS`: the public ones and those made up."""
    made = (*outside_titles(ontology), *made_up(seed), *made_up_outside(seed))
    return list({title.text.casefold(): title for title in made}.values())


def made_up_outside(seed: int, titles: int = 1_500) -> Iterator[Title]:
    """That many titles of goods and services outside the taxonomy; some occur twice."""
    rng = random.Random(f"outside {seed}")
    kinds = yaml.safe_load(Path(__file__).with_name("outside.yaml").read_text(encoding="utf-8"))
    for _ in range(titles):
        kind = rng.choice(list(kinds))
        n = rng.randint(2, 90)
        title = rng.choice(_OUTSIDE if kind != "services" else _OUTSIDE[:3]).format(
            goods=rng.choice(kinds[kind]),
            brand=rng.choice(_BRANDS),
            part=_block(rng) + str(rng.randint(10, 9_999)),
            measure=rng.choice(_MEASURES).replace("{n}", str(n)),
            n=n,
        )
        text = rng.choice((title, title.title(), title.upper()))
        yield Title(split_of_generated(text), SOURCE, text, NONE_FITS)


def made_up(seed: int, codes: int = 600, foreign: int = 1_200) -> Iterator[Title]:
    """Fillers, that many codes and that many titles in other languages; some occur twice."""
    rng = random.Random(seed)
    for text in (*FILLERS, *(_code(rng) for _ in range(codes)), *_foreign_titles(rng, foreign)):
        yield Title(split_of_generated(text), SOURCE, text, NONE_FITS)


def _code(rng: random.Random) -> str:
    code = rng.choice(_CODES).format(
        ean=_with_check_digit("".join(rng.choices(string.digits, k=12))),
        upc=_with_check_digit("0" + "".join(rng.choices(string.digits, k=11)))[1:],
        asin="B0" + "".join(rng.choices(string.ascii_uppercase + string.digits, k=8)),
        sku="-".join(_block(rng) for _ in range(rng.randint(2, 3))),
        part=_block(rng) + str(rng.randint(10, 9_999)),
        digits=rng.randint(1_000, 99_999_999),
    )
    return rng.choice((code, code, code.lower()))


def _with_check_digit(digits: str) -> str:
    """GTIN-13 of twelve digits; weights 1 and 3 in turn (GS1 General Specifications, section 7.9)."""
    total = sum(int(digit) * (3 if i % 2 else 1) for i, digit in enumerate(digits))
    return digits + str(-total % 10)


def _block(rng: random.Random) -> str:
    return "".join(rng.choices(rng.choice((string.digits, string.ascii_uppercase)), k=rng.randint(2, 5)))


def _foreign_titles(rng: random.Random, number: int) -> Iterator[str]:
    languages = yaml.safe_load(Path(__file__).with_name("languages.yaml").read_text(encoding="utf-8"))
    for _ in range(number):
        language = languages[rng.choice(list(languages))]
        word, second = rng.sample(language["words"], k=2)
        title = rng.choice(_FOREIGN).format(
            goods=rng.choice(language["goods"]),
            word=word,
            second=second,
            brand=rng.choice(_BRANDS),
            measure=rng.choice(_MEASURES).replace("{n}", str(rng.randint(2, 90))),
        )
        yield rng.choice((title, title, title.lower()))
