"""Normalisation of imported text: the cleaning that requests get too, then one spelling of units and currencies.

Knows no column and no task. Every function is idempotent. Called by `importing` for every cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from adapters.cleaning import plain, settled

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


def units(text: str) -> str:
    """`500 Grams` becomes `500 g` and `64gb` becomes `64 GB`."""
    return _MEASURE.sub(lambda match: f"{match[1]} {_SYMBOLS[match[2].lower()]}", text)


def currencies(text: str) -> str:
    """`USD 20`, `20 dollars` and `$ 20` become `$20`; the digits are not changed."""
    return settled(_currencies, text)


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
    return settled(lambda unsettled: _apply(plain(unsettled), steps), text)


def _apply(text: str, steps: tuple[str, ...]) -> str:
    for step in steps:
        text = STEPS[step](text)
    return text
