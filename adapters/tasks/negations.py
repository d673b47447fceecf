"""What a search query excludes: `not red`, `no laces or straps`, `non leather`, `without arms`, `-red`, `latex free`.

Finds the words that a negation covers, by word classes and the phrases that are known; gives them no meaning. What is
not an exclusion although it has such a word (`no show socks`, `not too tight`, `grain free`) is a phrase to keep whole.
Called by the reading of a query.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from adapters.tasks.query_words import Word, is_content, is_quality
from adapters.words import fold

Span = tuple[int, int]  # first word, word after the last
Value = tuple[str, str, int, int]  # attribute, value and span, as `Ontology.values_in` gives them

# Cues before a noun ("no laces") or before a property ("not red"), as phrases.
_BEFORE_NOUNS = (
    "no|without|w/o|w/out|sans|minus|except|except for|excluding|exclude|excludes|exclusive of|other than|apart from|"
    "aside from|besides|rather than|instead of|free of|free from|lacking|lacks|avoid|avoiding|hate|anything but|"
    "everything but|all but|nothing with|none with|never with"
)
_BEFORE_PROPERTIES = "not|never|non|nothing|neither|isn't|aren't|isnt|arent|wasn't|cannot be|can't be|cant be|nor"
_DO_NOT = re.compile(r"(?:do|does|did|wo|ca|would|should|must|could)n'?t|cannot")  # before "have", "want" ...
_WANTING = frozenset(
    "have has having contain contains containing include includes including need needs want like use show come comes "
    "with wear feature features".split()
)
_FILLERS = frozenset(
    "a an the any in of from made to for being be have having containing contain include including want like really "
    "with on come comes it's that is are show me".split()
)
_DEGREES = frozenset("too very so that overly super extremely quite as so much really particularly".split())
_QUALIFIED = frozenset(["only", "just", "sure"])  # "not only for men" excludes nothing
# Verbs that make "no" or "non" the name of a property: no show socks, non iron shirts.
_PROPERTIES = frozenset(
    "show bake sew slip spill tears rinse wash touch contact crease drip mess stick fog fade shed roll pinch kink skid "
    "cook burn bite knead scratch snag fuss".split()
)
_PROPERTIES_BEFORE_NOUNS = frozenset("iron tie pull drill tear chip bark prep pill heat name carb".split())
_FREE_OF = frozenset(
    "of from for to with shipping delivery returns standing size gift gifts sample samples range style".split()
)
_SUFFIXES = frozenset("free safe proof friendly resistant ready compatible shaped sized themed inspired".split())
_OF_THINGS = frozenset("shaped sized themed inspired".split())  # a product can stand before them: lantern shaped
_PARTICIPLE = re.compile(r".{3,}(?:ing|ed)|style|look|print|tone")  # "not wood burning" excludes no wood
_SUBSTANCES = frozenset(["material", "color", "pattern"])  # what is "free of" them has not got them
_ADJECTIVES = frozenset(
    "color size gender age_group condition season occasion style brand feature use silhouette".split()
)
_ANY = frozenset("any anything everything all every whatever".split())
_OR, _AND = frozenset(["or", "nor"]), frozenset(["and", "&"])
_LONGEST = 3  # words of an excluded noun phrase that names no value

_CUES = {
    **{tuple(cue.split()): True for cue in _BEFORE_NOUNS.split("|")},
    **{tuple(cue.split()): False for cue in _BEFORE_PROPERTIES.split("|")},
}
_LONGEST_CUE = max(map(len, _CUES))
# The words of cues, and those that may stand between a cue and what it covers.
WORDS = frozenset(word for cue in _CUES for word in cue) | _FILLERS | _WANTING | _ANY | _OR | {"but", "be"}


@dataclass(frozen=True, slots=True)
class Negation:
    """A negation in a query; `span` has its cue and all that it covers. `noun`: the cue is one before nouns."""

    span: Span
    excluded: tuple[Span, ...]
    noun: bool


class Negations:
    """The negations of a query, and the phrases with such words that are none.

    Args:
        words: the query's words.
        values: the values that its phrases name.
        types: the words that may name the product.
        taken: words with another meaning already, such as a price.
        attributes: the names of the shop's attributes, which name no product: `any color but red`.
    """

    def __init__(
        self,
        words: Sequence[Word],
        values: Sequence[Value],
        types: Collection[int],
        taken: Collection[int],
        attributes: Collection[str],
    ) -> None:
        self._attributes = {*map(fold, attributes), "colour"}
        self._words = words
        self._texts = [word.text.replace("\u2019", "'") for word in words]
        self._types = types
        self._taken = taken
        self._values: dict[int, tuple[str, int]] = {}  # attribute and end of the longest value that begins at a word
        for attribute, _, start, end in values:
            if start not in self._values or end > self._values[start][1]:
                self._values[start] = attribute, end
        self.items: list[Negation] = []
        self.phrases: list[Span] = []
        self._scan()

    def _scan(self) -> None:
        i = 0
        while i < len(self._words):
            i = max(i + 1, self._at(i))

    def _at(self, i: int) -> int:
        """Reads what begins at a word; the word after it, or `i` if nothing does."""
        if i in self._taken:
            return i
        word = self._words[i]
        if word.minus:
            span = i, self._values[i][1] if i in self._values else i + 1
            return self._add(Negation(span, (span,), noun=False))
        if after := self._free(i):
            return after
        if after := self._property(i):
            return self._keep(i, after)
        cue = self._cue(i)
        return self._covered(i, *cue) if cue else i

    def _add(self, negation: Negation) -> int:
        self.items.append(negation)
        return negation.span[1]

    def _keep(self, start: int, end: int) -> int:
        self.phrases.append((start, end))
        return end

    def _text(self, i: int) -> str:
        """The word at `i`; empty where the query or the clause ends or a price stands."""
        return self._texts[i] if i < len(self._texts) and i not in self._taken else ""

    def _free(self, i: int) -> int | None:
        """`X free` or `X safe`: a value if it is known, an exclusion of a substance, else the name of a property."""
        attribute, end = self._values.get(i, ("", i + 1))
        suffix = self._text(end)
        if end > i + 1 and suffix not in _SUFFIXES:
            return end  # "no sleeves" and "sugar free" are values
        is_suffix = suffix in _SUFFIXES and not self._words[end].breaks and self._text(end + 1) not in _FREE_OF
        if not is_suffix or not is_content(self._texts[i]) or self._is_product_with(i, suffix):
            return None
        if attribute in _SUBSTANCES and suffix == "free":
            return self._add(Negation((i, end + 1), ((i, end),), noun=True))
        return self._keep(i, end + 1)

    def _is_product_with(self, i: int, suffix: str) -> bool:
        """Whether a word is the product and the next says how it is: `toys safe` is no phrase like `pet safe`."""
        return i in self._types and suffix not in _OF_THINGS | {"free"}

    def _property(self, i: int) -> int | None:
        """The end of a phrase that only looks like a negation."""
        text, following = self._texts[i], self._text(i + 1)
        if text == "not" and following in _DEGREES and is_content(self._text(i + 2)):
            return i + 3
        if text in ("no", "non") and (following in _PROPERTIES or following.isdigit()):
            return i + 2
        is_before_noun = following != "tie" or is_content(self._text(i + 2))  # "suit no tie" excludes a tie
        if text in ("no", "non") and following in _PROPERTIES_BEFORE_NOUNS and is_before_noun:
            return i + 2
        if text == "non" and following and i + 1 not in self._values:
            return i + 2
        verb = i + 2 if text in ("do", "does", "will") and following == "not" else i + 1
        negates = verb == i + 2 or _DO_NOT.fullmatch(text)
        if not negates or self._text(verb) in _WANTING | {"be"} or not is_content(self._text(verb)):
            return None
        end = verb + 1
        while end - verb < _LONGEST and is_content(self._text(end)) and not self._words[end].breaks:
            end += 1
        return end  # "doesn't leave white cast"

    def _cue(self, i: int) -> tuple[int, bool] | None:
        """The end of the cue that begins at a word, and whether it is one before nouns."""
        if _DO_NOT.fullmatch(self._texts[i]):
            return i + 1, self._text(i + 1) != "be"
        if self._texts[i] == "not" and self._text(i + 1) in _QUALIFIED:
            return None
        for length in range(_LONGEST_CUE, 0, -1):
            phrase = tuple(self._texts[i : i + length])
            if phrase in _CUES and all(self._text(j) for j in range(i, i + length)):
                return i + length, _CUES[phrase] or self._text(i + length) in _WANTING
        if self._texts[i] == "but" and any(text in _ANY for text in self._texts[:i]):
            return i + 1, True
        return None

    def _covered(self, start: int, end: int, noun: bool) -> int:
        """The negation whose cue is `start` to `end`."""
        has_type = any(self._names_product(j) for j in range(start))
        excluded: list[Span] = []
        unit = self._unit(end, noun, has_type)
        while unit:
            excluded.append(unit)
            end = unit[1]
            unit = self._next_unit(unit, noun, has_type)
        if not excluded:
            return start
        if start and self._is_attribute(start - 1):  # "any color but red"
            start -= 2 if start > 1 and self._texts[start - 2] in _ANY and not self._is_closed(start - 2) else 1
        return self._add(Negation((start, end), tuple(excluded), noun))

    def _names_product(self, i: int) -> bool:
        """Whether a word before a negation can be the product, so that what follows it is not."""
        in_value = any(start <= i < end for start, (_, end) in self._values.items())
        names_none = self._is_closed(i) or in_value or is_quality(self._texts[i]) or self._texts[i] in _ANY
        if self._is_attribute(i):
            return False
        return i in self._types or (is_content(self._texts[i]) and not names_none)

    def _is_attribute(self, i: int) -> bool:
        return fold(self._texts[i]) in self._attributes and not self._is_closed(i)

    def _is_closed(self, i: int) -> bool:
        """Whether a word has its meaning already."""
        spans = [*(negation.span for negation in self.items), *self.phrases]
        return i in self._taken or any(start <= i < end for start, end in spans)

    def _unit(self, i: int, noun: bool, has_type: bool) -> Span | None:
        """The phrase that a cue before word `i` covers."""
        while i not in self._values and self._text(i) in _FILLERS and not self._words[i].breaks:
            i += 1
        if not self._is_open(i):
            return None
        if i in self._values:
            attribute, end = self._values[i]
            if not has_type or not self._continues(end) or not (noun or _PARTICIPLE.fullmatch(self._texts[end])):
                return i, end
            if end in self._values:
                last = self._values[end]
                return i, last[1] if attribute in _ADJECTIVES | _SUBSTANCES and last[0] not in _ADJECTIVES else end
            return i, self._phrase_end(end)
        if noun and has_type:
            return i, self._phrase_end(i)
        is_joined = has_type and self._continues(i + 1)
        is_joined = is_joined and (is_quality(self._texts[i]) or bool(_PARTICIPLE.fullmatch(self._texts[i + 1])))
        return i, i + 2 if is_joined else i + 1  # "dark roast", "teflon coated"

    def _is_open(self, i: int) -> bool:
        """Whether a phrase can begin at a word."""
        return bool(self._text(i)) and (i in self._values or is_content(self._text(i))) and self._cue(i) is None

    def _continues(self, i: int) -> bool:
        """Whether the phrase before a word goes on with it."""
        if not self._is_open(i) or self._words[i].breaks or self._words[i].minus or self._texts[i][0].isdigit():
            return False
        return not is_quality(self._texts[i]) or self._texts[i].endswith("ed")  # "no batteries included"

    def _phrase_end(self, i: int) -> int:
        """The end of a noun phrase of words that name no value."""
        end = i + 1
        while end - i < _LONGEST and self._continues(end) and end not in self._values:
            end += 1
        return end

    def _next_unit(self, unit: Span, noun: bool, has_type: bool) -> Span | None:
        """The phrase that is joined to a covered one: after "or", after "and" or in a list if it is of its class."""
        i = unit[1]
        if self._text(i) in _OR:
            return self._unit(i + 1, noun, has_type)
        if self._text(i) in _AND:
            following = self._unit(i + 1, noun, has_type)
            return following if following and self._are_alike(unit, following, noun) else None
        if i < len(self._words) and self._words[i].breaks:  # "no red, blue or green"
            following = self._unit(i, noun, has_type)
            if following and self._are_alike(unit, following, noun) and self._is_joined(following, noun, has_type):
                return following
        return None

    def _is_joined(self, unit: Span, noun: bool, has_type: bool) -> bool:
        return self._text(unit[1]) in _OR | _AND or self._next_unit(unit, noun, has_type) is not None

    def _are_alike(self, one: Span, other: Span, noun: bool) -> bool:
        """Whether phrases name values of one attribute, or are both nouns after a cue before nouns."""
        classes = [self._class(one), self._class(other)]
        return classes[0] == classes[1] or (noun and _ADJECTIVES.isdisjoint(classes))

    def _class(self, unit: Span) -> str:
        """The attribute of a phrase, empty if it names no value."""
        attribute, end = self._values.get(unit[0], ("", unit[1]))
        return attribute if end == unit[1] else ""


def is_do_not(word: str) -> bool:
    """Whether a word is a negated verb such as "don't"."""
    return bool(_DO_NOT.fullmatch(word.replace("\u2019", "'")))
