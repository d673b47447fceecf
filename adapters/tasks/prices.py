"""Prices in a search query: amounts in every common spelling, and the comparison that each stands in.

A number is a price by evidence only: a currency, a comparison ("under 50") or a range of round numbers ("50-100"), and
no unit, size or discount. price-parser reads the digits. Knows no task; called by the reading of a query.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from price_parser import parse_price

from adapters.tasks.query_words import is_content

_AMBIGUOUS = "-"  # the code of a sign that several currencies have


def _codes(*lines: str) -> dict[str, str | None]:
    """Currency by sign or name, from lines of a code and what stands for it."""
    pairs = [(sign, code) for code, *signs in map(str.split, lines) for sign in signs]
    return {sign: None if code == _AMBIGUOUS else code for sign, code in pairs}


# Signs and codes stand on either side of the number, names after it.
_SIGNS = _codes(
    "USD $ us$ usd",
    "CAD c$ ca$ cad",
    "AUD a$ au$ aud",
    "NZD nz$ nzd",
    "HKD hk$ hkd",
    "SGD s$ sgd",
    "MXN mx$ mxn",
    "BRL r$ brl",
    "GBP £ gbp",
    "EUR € eur",
    "INR ₹ rs rs. inr",
    "CNY cny rmb",
    "JPY jpy",
    "KRW ₩ krw",
    "CHF chf",
    "SEK sek",
    "NOK nok",
    "DKK dkk",
    "PLN zł pln",
    "CZK kč czk",
    "RUB ₽ rub",
    "TRY ₺",
    "ILS ₪ ils",
    "THB ฿ thb",
    "VND ₫ vnd",
    "PHP ₱ php",
    "NGN ₦ ngn",
    "UAH ₴ uah",
    "ZAR zar",
    "AED aed",
    "- ¥ kr",
)
_NAMES = _codes(
    "USD dollar dollars buck bucks",
    "EUR euro euros",
    "GBP quid pound pounds",
    "INR rupee rupees",
    "JPY yen",
    "CNY yuan",
    "CHF franken",
    "- kronor kroner",
)
_WEIGHTS = {"pound", "pounds"}  # money only beside a comparison or range
_INDIAN = {"lakh": 1e5, "lakhs": 1e5, "lac": 1e5, "lacs": 1e5, "crore": 1e7, "crores": 1e7}  # of money only
_MULTIPLES = {"k": 1e3, "thousand": 1e3, "million": 1e6, "mio": 1e6, **_INDIAN}

_COMPARISONS = {
    "low": "over|above|more|greater|higher|bigger|beyond|pricier|min|minimum|at least|from|starting|"
    "starting at|starting from|exceeding|upwards of|>=|=>|>|≥",
    "high": "under|below|beneath|less|lower|cheaper|fewer|smaller|up to|upto|max|maximum|max price|at most|within|"
    "until|around|about|approx|approximately|near|<=|=<|<|≤|~",
}
_FLIPS = "no|not|nothing|none|never|cannot|(?:is|are|do|does|wo|ca|should|must)n['\u2019]?t"
_SPENDING = "want|to|spend|pay|be|cost|go|anything"
_AT_LEAST_AFTER = r"\+|(?:and|or|&) (?:up|more|over|above|higher|upwards?)|upwards?|min(?:imum)?(?! ?[\d$£€₹])"
_AT_MOST_AFTER = r"(?:and|or|&) (?:less|under|below|lower|cheaper|down)|max(?:imum)?(?! ?[\d$£€₹])|tops|at most"

# Words that make the number before them a measure, an age or a count.
UNITS = frozenset(
    (
        "in inch inches \" \u201d ' \u2019 ft feet foot cm mm m mtr meter meters metre metres yd yard yards mile "
        "miles km ml cl l liter liters litre litres oz ounce ounces fl gal gallon gallons qt quart quarts g gram "
        "grams gm kg kgs lb lbs mg mah ah wh w watt watts kw v volt volts amp amps hz khz mhz ghz gb tb mb mp "
        "megapixel megapixels hp btu psi rpm lumen lumens hour hours hr hrs minute minutes mins second seconds sec "
        "day days week weeks month months mo year years yr yrs yo old people person persons player players man piece "
        "pieces pc pcs pack packs pk count ct set sets drawer drawers pocket pockets shelf shelves seat seats seater "
        "tier tiers layer layers port ports sheet sheets page pages degree degrees ply thread speed speeds door doors "
        "gear gears slice slices cup cups serving servings calorie calories x way blade blades key keys button "
        "buttons row rows light lights % percent off star stars channel channels cell cells burner burners bulb bulbs "
        "step steps stage stages wheel wheels"
    ).split()
)
_SIZES = frozenset("size sizes sz age ages aged uk us eu eur no no. number nr model # iphone galaxy part vol".split())
_HOLDING = frozenset("fit fits hold holds seats sleeps serves carries supports".split())
# Comparisons of counts too, if a noun follows: up to 20 bottles.
_OF_COUNTS = frozenset(["up to", "upto", "at least", "at most", "more", "fewer"])
_PRODUCT_LINES = frozenset(["air", "pro"])  # before "max", which then compares nothing
_BEFORE = frozenset("price priced prices cost costs costing budget amount".split())


def _one_of(words: Iterable[str]) -> str:
    """A pattern of any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_LOW, _HIGH = (_one_of(words.split("|")) for words in _COMPARISONS.values())
_SIGN, _NAME, _MULTIPLE = _one_of(_SIGNS), _one_of(_NAMES), _one_of(_MULTIPLES)
_NUMBER = r"(?:\d{1,3}(?: \d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,']\d+)*|\.\d+)"


def _amount(name: str) -> str:
    return (
        rf"(?:(?P<{name}_sign>{_SIGN}) ?)?(?P<{name}>{_NUMBER})(?: ?(?P<{name}_times>{_MULTIPLE})(?![^\W\d_]))?"
        rf"(?: ?(?P<{name}_code>{_SIGN}|{_NAME})(?![^\W_]))?"
    )


_PRICE = re.compile(
    rf"(?<!\S)(?:(?:(?P<not>{_FLIPS}) )?(?:(?:{_SPENDING}) )*(?:more expensive )?"
    rf"(?:(?P<low>{_LOW})|(?P<high>{_HIGH})|(?P<between>between))"
    rf"(?: expensive| priced)?(?: (?:than|of|at|to))? ?)?"
    rf"{_amount('a')}(?: ?(?P<join>-|\u2013|\u2014|to|and|until|till|~|up to) ?{_amount('b')})?"
    rf"(?: ?(?:(?P<least>{_AT_LEAST_AFTER})|(?P<most>{_AT_MOST_AFTER})))?(?!\S)"
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A price's bounds in a query, with its first word and the word after the last."""

    low: float | None
    high: float | None
    currency: str | None
    start: int
    end: int


def amounts_in(words: list[str]) -> tuple[list[Amount], list[tuple[int, int]]]:
    """The prices that the words of a query state, and the phrases that compare another measure than a price.

    Of a phrase the first word and the word after the last: `under 50 inch`, `seats up to 6`.
    """
    text = " ".join(words)
    prices: list[Amount] = []
    measures: list[tuple[int, int]] = []
    position = 0
    while match := _PRICE.search(text, position):
        first = text.count(" ", 0, match.start())
        last = first + match[0].count(" ") + 1
        if amount := _read(match, words, first, last):
            prices.append(amount)
            position = match.end()
        elif (match["low"] or match["high"] or match["between"]) and words[last : last + 1] and words[last] in UNITS:
            measures.append((first, last + 1))
            position = match.end()
        elif _is_count(match, words, first, last):
            measures.append((first - 1 if words[first - 1] in _HOLDING and first else first, last))
            position = match.end()
        else:  # a number that is no price may have the next one inside its match
            position = match.start() + len(words[first])
    return prices, measures


def _read(match: re.Match[str], words: list[str], first: int, last: int) -> Amount | None:
    part = match.groupdict()
    compared = bool(part["low"] or part["high"] or part["between"] or part["least"] or part["most"])
    signs = [part[name] for name in ("a_sign", "a_code", "b_sign", "b_code") if part[name]]
    join = part["join"]
    if join == "and" and not part["between"]:
        return None
    if any(sign in _WEIGHTS for sign in signs) and not compared and not join:
        return None
    after = words[last] if last < len(words) else ""
    before = words[first - 1] if first else ""
    if after in ("off", "discount", "%", "percent"):
        return None
    if part["high"] and part["high"].startswith("max") and before in _PRODUCT_LINES and not signs:
        return None
    if not signs and _is_count(match, words, first, last):
        return None
    a, b = _value(part, "a", bool(signs)), _value(part, "b", bool(signs))
    if a is None or (join and b is None):
        return None
    compared = compared or part["a_times"] in _INDIAN
    if not signs and ((not compared and not _is_round(a, b)) or after in UNITS or before in _SIZES):
        return None
    while first and words[first - 1] in _BEFORE:
        first -= 1
    currency = next((_SIGNS.get(sign) or _NAMES.get(sign) for sign in signs), None)
    if b is not None:
        low, high = sorted((a, b))
        return Amount(low, high, currency, first, last)
    at_least = bool(part["low"] or part["least"]) if not part["high"] else False
    if part["not"] and (part["low"] or part["high"]):
        at_least = not at_least
    return Amount(a if at_least else None, None if at_least else a, currency, first, last)


def _is_count(match: re.Match[str], words: list[str], first: int, last: int) -> bool:
    """Whether a comparison without a currency is one of a count: `seats up to 6`, `at least 12 bottles`."""
    comparison = match["low"] or match["high"]
    holds = first > 0 and words[first - 1] in _HOLDING
    return bool(comparison) and (holds or (comparison in _OF_COUNTS and any(map(is_content, words[last : last + 1]))))


def _value(part: dict[str, str | None], name: str, priced: bool) -> float | None:
    number = part[name]
    if number is None or (" " in number and not priced):
        return None
    amount = parse_price(number).amount_float
    times = part[f"{name}_times"] or (part["b_times"] if name == "a" else None)  # `10-20k` is 10,000 to 20,000
    return amount if amount is None else amount * _MULTIPLES.get(times or "", 1)


def _is_round(low: float, high: float | None) -> bool:
    """Whether a range without any other evidence is one of prices: `50-100`, but not `32-34` or `0-3`."""
    return high is not None and low < high and low % 5 == 0 and high % 5 == 0 and low >= 5 and high >= 20
