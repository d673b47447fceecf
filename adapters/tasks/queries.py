"""A query's words, each with one meaning: product type, filter, exclusion, price or keyword.

The labels of the words say which of them name the product and which attribute a word may mean. A word is a filter only
if the ontology knows it (the shop's brands are its attribute `brand`) or its form is that of a size or quantity; every
other word that names something is a keyword. Called by `rewrite` for answers of the model and of the fallback.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from adapters.ontology import KEYWORDS, Ontology
from adapters.tasks.negations import Negations, Span, Value
from adapters.tasks.prices import UNITS, amounts_in
from adapters.tasks.query_words import Word, is_content, split
from adapters.words import words as bare_words

CONTINUES, OTHER, TYPE = "+", "other", "type"
# The attributes that a phrase of a type names, the likeliest first; others follow in the ontology's order.
ATTRIBUTES = {
    "color": ("color", "pattern", "material"),
    "material": ("material", "color"),
    "department": ("gender", "age_group"),
    "occasion": ("occasion", "season", "use"),
    "size": ("size", "silhouette"),
    "shape": ("silhouette", "shape", "sleeve", "neckline", "size"),
    "condition": ("condition", "style", "feature"),
    "time": ("season", "style"),
    "origin": ("style",),
}
_LOOKS = frozenset(["color", "material", "pattern"])  # what goods that have none of them call a kind: white sugar
_NAMES = frozenset(["brand", "name", "number", "content"])  # words with these labels name no value but a brand
_NUMBER = r"\d+(?:[.,/-]\d+)*"
_LENGTH = "in|inch|inches|\"|\u201d|''|ft|feet|foot|cm|mm|m|meters?|metres?|yds?|yards?"
_WEIGHT = "ml|cl|l|liters?|litres?|(?:fl )?oz|ounces?|gal|gallons?|qt|quarts?|pints?|g|grams?|kg|kgs|lbs?|pounds?"
# Sizes and quantities as people write them, in words that one space separates. 5g is a network.
_PATTERNS = {
    "size": (
        r"(?:size|sizes|sz) (?:(?:us|uk|eu) )?(?:\d+(?:[./]\d+)?[a-z]?|x{0,4}[sl]|m)",
        r"(?:us|uk|eu) \d{1,2}(?:\.5)?",
        rf"{_NUMBER} ?x ?{_NUMBER}(?: ?x ?{_NUMBER})?(?: ?(?:{_LENGTH}))?",
        rf"(?![2-6]g\b){_NUMBER}[ -]?(?:{_LENGTH}|{_WEIGHT})",
        r"a[3-5]",
    ),
    "quantity": (
        r"(?:pack|set|box|case|lot|quantity) of (?:\d+|a dozen)",
        r"\d+[ -]?(?:pack|packs|pk|pcs?|pieces?|count|ct)",
    ),
}
_FORMS = {name: re.compile(rf"(?<!\S)(?:{'|'.join(forms)})(?!\S)") for name, forms in _PATTERNS.items()}
_MEASURE = re.compile(r"\d+(?:[.,/-]\d+)*%?")
Field = Literal["type", "filters", "exclude", "price", "keywords"]


@dataclass(frozen=True, slots=True)
class Part:
    """A phrase of the query and its meaning.

    `name`: the attribute of a filter or exclusion, `keywords` of an exclusion that names no value, else empty.
    """

    field: Field
    name: str
    value: str
    span: Span


def spans(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """(type, first word, word after the last) of each phrase, in order."""
    phrases: list[tuple[str, int, int]] = []
    for i, tag in enumerate(tags):
        if tag == CONTINUES and phrases:
            phrases[-1] = (*phrases[-1][:2], i + 1)
        elif tag not in (OTHER, CONTINUES):
            phrases.append((tag, i, i + 1))
    return phrases


def values_at(texts: Sequence[str], ontology: Ontology) -> list[Value]:
    """The values, sizes and quantities that the words name, with spans of these words."""
    places = [i for i, text in enumerate(texts) if bare_words(text)]
    matches = ontology.values_in(" ".join(texts[i] for i in places))
    values = [(attribute, value, places[start], places[end - 1] + 1) for attribute, value, start, end in matches]
    values = [value for value in values if value[0] != "use" or not "".join(texts[value[3] : value[3] + 1]).isdigit()]
    text = " ".join(texts)
    starts = {start for _, _, start, _ in values}
    for name, pattern in _FORMS.items():
        for match in pattern.finditer(text):
            start = text.count(" ", 0, match.start())
            end = start + match[0].count(" ") + 1
            is_place = match[0].endswith(" in") and (end in starts or "".join(texts[end : end + 1]).isdigit())
            if not is_place:  # "10 in black" and "7 in 1" are no sizes of so many inches
                values.append((name, match[0], start, end))
    return values


class Reading:
    """The parts of a query in its order; no word is in two of them, and every word that names something is in one.

    The words of negations that exclude nothing themselves ("without", "anything but") are `cues`.

    Args:
        tags: the label of each word, as the answer line has them.
    """

    def __init__(self, query: str, tags: Sequence[str], ontology: Ontology) -> None:
        self.words: list[Word] = split(query)
        self.texts = [word.text for word in self.words]
        self.prices, measures = amounts_in(self.texts)
        self._ontology = ontology
        self._tags = tags
        self._kinds = [OTHER] * len(self.words)
        for kind, start, end in spans(tags):
            self._kinds[start:end] = [kind] * (end - start)
        product = next((self._text(span[1:]) for span in reversed(spans(tags)) if span[0] == TYPE), "")
        self._category = ontology.category_of(product)
        self._free = set(range(len(self.words)))
        self.parts: list[Part] = []
        self.cues: set[int] = set()
        for amount in self.prices:
            self._take("price", "", (amount.start, amount.end))
        for phrase in measures:
            self._take("keywords", "", phrase)
        self._values = [value for value in values_at(self.texts, ontology) if self._is_free(value[2:])]
        self._negations()
        self._filters()
        self._rest()
        self.parts.sort(key=lambda part: part.span)

    def _text(self, span: Span) -> str:
        return " ".join(self.texts[slice(*span)])

    def _is_free(self, span: Span) -> bool:
        return self._free.issuperset(range(*span))

    def _take(self, field: Field, name: str, span: Span, value: str | None = None) -> None:
        self._free -= set(range(*span))
        self.parts.append(Part(field, name, self._text(span) if value is None else value, span))

    def _negations(self) -> None:
        types = {i for i, kind in enumerate(self._kinds) if kind == TYPE}
        taken = set(range(len(self.words))) - self._free
        negations = Negations(self.words, self._values, types, taken, self._ontology.attributes)
        for phrase in negations.phrases:
            self._take("keywords", "", phrase)
        for negation in negations.items:
            for span in negation.excluded:
                self._exclude(span, negation.noun)
            self.cues |= self._free.intersection(range(*negation.span))
        self._free -= self.cues

    def _exclude(self, span: Span, noun: bool) -> None:
        """An absence that the ontology knows ("no sleeves") is a filter, other exclusions are values or words."""
        text = self._text(span)
        absences = (f"no {text}", f"{text} free", f"non {text}") if noun else ()
        if absence := next(filter(None, map(self._lookup, absences)), None):
            self._take("filters", absence[0], span, absence[1])
        elif (value := self._lookup(text) or self._lookup(f"with {text}")) and not (noun and value[0] == "use"):
            self._take("exclude", value[0], span, value[1])
        else:
            self._take("exclude", KEYWORDS, span)

    def _lookup(self, phrase: str) -> tuple[str, str] | None:
        """The first attribute and value that a whole phrase names."""
        values = ((name, self._ontology.value(name, phrase)) for name in self._ontology.attributes)
        return next(((name, value) for name, value in values if value), None)

    def _filters(self) -> None:
        candidates = [(*self._rank(value), value) for value in self._values if self._may_be_value(value)]
        for *_, (name, meaning, start, end) in sorted(candidates):
            if self._is_free((start, end)):
                self._take("filters", name, self._with_its_name(name, start, end), meaning)

    def _may_be_value(self, value: Value) -> bool:
        name, _, start, end = value
        kinds = set(self._kinds[start:end])
        is_named = not kinds.isdisjoint(_NAMES) and name != "brand"
        if name in _LOOKS and self._category and not self._ontology.applies(name, self._category):
            return False
        return self._is_free((start, end)) and TYPE not in kinds and not is_named

    def _rank(self, value: Value) -> tuple[int, int, int]:
        """Longer phrases come first, then the attributes that the label of the last word names."""
        name, _, start, end = value
        likely = ATTRIBUTES.get(self._kinds[end - 1], ())
        order = [*likely, *self._ontology.attributes, *_FORMS]
        return start - end, order.index(name), start

    def _with_its_name(self, name: str, start: int, end: int) -> Span:
        """The span of a value with the attribute's name beside it: `color: red`, `red color`."""
        names = (name, "colour") if name == "color" else (name,)
        if self._is_named(start - 1, names):
            return start - 1, end
        return (start, end + 1) if self._is_named(end, names) else (start, end)

    def _is_named(self, i: int, names: Sequence[str]) -> bool:
        return i in self._free and self.texts[i] in names and self._kinds[i] != TYPE

    def _rest(self) -> None:
        for start, end in self._phrases():
            while start < end and not is_content(self.texts[start]):
                start += 1
            while start < end and not is_content(self.texts[end - 1]):
                end -= 1
            if start < end:
                self._take("type" if self._kinds[start] == TYPE else "keywords", "", (start, end))

    def _phrases(self) -> Iterator[Span]:
        """Runs of words without a meaning yet: of one label's phrase, or a single word without a label.

        A number without a label stands with a word beside it: `9 drawer`, `iphone 15`.
        """
        runs: list[list[int]] = []
        for i in sorted(self._free):
            before = runs[-1] if runs and runs[-1][1] == i and not self.words[i].breaks else None
            if before and (self._tags[i] == CONTINUES or self._counts(before[0], i)):
                before[1] = i + 1
            else:
                runs.append([i, i + 1])
        yield from ((start, end) for start, end in runs)

    def _counts(self, start: int, i: int) -> bool:
        """Whether an unlabelled word belongs to the run before it, because one of them is a number."""
        if not self._tags[i - 1] == self._tags[i] == OTHER or not all(map(is_content, self.texts[i - 1 : i + 1])):
            return False
        if _MEASURE.fullmatch(self.texts[i]):
            return i - start == 1 and not (i + 1 in self._free and self.texts[i + 1] in UNITS)
        return i - start == 1 and bool(_MEASURE.fullmatch(self.texts[i - 1]))
