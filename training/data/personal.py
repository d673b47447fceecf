"""Personal data in a text: e-mail addresses, telephone numbers and payment card numbers.

Knows one text at a time. Called by `check`. Names and postal addresses are not looked for: a
product named after a person is no finding, and nothing here could tell the two apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

KINDS = ("email", "phone", "card")
REGION = "US"  # whose national telephone numbers are known; numbers with a + are of any country
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,62})\.)+[a-z]{2,24}(?![\w-])", re.IGNORECASE)
# By first digits and length, so that article numbers of 13 digits (EAN) are no cards.
_CARD = re.compile(
    r"(?<![\w.+-])(?:(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6011|65\d\d|35\d\d)"
    r"([ -]?)\d{4}\1\d{4}\1\d{4}|3[47]\d\d([ -]?)\d{6}\2\d{5})(?![\w-])"
)
_MAYBE_PHONE = re.compile(r"(?:\d[^\w]{0,3}){7}")


def find(text: str, region: str = REGION) -> list[tuple[str, int, int]]:
    """(kind, start, end) of each finding, from left to right, none over another."""
    found: list[tuple[str, int, int]] = []
    for kind, start, end in (*_emails(text), *_cards(text), *_phones(text, region)):
        if all(end <= taken[1] or start >= taken[2] for taken in found):
            found.append((kind, start, end))
    return sorted(found, key=lambda each: each[1])


def _emails(text: str) -> Iterator[tuple[str, int, int]]:
    if "@" in text:
        yield from (("email", found.start(), found.end()) for found in _EMAIL.finditer(text))


def _cards(text: str) -> Iterator[tuple[str, int, int]]:
    for found in _CARD.finditer(text):
        if luhn(re.sub(r"\D", "", found[0])):
            yield "card", found.start(), found.end()


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * (1 + i % 2) for i, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _phones(text: str, region: str) -> Iterator[tuple[str, int, int]]:
    """Numbers with a country code, and national ones only as people group them.

    A bare run of ten digits is an article number more often than a telephone's.
    """
    if not _MAYBE_PHONE.search(text):
        return
    import phonenumbers

    leniency = phonenumbers.Leniency.STRICT_GROUPING
    for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=leniency):
        if "+" in match.raw_string or not match.raw_string.strip("()").isdigit():
            yield "phone", match.start, match.end


def mask(text: str, region: str = REGION, keep_words: bool = False) -> str:
    """The text with `[email]`, `[phone]` or `[card]` for each finding.

    With `keep_words` a number of three words becomes three, since a query's labels count words.
    """
    while found := find(text, region):  # again: without its neighbour a number may look like one
        for kind, start, end in reversed(found):
            times = len(text[start:end].split()) if keep_words else 1
            text = text[:start] + " ".join([f"[{kind}]"] * times) + text[end:]
    return text


def mask_all(value: Any, region: str = REGION, keep_words: bool = False) -> Any:
    """A record with every string in it masked, whatever it is nested in."""
    if isinstance(value, str):
        return mask(value, region, keep_words)
    if isinstance(value, dict):
        return {name: mask_all(item, region, keep_words) for name, item in value.items()}
    if isinstance(value, list):
        return [mask_all(item, region, keep_words) for item in value]
    return value
