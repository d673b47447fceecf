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
from adapters.tasks.prices import Amount, prices_in
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
_NAMES = frozenset(["brand", "name", "number", "content"])  # words with these labels name no value but a brand
_NUMBER = r"\d+(?:[.,/-]\d+)*"
_LENGTH = "in|inch|inches|\"|”|''|ft|feet|foot|cm|mm|m|meters?|metres?|yds?|yards?"
_AMOUNT = "ml|cl|l|liters?|litres?|oz|ounces?|gal|gallons?|qt|quarts?|pints?|g|grams?|kg|kgs|lbs?|pounds?"
# Sizes and quantities as people write them, on words that one space separates.
_PATTERNS = {
    "size": re.compile(
        rf"(?<!\S)(?:(?:size|sizes|sz) (?:(?:us|uk|eu) )?(?:\d+(?:[./]\d+)?[a-z]?|[a-z]{{1,3}}\d?)|(?:us|uk|eu) \d{{1,2}}"
        rf"(?:\.5)?|{_NUMBER} ?x ?{_NUMBER}(?: ?x ?{_NUMBER})?(?: ?(?:{_LENGTH}))?"
        rf"|{_NUMBER}[ -]?(?:{_LENGTH}|(?:fl )?(?:{_AMOUNT}))|[ab][0-7])(?!\S)"
    ),
    "quantity": re.compile(
        r"(?<!\S)(?:(?:pack|set|box|case|lot|quantity) of (?:\d+|a dozen)"
        r"|\d+[ -]?(?:pack|packs|pk|pcs?|pieces?|count|ct))(?!\S)"
    ),
}
_MEASURE = re.compile(r"\d+(?:[.,/-]\d+)*%?")


@dataclass(frozen=True, slots=True)
class Part:
    """A phrase of the query and its meaning.

    `name`: the attribute of a filter or exclusion, `keywords` of an exclusion that names no value, else empty.
    """

    field: Literal["type", "filters", "exclude", "price", "keywords"]
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
    """The values that the words name, with spans of these words."""
    places = [i for i, text in enumerate(texts) if bare_words(text)]
    matches = ontology.values_in(" ".join(texts[i] for i in places))
    return [(attribute, value, places[start], places[end - 1] + 1) for attribute, value, start, end in matches]


class Reading:
    """The parts of a query; no word is in two of them, and every word that names something is in one.

    Args:
        tags: the label of each word, as the answer line has them.
        types: the words that may name the product.
    """

    def __init__(self, query: str, tags: Sequence[str], ontology: Ontology) -> None:
        self.words: list[Word] = split(query)
        self.texts = [word.text for word in self.words]
        self.prices: list[Amount] = prices_in(self.texts)
        self._ontology = ontology
        self._tags = tags
        self._kinds = [OTHER] * len(self.words)
        for kind, start, end in spans(tags):
            self._kinds[start:end] = [kind] * (end - start)
        self._free = set(range(len(self.words)))
        self.parts: list[Part] = []
        for amount in self.prices:
            self._take("price", "", (amount.start, amount.end))
        self._values = [value for value in values_at(self.texts, ontology) if self._is_free(value[2:])]
        self._negations()
        self._filters()
        self._rest()
        self.parts.sort(key=lambda part: part.span)

    def _text(self, span: Span) -> str:
        return " ".join(self.texts[slice(*span)])

    def _is_free(self, span: Span) -> bool:
        return self._free.issuperset(range(*span))

    def _take(self, field: str, name: str, span: Span, value: str | None = None) -> None:
        self._free -= set(range(*span))
        self.parts.append(Part(field, name, self._text(span) if value is None else value, span))  # type: ignore[arg-type]

    def _negations(self) -> None:
        types = {i for i, kind in enumerate(self._kinds) if kind == TYPE}
        taken = set(range(len(self.words))) - self._free
        negations = Negations(self.words, self._values, types, taken)
        for phrase in negations.phrases:
            self._take("keywords", "", phrase)
        for negation in negations.found:
            for span in negation.excluded:
                self._exclude(span, negation.noun)
            self._free -= set(range(*negation.span))

    def _exclude(self, span: Span, noun: bool) -> None:
        """An absence that the ontology knows ("no sleeves") is a filter, other exclusions are values or words."""
        text = self._text(span)
        absences = (f"no {text}", f"{text} free", f"non {text}", f"{text}less") if noun else ()
        if absence := next(filter(None, map(self._lookup, absences)), None):
            self._take("filters", absence[0], span, absence[1])
        elif value := self._lookup(text) or self._lookup(f"with {text}"):
            self._take("exclude", value[0], span, value[1])
        else:
            self._take("exclude", KEYWORDS, span)

    def _lookup(self, phrase: str) -> tuple[str, str] | None:
        """The first attribute and value that a whole phrase names."""
        values = ((name, self._ontology.value(name, phrase)) for name in self._ontology.attributes)
        return next(((name, value) for name, value in values if value), None)

    def _filters(self) -> None:
        candidates = [(*self._rank(value), value) for value in self._values if self._may_be_value(value)]
        text = self._text((0, len(self.texts)))
        for name, pattern in _PATTERNS.items():
            for match in pattern.finditer(text):
                start = text.count(" ", 0, match.start())
                value = (name, match[0], start, start + match[0].count(" ") + 1)
                if self._may_be_value(value):
                    candidates.append((*self._rank(value), value))
        for *_, (name, meaning, start, end) in sorted(candidates):
            if self._is_free((start, end)):
                self._take("filters", name, self._with_its_name(name, start, end), meaning)

    def _may_be_value(self, value: Value) -> bool:
        name, _, start, end = value
        kinds = set(self._kinds[start:end])
        # "iphone 15" is a model, not a use
        is_model = name == "use" and end < len(self.texts) and self.texts[end].isdigit()
        is_named = not kinds.isdisjoint(_NAMES) and name != "brand"
        return self._is_free((start, end)) and TYPE not in kinds and not is_named and not is_model

    def _rank(self, value: Value) -> tuple[int, int, int]:
        """Longer phrases come first, then the attributes that the label of the last word names."""
        name, _, start, end = value
        likely = ATTRIBUTES.get(self._kinds[end - 1], ())
        order = [*likely, *self._ontology.attributes, *_PATTERNS]
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
        for phrase in self._phrases():
            start, end = phrase
            while start < end and not is_content(self.texts[start]):
                start += 1
            while start < end and not is_content(self.texts[end - 1]):
                end -= 1
            if start < end:
                self._take("type" if self._kinds[start] == TYPE else "keywords", "", (start, end))

    def _phrases(self) -> Iterator[Span]:
        """Runs of words without a meaning yet: of one label's phrase, or a single word without a label.

        A number without a label stands with the word after it, or else with the one before it: `9 drawer`, `iphone 15`.
        """
        runs: list[list[int]] = []
        for i in sorted(self._free):
            before = runs[-1] if runs and runs[-1][1] == i and not self.words[i].breaks else None
            if before and (self._tags[i] == CONTINUES or self._counts(before, i)):
                before[1] = i + 1
            else:
                runs.append([i, i + 1])
        yield from ((start, end) for start, end in runs)

    def _counts(self, before: Sequence[int], i: int) -> bool:
        """Whether an unlabelled word belongs to the run before it, because one of them is a number."""
        if self._tags[i] != OTHER or self._tags[i - 1] != OTHER or not is_content(self.texts[i]):
            return False
        number_first = before[1] - before[0] == 1 and _MEASURE.fullmatch(self.texts[i - 1])
        follows = i + 1 not in self._free or not is_content(self.texts[i + 1])
        return bool(number_first or (_MEASURE.fullmatch(self.texts[i]) and follows and is_content(self.texts[i - 1])))
