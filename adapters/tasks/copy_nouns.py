"""What a text calls a product: its noun in the right number, its name with an article, lists.

Called by `adapters.tasks.sentences`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.ontology import Ontology
from adapters.tasks.claims import Facts, given_of, heads
from adapters.words import fold, phrase_key

_SINGULAR = {"mice": "mouse", "beanies": "beanie", "onesies": "onesie", "booties": "bootie", "hoodies": "hoodie"}
_SINGULAR |= {"cookies": "cookie", "brownies": "brownie", "smoothies": "smoothie", "movies": "movie"}
_PAIRS = frozenset(
    "shoe boot sneaker sandal heel flat slipper flip flop sock glove earring jean short trouser legging tight cufflink "
    "stocking headphone earphone sunglasses eyeglasses glasses brief boxer jegging capri pants scissor plier skate "
    "ski trunk mitten bootie".split()
)
_MASS = re.compile(
    r".*(?:ware|wear|makeup|cutlery|jewellery|jewelry|furniture|gear|equipment|clothing|food|tea|coffee|luggage|bedding"
    r"|chocolate|cheese|rice|pasta|bread|milk|honey|paper|music|media|polish|storage|decor|soap|sugar|flour|oil|juice)"
)
_AN = re.compile(r"(?:[aeiou](?!n[ie][a-z]|s[be]|u[rk]|ne\b)|un(?!i)|hou?r|honest|heir|8|11\b|18\b)", re.IGNORECASE)
_AN_LETTERS = re.compile(r"[AEFHILMNORSX](?:[A-Z0-9]|\b)")


def article(phrase: str) -> str:
    """`a` or `an` by the sound that the phrase begins with."""
    first = phrase.split()[0] if phrase.split() else phrase
    is_an = _AN_LETTERS.match(first) if first.isupper() or first[:2].isupper() else _AN.match(first)
    return f"an {phrase}" if is_an else f"a {phrase}"


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def short_name(name: str) -> str:
    """The name up to the first comma, bracket or dash, if that has two words at least."""
    first = re.split(r"[,(|\[]|\s[-\u2013\u2014]\s", name)[0].strip()
    return first if len(first.split()) > 1 else name.strip(" .,:;-")


def is_mass(noun: str) -> bool:
    """Whether the noun takes no article: cookware, tea."""
    return _MASS.fullmatch(noun) is not None


def called(name: str) -> str:
    """The name with its article."""
    return name if name.lower().startswith(("the ", "a ", "an ", "my ", "your ")) else f"the {name}"


def noun_of(facts: Facts, ontology: Ontology) -> tuple[str, bool]:
    """The noun of the goods, and whether the text speaks of several."""
    name = short_name(facts.name)
    name_words = phrase_key(name).split()
    last = (name.split() or [""])[-1].lower()
    given = given_of(facts, ontology)
    own = heads(name)
    is_own = own and name_words[-1:] == own[-1:] and last.isalpha()
    known = ontology.category_of(name) if is_own else None
    if known is not None and known == given.leaf:
        words = ["flip flops" if last == "flops" else last]
    else:
        words = _category_words(facts.category or "", own, last if known is not None else "product")
    is_several = last.endswith("s") and words[-1] != "product" and fold(last) in {fold(words[-1]), *given.nouns}
    is_several &= fold(last) != last or last in _PAIRS
    if is_several:
        return " ".join(_plural(words) if words[-1] == fold(words[-1]) else words), True
    if (fold(words[-1]) in _PAIRS and words[-1] != _singular(words[-1])) or words[-1] in _PAIRS - {"bootie"}:
        is_pair = words[-1].endswith("s")
        return (f"pair of {' '.join(words)}" if is_pair else " ".join(words)), False
    singular = last if last.endswith("ie") and fold(last) == fold(words[-1]) else _singular(words[-1])
    return " ".join([*words[:-1], singular]).replace("tshirt", "T-shirt"), False


def _category_words(category: str, own: list[str], otherwise: str) -> list[str]:
    """The alternative of a category that the name has, else the first."""
    options = [option for option in re.split(r"\s(?:and|or)\s|[&/,]", category) if heads(option)]
    best = next((option for option in options if set(own) & set(heads(option))), (options or [otherwise])[0])
    return [word if sum(map(str.isupper, word)) > 1 else word.lower() for word in best.split()] or [otherwise]


def _plural(words: list[str]) -> list[str]:
    return [*words[:-1], words[-1] if _MASS.fullmatch(words[-1]) or words[-1].endswith("s") else f"{words[-1]}s"]


def _singular(word: str) -> str:
    if word.isupper() or word.endswith("glasses"):
        return word
    return _SINGULAR.get(word) or fold(word) or word
