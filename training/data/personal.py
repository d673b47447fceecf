"""Personal data in a text: e-mail addresses, telephone numbers and payment card numbers.

Names and postal addresses are not searched for, since products are named after people too. Called by `check`
and `cli`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.examples import read_records, with_texts

REGION = "US"  # whose national telephone numbers are searched for; numbers with a + may be of any country
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,62})\.)+[a-z]{2,24}(?![\w-])", re.IGNORECASE)
# By first digits and length, so that article numbers of 13 digits (EAN) do not match.
_CARD = re.compile(
    r"(?<![\w.+-])(?:(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6011|65\d\d|35\d\d)"
    r"([ -]?)\d{4}\1\d{4}\1\d{4}|3[47]\d\d([ -]?)\d{6}\2\d{5})(?![\w-])"
)
_MAYBE_PHONE = re.compile(r"(?:\d[^\w]{0,3}){7}")


def find(text: str, region: str = REGION) -> list[tuple[str, int, int]]:
    """Kind, start and end of each finding, from left to right, without overlaps."""
    spans: list[tuple[str, int, int]] = []
    emails = [("email", *match.span()) for match in _EMAIL.finditer(text)] if "@" in text else []
    for kind, start, end in (*emails, *_cards(text), *_phones(text, region)):
        if all(end <= other_start or start >= other_end for _, other_start, other_end in spans):
            spans.append((kind, start, end))
    return sorted(spans, key=lambda span: span[1])


def _cards(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _CARD.finditer(text):
        if luhn(re.sub(r"\D", "", match[0])):
            yield "card", *match.span()


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * (1 + i % 2) for i, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _phones(text: str, region: str) -> Iterator[tuple[str, int, int]]:
    """Numbers with a country code, and national numbers with separators.

    Ten digits in a row are an article number more often than a telephone number.
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

    `keep_words`: a number of three words becomes three masks, so that labels of words still fit.
    """
    while spans := find(text, region):  # again: a mask next to a number may make another one recognisable
        for kind, start, end in reversed(spans):
            times = len(text[start:end].split()) if keep_words else 1
            text = text[:start] + " ".join([f"[{kind}]"] * times) + text[end:]
    return text


def mask_file(file: Path, output: Path, region: str = REGION, keep_words: bool = False) -> None:
    """Write a file of examples again, without personal data.

    Raises:
        ExampleError: a line is not a record; nothing is written.
    """
    records = read_records(file)
    with output.open("w", encoding="utf-8", errors="replace") as lines:
        for record in records:
            lines.write(json.dumps(mask_all(record.data, region, keep_words), ensure_ascii=False) + "\n")


def mask_all(value: Any, region: str = REGION, keep_words: bool = False) -> Any:
    """A value with every string in it masked, at any depth."""
    return with_texts(value, lambda text: mask(text, region, keep_words))
