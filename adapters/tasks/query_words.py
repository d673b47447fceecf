"""The words of a search query, as people mean them: `dress,red!!` is two words, `13in` and `t-shirt` are one.

Knows no meaning but which words carry none. The model labels these words, one label each. Called by `rewrite` and the
modules that read a query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LETTER = r"[^\W\d_]"
_QUOTES = "\u2018\u2019\u201c\u201d«»"
# Inside a chunk without white space: commas but those of numbers, brackets, and what joins two words of letters.
_INNER = re.compile(
    rf"(?<!\d)[,;]|[,;](?!\d)|[!?()\[\]{{}}|]|:(?={_LETTER})|(?<={_LETTER}):(?=\d)"
    rf"|(?<={_LETTER}{_LETTER})[/+_](?={_LETTER}{_LETTER})|(?<=\bnon)-(?={_LETTER})|(?<={_LETTER})-(?=free\b)"
)
_LEADING = re.compile(rf"""[,;:!?*|~'"{_QUOTES}()\[\]{{}}…•·]+|\.+(?!\d)|(?P<minus>-+(?={_LETTER}))""")
_TRAILING = re.compile(rf"""(?:[.,;:!?*|~()\[\]{{}}…•·]|(?<!\d)['"{_QUOTES}])+$""")
_BREAKS = re.compile(r"[.,;!?()|…]")

FUNCTION_WORDS = frozenset(
    (
        "a an the this that these those some any something anything everything nothing someone anyone one ones it its "
        "i i'm im i'd i'll me my mine we our us you your he him his she her they them their for with in of by to from "
        "at on and or but nor as into onto than is are was were be been being am do does did can could will would "
        "should may might must have has had having get got getting need needs needed want wants wanted wanting like "
        "looking look looks find finding show give search searching shop shopping buy buying purchase wear wearing "
        "please help thanks hello hi which who whose what where when how there here so very really just also too only "
        "then if because made make no not without w/o w/out non neither except excluding that's it's they're what's "
        "w/ w"
    ).split()
)
# Words of praise, trade and looks: never the product, and no part of a noun before them.
_QUALITIES = frozenset(
    (
        "cheap cheapest best good great nice top rated quality sale deal deals discount discounted discounts offer "
        "offers clearance affordable inexpensive expensive budget premium popular trending latest new original "
        "genuine real matte glossy shiny bright dark light heavy hard sturdy strong quiet loud fast slow easy safe "
        "fresh cool hot cold dry wet deep high low long short off online near store reviews review price prices bulk "
        "assorted swivel bare included"
    ).split()
)
# Nouns that end as words of quality do.
_NOUNS_LIKE_QUALITIES = frozenset(
    (
        "polish varnish relish radish goldfish catfish shellfish garnish jelly butterfly family supply belly seaweed "
        "seed feed weed linseed daybed airbed waterbed bunkbed harvest forest vegetable vegetables mouthful handful"
    ).split()
)
_QUALITY = re.compile(r".{3,}(?:able|ible|ful|less|proof|resistant|friendly|ish|ous|est|ly)|.{4,}ed")


@dataclass(frozen=True, slots=True)
class Word:
    """A word in lower case; `minus`: written as `-word`; `breaks`: punctuation stands between it and the one before."""

    text: str
    minus: bool = False
    breaks: bool = False


def split(query: str) -> list[Word]:
    """The words of a query; at least one, if it is not blank. Marks that stand alone are words without a meaning."""
    words: list[Word] = []
    breaks = False
    for chunk in query.lower().split():
        inner = [] if "@" in chunk else [match.span() for match in _INNER.finditer(chunk)]
        edges = [0, *(edge for span in inner for edge in span), len(chunk)]
        places = edges[::2]
        bare = [_bare(chunk[start:end]) for start, end in zip(places, edges[1::2], strict=True)]
        if not any(text for text, _ in bare):
            words.append(Word(chunk, breaks=breaks))
            breaks = breaks or bool(_BREAKS.search(chunk))
            continue
        end = 0
        for (text, minus), place in zip(bare, places, strict=True):
            if text:
                at = chunk.index(text, place)
                breaks = breaks or bool(_BREAKS.search(chunk[end:at]))
                words.append(Word(text, minus, breaks))
                breaks, end = False, at + len(text)
        breaks = bool(_BREAKS.search(chunk[end:]))
    return words


def _bare(part: str) -> tuple[str, bool]:
    """A word without the punctuation around it, and whether a minus stood before it."""
    minus = False
    while match := _LEADING.match(part):
        minus = minus or match["minus"] is not None
        part = part[match.end() :]
    return _TRAILING.sub("", part), minus


def is_content(word: str) -> bool:
    """Whether a word names something: it has a letter or digit and is no function word."""
    return word.replace("\u2019", "'") not in FUNCTION_WORDS and any(char.isalnum() for char in word)


def is_quality(word: str) -> bool:
    """Whether a word says how a product is, and so cannot be the product itself."""
    return word in _QUALITIES or (word not in _NOUNS_LIKE_QUALITIES and bool(_QUALITY.fullmatch(word)))
