"""The sentiment of a review by opinion words and the constructions they stand in, without a model.

Reads negation ("never fails"), missing functions ("won't charge"), measures ("too wide", "not wide enough"), wishes
("could be better") and comparisons. `adapters.tasks.extract` uses it as fallback, training to find opinion words and as
a baseline. The words are in `adapters.sentiment_words`, the constructions in `adapters.sentiment_rules`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

from adapters import sentiment_words as lists
from adapters.sentiment_rules import BY_NEGATION, RULES, expression
from adapters.words import words

LONGEST = 4  # words of a phrase
STRONG_WEIGHT, PAST_WEIGHT = 1.5, 0.25  # of "terrible", and of praise for what was good "at first"


@dataclass(frozen=True, slots=True)
class Opinion:
    """Words from `start` to before `end` that judge: `sign` is 1, -1 or, for "okay", 0; `weight` in the overall sum.

    `head` is the word that carries the judgement.
    """

    start: int
    end: int
    head: int
    sign: int
    weight: float
    is_marker: bool = False


def opinions(text: str) -> list[Opinion]:
    """The opinions of a text, by word of `adapters.words.words`, in order and without overlaps."""
    line, tokens = _tagged(text)
    read = [opinion for match in _PATTERN.finditer(line) if (opinion := _opinion(match, line, tokens))]
    return [opinion for opinion, after in pairwise([*read, None]) if opinion and not _announces(opinion, after)]


def _announces(opinion: Opinion, after: Opinion | None) -> bool:
    """Whether an opinion only announces the next: "the only complaint is that they are too short"."""
    return opinion.is_marker and after is not None and after.sign < 0


def overall(read: Iterable[Opinion]) -> Literal["positive", "negative", "neutral", "mixed"]:
    """The sentiment of a text by its opinions: `mixed` if one side has at least three quarters of the other's number,
    else that of more weight. Opinions of less than full weight do not make a text mixed.
    """
    listed = [opinion for opinion in read if opinion.sign]
    fewer, more = sorted(sum(o.sign == sign and o.weight >= 1 for o in listed) for sign in (1, -1))
    if fewer and 4 * fewer >= 3 * more:
        return "mixed"
    total = sum(opinion.sign * opinion.weight for opinion in listed)
    return "positive" if total > 0 else "negative" if total < 0 else "neutral"


def clauses(text: str) -> list[int]:
    """The number of the clause of each word; a clause ends at punctuation and before a word of contrast."""
    numbers, number = [], 0
    for word, ends in _words_of(text):
        number += word in _TAGS["|"]
        numbers.append(number)
        number += ends
    return numbers


def _words_of(text: str) -> Iterator[tuple[str, bool]]:
    """Each word folded, verbs apart from nouns, and whether punctuation after it ends a clause."""
    folded: str | None = None
    ends = False
    for raw in text.split():
        (word,) = words(raw) or (None,)
        if word is None:  # a bare mark
            ends = ends or bool(_MARK.search(raw))
            continue
        if folded is not None:
            yield folded, ends
        folded = lists.key(word)
        ends = bool(_MARK.search(raw))
    if folded is not None:
        yield folded, ends


_MARK = re.compile(r"(?:[.,;:!?)]|\u2026)[\"'\u2019)]*$|^(?:-+|\u2013|\u2014|/)$")


@cache
def _lexicon() -> dict[str, str]:
    """The tag of each word and phrase."""
    return {phrase: tag for tag, phrases in _TAGS.items() for phrase in phrases}


def _folded(phrases: str) -> frozenset[str]:
    return frozenset(map(lists.key, phrases.split()))


# A later tag of the same word replaces an earlier one.
_TAGS = {
    "F": _folded(lists.FUNCTIONS),
    "P": _folded(lists.PRAISE),
    "H": _folded(lists.HARMS),
    "B": _folded(lists.BLAME),
    "S": _folded(lists.MEASURES),
    "C": _folded(lists.COMPARATIVES),
    "N": _folded(lists.NEGATORS),
    "O": _folded(lists.OKAY),
    "M": _folded(lists.MODALS),
    "R": _folded(lists.RELIEF),
    "T": _folded(lists.BEFORE),
    "U": _folded(lists.OTHERS),
    "X": _folded(lists.PLAIN),
    "|": _folded(lists.CONTRASTS),
}
_AT_START = frozenset(["avoid", "beware"])  # a warning at the start of a clause, elsewhere what goods are for
_STRONG, _MARKERS = _folded(lists.STRONG), _folded(lists.MARKERS)
_GOOD_MORE = _folded(lists.GOOD_COMPARATIVES)


def _tagged(text: str) -> tuple[str, list[tuple[int, int, int]]]:
    """The text as `word/TAG word/TAG | ...`, and of each token offset, first word and the word after the last."""
    listed = list(_words_of(text))
    line = ""
    tokens: list[tuple[int, int, int]] = []
    i = 0
    while i < len(listed):
        end = i + _length_of_phrase(listed, i)
        phrase = "_".join(word for word, _ in listed[i:end]).replace("/", "_").replace("|", "_")
        tag = _tag(phrase, listed, i, begins=not line or line.endswith("| "))
        if tag == "|":
            line += "| "
            tag = "X"
        tokens.append((len(line), i, end))
        line += f"{phrase}/{tag} "
        if listed[end - 1][1]:
            line += "| "
        i = end
    return line, tokens


def _length_of_phrase(listed: Sequence[tuple[str, bool]], i: int) -> int:
    """The words of the longest phrase of the lists that begins at word `i`; 1 if there is none."""
    for length in range(min(LONGEST, len(listed) - i), 1, -1):
        inside = listed[i : i + length]
        if not any(ends for _, ends in inside[:-1]) and "_".join(word for word, _ in inside) in _lexicon():
            return length
    return 1


def _tag(phrase: str, listed: Sequence[tuple[str, bool]], i: int, begins: bool) -> str:
    """The tag of a phrase at word `i`; `begins`: whether a clause begins there."""
    tag = _lexicon().get(phrase, "X")
    if tag == "X" and phrase.endswith(("proof", "_free", "resistant")):
        tag = "P"
    if phrase in _AT_START and not begins:
        tag = "R"
    if (phrase == "well" and begins) or (phrase == "pretty" and _is_adverb(listed, i)):
        tag = "X"
    if tag in "SC":
        tag += "J" if phrase in _TAGS["P"] else "K" if phrase in _TAGS["B"] else ""
    return tag + ("G" if phrase in _GOOD_MORE else "")


def _is_adverb(listed: Sequence[tuple[str, bool]], i: int) -> bool:
    """Whether an adjective at word `i` only strengthens the next: `pretty good`, not `so pretty and warm`."""
    if listed[i][1] or i + 1 == len(listed):
        return False
    return listed[i + 1][0] == "much" or _lexicon().get(listed[i + 1][0], "X") in "PBSCO"


_PATTERN = re.compile("|".join(rf"(?P<r{i}>(?<!\S){expression(rule)})" for i, (_, rule) in enumerate(RULES)))


def _opinion(match: re.Match[str], line: str, tokens: list[tuple[int, int, int]]) -> Opinion | None:
    """The opinion of a match; None for a fault of other goods ("unlike those that leak")."""
    matched = match[0].split()
    sign = RULES[int(str(match.lastgroup)[1:])][0]
    if sign == BY_NEGATION:
        sign = 1 if matched[-1].endswith(("/B", "/SK", "/H")) else -1
    first, last = (bisect_left(tokens, (offset,)) for offset in match.span())
    clause_start, clause_end = line.rfind("|", 0, match.start()) + 1, line.find("|", match.end())
    if sign < 0 and "/U " in line[clause_start : match.start()]:
        return None
    (_, start, _), (_, head, end) = tokens[first], tokens[last - 1]
    judging = matched[-1].split("/")[0]
    weight = STRONG_WEIGHT if len(matched) == 1 and judging in _STRONG else 1.0
    if sign > 0 and "/T " in line[clause_start : clause_end if clause_end >= 0 else None]:
        weight = PAST_WEIGHT
    return Opinion(start, end, head, sign, weight, is_marker=sign < 0 and judging in _MARKERS)
