"""Normalisation of text: mojibake, HTML, control characters, white space, units and currencies.

Knows no column and no task. Every function is idempotent. Called by `importing` for every cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from training.text import clean

ROUNDS = 8  # of a change until the text stays the same; deeper nested entities do not occur in product titles

# Symbols of the SI Brochure (BIPM 2019, section 5.4.3: a space before the unit) and of trade. Single letters
# (5G, 12V, size L) and "pounds", which is also a currency, are not changed.
_UNITS = {
    "mg": "milligram milligrams",
    "kg": "kgs kilo kilos kilogram kilograms",
    "g": "gr grs gm gms gram grams gramme grammes",
    "ml": "mls millilitre millilitres milliliter milliliters",
    "cl": "centilitre centilitres",
    "l": "ltr ltrs litre litres liter liters",
    "oz": "ozs ounce ounces",
    "lb": "lbs",
    "mm": "millimetre millimetres millimeter millimeters",
    "cm": "cms centimetre centimetres centimeter centimeters",
    "m": "mtr mtrs metre metres meter meters",
    "inch": "inches",
    "ft": "foot feet",
    "MB": "megabyte megabytes",
    "GB": "gigabyte gigabytes",
    "TB": "terabyte terabytes",
    "mAh": "mah",
    "GHz": "gigahertz",
    "MHz": "megahertz",
}
_SYMBOLS = {
    alias.lower(): symbol
    for symbol, aliases in _UNITS.items()
    for alias in (*aliases.split(), *([symbol] if len(symbol) > 1 else []))
}
_NUMBER = r"(?<![\w.,$£€₹-])(\d+(?:[.,]\d+)*)"
# The dot of "8 oz. mug" is removed, the one that ends a sentence is not.
_MEASURE = re.compile(
    rf"{_NUMBER}[ -]?({'|'.join(sorted(_SYMBOLS, key=len, reverse=True))})\b(?!\.?\w)"
    r"(?-i:\.(?= [a-z0-9]))?",
    re.IGNORECASE,
)

_MONEY = {"$": r"us\$|\$|usd|dollars?|bucks?", "£": r"£|gbp", "€": r"€|eur|euros?", "₹": r"₹|inr|rs\.?"}
_AMOUNT = r"(\d+(?:[.,]\d+)*)(?![\w])"
_BEFORE = {
    sign: re.compile(rf"(?<![\w$£€₹])(?:{names}) ?{_AMOUNT}(?: ?(?:{names})(?![\w$£€₹]))?", re.IGNORECASE)
    for sign, names in _MONEY.items()
}
_AFTER = {sign: re.compile(rf"{_NUMBER} ?(?:{names})(?![\w$£€₹])", re.IGNORECASE) for sign, names in _MONEY.items()}
_SIGN = re.compile(rf"(?<![a-z])(?:{'|'.join(_MONEY.values())})", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]+")


def plain(text: str) -> str:
    """One line of readable text: mojibake repaired; tags, control characters and repeated spaces removed."""
    return _settled(_plain, text)


def _plain(text: str) -> str:
    """Mojibake is repaired by ftfy (Speer 2019, doi:10.5281/zenodo.2591652); typographic quotes are not changed."""
    if not text.isascii():
        import ftfy  # slow to import, and most catalogs are plain ASCII

        text = ftfy.fix_text(text, uncurl_quotes=False, unescape_html=False, explain=False)
    return clean(_CONTROLS.sub(" ", text))


def units(text: str) -> str:
    """`500 Grams` becomes `500 g` and `64gb` becomes `64 GB`."""
    return _MEASURE.sub(lambda match: f"{match[1]} {_SYMBOLS[match[2].lower()]}", text)


def currencies(text: str) -> str:
    """`USD 20`, `20 dollars` and `$ 20` become `$20`; the digits are not changed."""
    return _settled(_currencies, text)


def _currencies(text: str) -> str:
    if not _SIGN.search(text):
        return text
    for sign in _MONEY:
        text = _BEFORE[sign].sub(rf"{sign}\1", text)
        text = _AFTER[sign].sub(rf"{sign}\1", text)
    return text


STEPS: dict[str, Callable[[str], str]] = {"units": units, "currencies": currencies}


def normalised(text: str, steps: tuple[str, ...] = tuple(STEPS)) -> str:
    """Plain text, on which the named steps are applied."""
    return _settled(lambda unsettled: _apply(_plain(unsettled), steps), text)


def _apply(text: str, steps: tuple[str, ...]) -> str:
    for step in steps:
        text = STEPS[step](text)
    return text


def _settled(change: Callable[[str], str], text: str) -> str:
    """The text after the change is repeated until nothing changes any more."""
    for _ in range(ROUNDS):
        if (again := change(text)) == text:
            break
        text = again
    return text
