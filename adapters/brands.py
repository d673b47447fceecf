"""The brand of a product: given, of the shop's list, or read from the title by its form.

A shop's brands are the values of an attribute `brand` of its ontology. Without a list a brand is read only from a title
with capitals that begins with it; rather none than a wrong one. Called by `adapters.tasks.classify`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from adapters.ontology import Ontology
from adapters.tasks.query_words import FUNCTION_WORDS, is_quality
from adapters.words import fold, phrase_key

BRAND = "brand"
LONGEST = 3  # words of a brand
_SEPARATOR = re.compile(r"\s+[-\u2013\u2014|]\s+")
_MARKS = re.compile("[\u00ae\u2122\u00a9]")
_NAME = re.compile(r"[^\W\d_](?:[\w'&+-]*\w)?!?")
_FORMS = re.compile(r"[^\W\d_]+[a-z][A-Z]\w*|[A-Z]{3,}(?:[-&][A-Z]+)*|[A-Z]\w*[&-][A-Z]\w*")  # only names have
_COMPANIES = frozenset(
    (
        "works foods farms brands company co bakery creamery kitchens cakes cookware cookwares handicrafts designs "
        "studios labs science sciences industries creations collection comfort house organics naturals botanicals armor"
    ).split()
)
# Words that begin titles and name no brand, beside those of the ontology and words of quality.
_COMMON = frozenset(
    (
        "african alaskan american asian atlantic australian belgian birthday brazilian british california californian "
        "canadian canned caribbean chef chinese country crunchy crispy daily diy double english european extra family "
        "farm french fresh freshness frozen german gourmet grade greek happiness happy hawaiian himalayan home "
        "homemade hot hypo indian inner irish italian jamaican japanese juicy kitchen korean lactose large lean light "
        "little local low mediterranean mega mexican mild mixed moist moroccan multi my natural new nonfat nordic "
        "old one original our outer pacific party pre pro pure quick ready real reduced refill roasted royal salted "
        "scottish seasonal select set sharp signature single smoked southern spanish special spicy steakhouse super "
        "supergreen supreme sweet swiss tender texas thai thick thin three traditional triple turkish two ultra "
        "uncured universal unsalted unsweetened value variety vermont vintage wagyu whole wild wildflower world young "
        "abs aaa aux atx ddr dslr fhd gps hdd hdr hvac ipad iphone ips jumbo kit lcd led mens nba nfl nhl ncaa mlb "
        "oem pcs pvc qhd rgb rohs sata slr ssd tft tpu tsa ufo uhd usa usb uva uvb vga vip wifi womens xbox"
    ).split()
)


def brand_of(title: str, given: str | None, ontology: Ontology) -> str | None:
    """The brand as given; else a brand of the shop's list that the title names; else one that begins the title."""
    if given:
        return given
    if BRAND in ontology.attributes:
        listed = (value for name, value, _, _ in ontology.values_in(title) if name == BRAND)
        if brand := next(listed, None):
            return brand
    if not (any(map(str.isupper, title)) and any(map(str.islower, title))):
        return None
    first, *rest = _SEPARATOR.split(title, maxsplit=1)
    is_alone = bool(rest) and not rest[0][:1].isdigit()
    return (_before_dash(first, ontology) if is_alone else None) or _leading(title.split(), ontology)


def _before_dash(part: str, ontology: Ontology) -> str | None:
    """A title's first part, if it consists of names, or is one word that is neither goods nor a value."""
    names = _MARKS.sub("", part).split()
    if len(names) == 1:
        is_brand = _has_form_of_name(names[0]) and not _is_common(names[0]) and not _is_phrase(names[0], ontology)
    elif len(names) == 2 and _is_name(names[0], ontology):
        is_brand = names[1][0].isupper() and not _is_phrase(names[1], ontology)
    else:
        is_brand = 1 < len(names) <= LONGEST and all(_is_name(name, ontology) or name in ("&", "and") for name in names)
    return " ".join(names) if is_brand else None


def _leading(parts: list[str], ontology: Ontology) -> str | None:
    """The name before the first word that names goods or a property, or before a model's number."""
    bare = [_MARKS.sub("", part).rstrip(",") for part in parts]
    if len(parts) < 3 or not _is_name(bare[0], ontology):
        return None
    size = 1
    is_company = bare[1].lower() in _COMPANIES and bare[1][0].isupper()
    if is_company or (bare[1].endswith("'s") and _is_name(bare[1], ontology)):
        size = 2
    elif bare[1] in ("&", "and") and _is_name(bare[2], ontology) and bare[2].endswith("'s"):
        size = 3
    marked = any(_MARKS.search(part) for part in parts[size - 1 : size])
    is_sure = marked or size > 1 or _FORMS.fullmatch(bare[0]) or fold(bare[0].lower()) in ontology.hint_keys
    following = bare[size].strip(".-") if len(bare) > size else ""
    ends = marked or parts[size - 1].endswith(",") or _is_ordinary(following, ontology) or _has_digit(following)
    return " ".join(bare[:size]) if ends and (is_sure or not _is_food(parts, ontology)) else None


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _is_food(parts: list[str], ontology: Ontology) -> bool:
    """Whether any word names goods without a color or material: the names of their kinds look like brands."""
    categories = [category for category, _, _ in ontology.categories_in(" ".join(parts))]
    return not categories or any(not ontology.applies("color", category) for category in categories)


def _is_name(word: str, ontology: Ontology) -> bool:
    return _has_form_of_name(word) and not _is_common(word) and not _is_ordinary(word, ontology)


def _has_form_of_name(word: str) -> bool:
    return len(word) > 2 and any(map(str.isupper, word)) and _NAME.fullmatch(word) is not None


def _is_common(word: str) -> bool:
    return word.lower() in _COMMON or word.lower() in FUNCTION_WORDS or is_quality(word.lower())


def _is_ordinary(word: str, ontology: Ontology) -> bool:
    return _is_common(word) or not _dictionary(ontology).isdisjoint(fold(word.lower()).split())


def _is_phrase(word: str, ontology: Ontology) -> bool:
    return bool(ontology.categories_in(word) or ontology.values_in(word))


@lru_cache(maxsize=4)
def _dictionary(ontology: Ontology) -> frozenset[str]:
    """The words of categories and of values of attributes."""
    phrases = [phrase for name, leaf in ontology.categories.items() for phrase in (*leaf.path, *leaf.synonyms)]
    for name, attribute in ontology.attributes.items():
        if name != BRAND:
            phrases += [phrase for value in attribute.values for phrase in (value, *ontology.phrases(name, value))]
    return frozenset(word for phrase in phrases for word in phrase_key(phrase).split())
