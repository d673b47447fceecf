"""Labels of a query's words without a model: the product by taxonomy and word order, values by the ontology.

Called by the fallback of `rewrite`, which is also the baseline of its evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator

from adapters.ontology import Ontology
from adapters.tasks.negations import Negations, Span, Value
from adapters.tasks.prices import UNITS, amounts_in
from adapters.tasks.queries import ATTRIBUTES, CONTINUES, OTHER, TYPE, values_at
from adapters.tasks.query_words import is_content, is_quality, split
from adapters.words import fold
from adapters.words import words as bare_words

_KINDS = {attribute: kind for kind, allowed in reversed(ATTRIBUTES.items()) for attribute in allowed[:1]}
_KINDS |= {
    "quantity": "quantity",
    "age_group": "department",
    "season": "occasion",
    "silhouette": "shape",
    "brand": "brand",
}
_NOUNS = frozenset(["use"])  # attributes whose values are nouns before the product's: desk lamp
# Words that are a property together with the word before or after them.
_AFTER = frozenset("proof friendly resistant safe free ready compatible style sized shaped grade colored off".split())
_BEFORE = frozenset("anti ultra extra super multi semi pre low high full half".split())
# Parts of goods and what comes with them: after a product and a word between, they are no product of their own.
_PARTS = frozenset(
    (
        "lid lids handle handles strap straps pocket pockets drawer drawers wheel wheels divider dividers remote "
        "control support leg legs sleeve sleeves hood arm arms back zipper straw compartment compartments tray "
        "hook hooks belt collar lining sole soles heel heels base frame top cushion cushions cord button buttons "
        "buckle ring rings "
        "pedals seat battery batteries charger screen lens bottom waist neck edge edges trim knob knobs"
    ).split()
)
_SPARE = frozenset("replacement replacements spare for fits compatible".split())
_AS_PLACES = frozenset(["indoor", "outdoor", "indoors", "outdoors"])  # values of `use` that are no nouns


def labels(query: str, ontology: Ontology) -> list[str]:
    """A label for each word."""
    return _Labelling(query, ontology).tags


class _Labelling:
    def __init__(self, query: str, ontology: Ontology) -> None:
        self._ontology = ontology
        self._words = split(query)
        self._texts = [word.text for word in self._words]
        self.tags = [OTHER] * len(self._texts)
        self._categories = self._category_spans()
        self._values = values_at(self._texts, ontology)
        prices, measures = amounts_in(self._texts)
        spans = [*((amount.start, amount.end) for amount in prices), *measures]
        priced = {i for span in spans for i in range(*span)}
        values = [value for value in self._values if priced.isdisjoint(range(*value[2:]))]
        nouns = {i for start, end in self._categories for i in range(start, end)}
        negations = Negations(self._words, values, nouns, priced, ontology.attributes)
        self._closed = priced | {i for negation in negations.items for i in range(*negation.span)}
        self._properties = {i for span in negations.phrases for i in range(*span)}
        product = next(filter(None, map(self._product, self._segments())), None)
        if product:
            by_place = sorted(values, key=lambda value: (value[2], -value[3]))
            while value := next((value for value in by_place if self._is_separable(value, product)), None):
                product = value[3], product[1]
            self._tag(TYPE, product)
        for attribute, _, start, end in sorted(values, key=lambda value: value[2] - value[3]):
            if all(tag == OTHER for tag in self.tags[start:end]):
                self._tag(_KINDS.get(attribute, "modifier"), (start, end))

    def _category_spans(self) -> list[Span]:
        places = [i for i, text in enumerate(self._texts) if bare_words(text)]
        matches = self._ontology.categories_in(" ".join(self._texts[i] for i in places))
        return [(places[start], places[end - 1] + 1) for _, start, end in matches]

    def _tag(self, kind: str, span: Span) -> None:
        self.tags[slice(*span)] = [kind, *[CONTINUES] * (span[1] - span[0] - 1)]

    def _segments(self) -> Iterator[Span]:
        """Runs of words between function words, punctuation, prices and negations."""
        start = None
        valued = {i for _, _, first, stop in self._values for i in range(first, stop) if self._texts[i] != "for"}
        for i in range(len(self._texts) + 1):
            is_open = i < len(self._texts) and i not in self._closed
            is_open = is_open and (is_content(self._texts[i]) or i in self._properties or i in valued)
            if start is not None and (not is_open or self._words[i].breaks):
                yield start, i
                start = None
            if is_open and start is None:
                start = i

    def _product(self, segment: Span) -> Span | None:
        """The words of a segment that name the product: the head is the last that is no value, number or quality."""
        start, end = segment
        while end > start:
            last, before = self._texts[end - 1], self._texts[end - 2] if end - 2 >= start else ""
            value = self._value_before(end, start)
            if end - 1 in self._properties:
                end -= 1
            elif last == "max" and is_measure(before):
                end -= 1  # "20v max"
            elif (part := self._start_of_part(start, end)) is not None:
                end = part
            elif end - 2 > start and (last in _AFTER or before in _BEFORE or (last in UNITS and is_measure(before))):
                end -= 2  # "squirrel proof", "4 slice"
            elif self._is_category_end(end):
                return self._compound(start, end)
            elif value is not None:
                end = value
            elif is_measure(last) or is_quality(last):
                end -= 1
            else:
                return self._compound(start, end)
        return None

    def _start_of_part(self, first: int, end: int) -> int | None:
        """Where a part of the product before it begins: the `straw lid` of a water bottle, a brand after its goods."""
        known = [stop for start, stop in self._categories if start >= first and stop < end]
        if not known or not _SPARE.isdisjoint(self._texts):
            return None
        if fold(self._texts[end - 1]) in self._ontology.hint_keys and not self._is_category_end(end):
            return end - 1
        is_part = self._texts[end - 1] in _PARTS and not any(
            stop == end and end - start > 1 and start < max(known) for start, stop in self._categories
        )
        return max(known) if is_part and max(known) < end - 1 else None

    def _value_before(self, end: int, first: int) -> int | None:
        """Where the longest value that ends at a word begins."""
        return min((start for _, _, start, stop in self._values if stop == end and start >= first), default=None)

    def _compound(self, first: int, end: int) -> Span:
        """A noun, or a phrase of the taxonomy, with the nouns directly before it: `desk chair`, `tea caddy`."""
        start = self._noun_before(end, first) if self._is_category_end(end) else None
        start = end - 1 if start is None else start
        while start > first:
            noun = self._noun_before(start, first)
            if noun is None:
                break
            start = noun
        return start, end

    def _is_category_end(self, end: int) -> bool:
        return any(stop == end for _, stop in self._categories)

    def _noun_before(self, end: int, first: int) -> int | None:
        """Where the longest noun begins that ends at a word, or a phrase of the taxonomy that goes beyond it."""
        cut = {i for _, _, start, stop in self._values for i in range(start + 1, stop)}  # the iron of cast iron
        starts = [start for start, stop in self._categories if first <= start < end <= stop and start not in cut]
        starts += [
            start
            for attribute, value, start, stop in self._values
            if stop == end and start >= first and start not in cut
            if attribute in _NOUNS and value not in _AS_PLACES
        ]
        return min(starts, default=None)

    def _is_separable(self, value: Value, product: Span) -> bool:
        """Whether a value in the product's phrase is a property of it: a leather jacket is a jacket too.

        Not a color, use or occasion (green tea, office chair), and not if the phrase without it names another leaf
        (running shoes).
        """
        attribute, _, start, end = value
        inside = product[0] == start and end < product[1]
        if not inside or attribute in ("color", "occasion", *_NOUNS):
            return False
        whole = self._ontology.category_of(self._phrase(product))
        return whole is not None and whole == self._ontology.category_of(self._phrase((end, product[1])))

    def _phrase(self, span: Span) -> str:
        return " ".join(self._texts[slice(*span)])


def is_measure(word: str) -> bool:
    """Whether a word is a number, perhaps with a unit."""
    return any(char.isdigit() for char in word)
