"""The sentiment of a review by opinion words and the constructions they stand in, without a model.

Reads negation ("never fails"), missing functions ("won't charge"), measures ("too wide", "not wide enough"), wishes
("could be better") and comparisons. `adapters.tasks.extract` uses it as fallback, training to find opinion words and as
a baseline. The words are in `adapters.sentiment_words`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from adapters import sentiment_words as lists
from adapters.words import fold, words

LONGEST = 4  # words of a phrase
_WORD = r"[^\s/|]+"


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
    line, starts = _tagged(text)
    read = [opinion for match in _PATTERN.finditer(line) if (opinion := _opinion(match, line, starts))]
    return [opinion for opinion, after in pairwise([*read, None]) if opinion and not _announces(opinion, after)]


def _announces(opinion: Opinion, after: Opinion | None) -> bool:
    """Whether an opinion only announces the next: "the only complaint is that they are too short"."""
    return opinion.is_marker and after is not None and after.sign < 0


def overall(read: Iterable[Opinion]) -> str:
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
        folded = word if word in _VERBS else fold(word).replace(" ", "_") or word
        ends = bool(_MARK.search(raw))
    if folded is not None:
        yield folded, ends


_VERBS = frozenset(["works", "fits", "likes", "breaks"])  # `it works`, unlike `work`, judges
_MARK = re.compile(r"(?:[.,;:!?)]|\u2026)[\"'\u2019)]*$|^(?:-+|\u2013|\u2014|/)$")


@cache
def _lexicon() -> dict[str, str]:
    """The tag of each word and phrase."""
    return {phrase: tag for tag, phrases in _TAGS.items() for phrase in phrases}


def _folded(phrases: str | list[str]) -> frozenset[str]:
    listed = phrases.split() if isinstance(phrases, str) else phrases
    return frozenset("_".join(word if word in _VERBS else fold(word) for word in p.split("_")) for p in listed)


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
    "|": _folded(list(lists.CONTRASTS)),
}
_AT_START = frozenset(["avoid", "beware"])  # a warning at the start of a clause, elsewhere what goods are for
_GOOD_MORE = _folded(lists.GOOD_COMPARATIVES)


def _tagged(text: str) -> tuple[str, dict[int, tuple[int, int]]]:
    """The text as `word/TAG word/TAG | ...`, and the first word and the word after the last at each token's offset."""
    listed = list(_words_of(text))
    lexicon = _lexicon()
    pieces: list[str] = []
    starts: dict[int, tuple[int, int]] = {}
    offset = i = 0

    def add(piece: str) -> None:
        nonlocal offset
        pieces.append(piece)
        offset += len(piece) + 1

    while i < len(listed):
        length = 1
        for longer in range(min(LONGEST, len(listed) - i), 1, -1):
            inside = listed[i : i + longer]
            if not any(ends for _, ends in inside[:-1]) and "_".join(w for w, _ in inside) in lexicon:
                length = longer
                break
        phrase = "_".join(word for word, _ in listed[i : i + length]).replace("/", "_").replace("|", "_")
        tag = lexicon.get(phrase, "X")
        if tag == "X" and phrase.endswith(("proof", "_free", "resistant")):
            tag = "P"
        if tag == "|":
            add("|")
            tag = "X"
        if phrase in _AT_START and i and not pieces[-1] == "|":
            tag = "R"
        if phrase == "well" and (not i or pieces[-1] == "|") or phrase == "pretty" and _is_adverb(listed, i):
            tag = "X"
        if tag in "SC":
            tag += "J" if phrase in _TAGS["P"] else "K" if phrase in _TAGS["B"] else ""
        tag += "G" if phrase in _GOOD_MORE else ""
        starts[offset] = (i, i + length)
        add(f"{phrase}/{tag}")
        i += length
        if listed[i - 1][1]:
            add("|")
    return " ".join(pieces), starts


def _is_adverb(listed: Sequence[tuple[str, bool]], i: int) -> bool:
    """Whether an adjective at word `i` only strengthens the next: `pretty good`, not `so pretty and warm`."""
    if listed[i][1] or i + 1 == len(listed):
        return False
    return listed[i + 1][0] == "much" or _lexicon().get(listed[i + 1][0], "X") in "PBSCO"


def _token(tags: str) -> str:
    return rf"{_WORD}/(?:{tags})"


def _any(*phrases: str) -> str:
    """One of these words, whatever its tag."""
    folded = ("_".join(map(fold, phrase.split("_"))) for group in phrases for phrase in group.split())
    return rf"(?:{'|'.join(folded)})/\w+"


def _upto(count: int, tags: str = "X|F|M|S|SJ|SK|C|CG|R|T|U|O|H") -> str:
    return rf"(?:{_token(tags)} ){{0,{count}}}?"


_P, _B = _token("P|SJ|CJG?"), _token("B|SK")
_NO = _token("N")
_MORE = _token("CJ?G")
_COULD_NOT = rf"(?:{_any('couldnt cant cannot')}|{_any('could can')} {_any('not never')}|{_any('nothing nobody')} {_any('could can')})"
_NEVER = rf"(?:{_any('never hasnt havent hadnt')}|{_any('has have had')} {_any('not')})"
_VERB = _any(
    "work works worked fit fits fitted clean cleans hold holds run runs look looks smell smells taste tastes feel"
)
_TOO = _any("too overly excessively way_too unreasonably ridiculously")
_STOP = r"(?:with|for|and|the|i|it|my|to|in|on|as|of|at|if|so|a|he|she|they|we|you|but|this|that|many)/"
_LIVED = _any(
    "be been felt feel looked slept tasted worked run owned had seen used tried worn eaten met smelled bought"
)
_HOPED = _any(
    "expected expecting thought hoped anticipated imagined advertised pictured described stated shown look says"
)
_SHOWN = _any("picture photo photograph description listing listed")
_RULES: tuple[tuple[int, str], ...] = (
    # nothing could be better
    (
        1,
        rf"(?:{_NO}) {_any('know')} {_any('how')} {_any('i we')} {_upto(1)}{_any('managed lived survived did got live')}",
    ),
    (1, rf"{_COULD_NOT} {_upto(4)}(?:{_any('more')} (?:{_P})|{_MORE})(?: {_any('better')})?"),
    (-1, rf"{_COULD_NOT} {_upto(3)}(?:{_any('worse')}|{_any('more')} (?:{_B}))"),
    (
        1,
        rf"{_NEVER} {_upto(2)}{_LIVED} {_upto(3)}(?:{_any('more')} (?:{_P})|{_MORE}|{_any('so such')} {_upto(1)}(?:{_P}))",
    ),
    (
        -1,
        rf"{_NEVER} {_upto(2)}{_LIVED} (?:{_any('so such')} {_upto(1)}(?:{_B}|{_token('S|X')})|{_upto(2)}{_any('worse')})",
    ),
    (
        1,
        rf"(?:{_any('doesnt dont wont')}|{_any('do does will')} {_any('not')}) {_any('get come')} {_any('any much')} (?:{_MORE})",
    ),
    (1, rf"{_any('nothing')} {_any('better nicer easier')}"),
    (1, rf"{_any('doubt')} {_upto(4)}{_any('find')} {_upto(1)}(?:{_MORE})"),
    (1, rf"(?:{_COULD_NOT}) {_upto(2)}(?:{_P}) {_upto(2)}{_any('enough')}"),
    (1, rf"(?:{_COULD_NOT}) {_any('say think')} {_any('enough')} {_upto(2)}(?:{_P})"),
    (1, rf"(?:{_NO}) {_upto(1, 'X')}{_any('use buy wear drink try want')} {_upto(1)}{_any('other else')}"),
    (
        1,
        rf"{_any('regret complaint')} {_upto(3)}{_any('not didnt')} {_any('buying buy getting get ordering order')} {_upto(3)}{_any('sooner earlier two more another before second three')}",
    ),
    # wishes and what could be better
    (
        1,
        rf"{_any('wish wished')} {_upto(3)}{_any('bought ordered had_bought discovered purchased found gotten got known')} {_upto(3)}{_any('sooner earlier before more two another years ago')}",
    ),
    (-1, rf"{_any('wish wished wishing')}(?= |$)"),
    (-1, rf"{_any('if')} {_any('only')}(?= |$)"),
    (-1, rf"{_any('could should might need must ought')} {_upto(5)}{_token('CJ?G?')}"),
    (-1, rf"{_any('could')} {_any('use')} {_upto(1)}{_any('a some more better')}"),
    (
        -1,
        rf"{_any('would')} {_any('be have')} (?:{_any('been')} )?{_upto(2)}(?:{_P}|{_token('CJ?G?')}) {_upto(2)}{_any('if had without')}",
    ),
    (
        -1,
        rf"{_any('would')} {_any('have be')} (?:{_any('been')} )?{_upto(1)}(?:{_token('CJ?G?')}|{_any('nice preferred liked appreciated')})",
    ),
    (-1, rf"{_any('expected expecting hoped hoping')} {_upto(2)}{_token('CJ?G?')}"),
    (-1, rf"{_any('had')} {_any('higher high big great')} {_any('hope expectation')}"),
    (
        -1,
        rf"(?:{_NO}) {_upto(2)}(?:{_any('what')}) {_upto(2)}{_any('expected hoped thought ordered described advertised expecting pictured')}",
    ),
    (-1, rf"{_any('had seen tasted used owned')} {_any('better')}"),
    (-1, rf"{_any('rather')} {_token('X|F')} {_upto(4)}{_any('than')}"),
    (-1, rf"{_any('used_to')} (?:{_any('be work')} )?{_upto(1)}(?:{_P})"),
    # more or less than expected
    (1, rf"(?:{_MORE}) {_upto(1)}{_any('than')} {_upto(3)}(?:{_HOPED}|{_SHOWN})"),
    (-1, rf"(?:{_token('CJ?')}|{_any('less')}(?: (?:{_P}))?) {_upto(1)}{_any('than')} {_upto(3)}(?:{_HOPED}|{_SHOWN})"),
    (-1, rf"(?:{_NO}) {_upto(2)}{_any('as so')} {_token('X|F|P|S|SJ')} (?:{_any('as')})"),
    # enough and too much
    (-1, rf"(?:{_NO}) {_upto(3)}(?:{_P}|{_token('S|F|X')}) {_any('enough')}"),
    (-1, rf"(?:{_NO}) {_upto(2, 'X|M')}{_any('enough')}"),
    (1, rf"(?:{_P}|{_token('S')}) {_any('enough')}"),
    (1, rf"(?:{_NO}) {_upto(2, 'X')}(?:{_TOO}) (?:{_B}|{_token('S|SJ|SK')})"),
    (-1, rf"(?:{_NO}) {_upto(2, 'X')}(?:{_TOO}) (?:{_P})"),
    (1, rf"(?:{_TOO}) {_any('good cute cool awesome nice_not')}(?= |$)"),
    (-1, rf"(?:{_TOO}) (?!{_STOP})(?:{_P}|{_B}|{_token('S|SJ|SK|X')})"),
    (-1, rf"{_any('run runs ran running fit fits fitted')} {_upto(2, 'X')}{_token('S|SJ|SK')}"),
    # what stops a problem, and what invites one
    (1, rf"(?:{_token('R')}) {_upto(2, 'X')}(?:{_B}|{_any('back_pain knee_pain neck_pain joint_pain stain')})"),
    (-1, rf"{_any('easy easily quick quickly prone likely')} (?:{_any('to')} )?(?:{_B})"),
    (1, rf"(?:{_B})/?(?: {_any('free proof resistant')})"),
    (-1, rf"(?:{_any('stopped quit ceased')}) {_token('X|F')}"),
    # what goods do and leave
    (
        1,
        rf"{_any('keep keeps kept stay stays stayed')} {_upto(4, 'X')}{_any('hot cold warm cool dry fresh put in_place sharp up together clean quiet safe busy entertained')}",
    ),
    (
        -1,
        rf"{_any('leave leaves left')} {_upto(2, 'X')}{_any('film mark stain residue streak mess hole scratch ring aftertaste gap dust lint')}",
    ),
    (1, rf"{_VERB} {_upto(1, 'X')}(?:{_P})"),
    (-1, rf"{_VERB} {_upto(1, 'X')}(?:{_B})"),
    # negation
    (0, rf"{_any('neither')} {_token('S|SJ|SK')} {_any('nor')} {_token('S|SJ|SK')}"),
    (2, rf"(?:{_NO}) {_upto(4)}(?P<negated>{_P}|{_B}|{_token('H')}|{_token('C|CG')})"),
    (-1, rf"(?:{_NO}) {_upto(3, 'X|M|C')}{_token('F')}"),
    (-1, _any(lists.FAILING)),
    (-1, rf"{_any('but though')} {_any('not')} {_token('X|F')} {_upto(2, 'X')}{_token('X|F')}(?= \||$)"),
    (1, _P),
    (-1, _B),
    (0, _token("O")),
)
_PATTERN = re.compile("|".join(rf"(?P<r{i}>(?<!\S){pattern}(?!\S))" for i, (_, pattern) in enumerate(_RULES)))


def _opinion(match: re.Match[str], line: str, starts: dict[int, tuple[int, int]]) -> Opinion | None:
    """The opinion of a match; None for a fault of other goods ("unlike those that leak")."""
    rule = int((match.lastgroup or "r0")[1:]) if match.lastgroup != "negated" else _NEGATION
    sign = _RULES[rule][0]
    if rule == _NEGATION:
        sign = 1 if match["negated"].endswith(("/B", "/SK", "/H")) else -1
    offsets = [offset for offset in starts if match.start() <= offset < match.end()]
    tokens = match[0].split(" ")
    before = line.rfind("|", 0, match.start()) + 1
    clause_before = line[before : match.start()]
    after = line.find("|", match.end())
    clause = line[before : after if after >= 0 else len(line)]
    if sign < 0 and _OTHERS.search(clause_before):
        return None
    (start, _), (head, end) = starts[offsets[0]], starts[offsets[-1]]
    weight = 1.5 if len(tokens) == 1 and tokens[0].split("/")[0] in lists.STRONG else 1.0
    if sign > 0 and _BEFORE.search(clause):
        weight = 0.25
    is_marker = sign < 0 and tokens[-1].split("/")[0] in lists.MARKERS
    return Opinion(start, end, head, sign, weight, is_marker)


_NEGATION = next(i for i, (sign, _) in enumerate(_RULES) if sign == 2)
_OTHERS, _BEFORE = re.compile("/U"), re.compile("/T")
