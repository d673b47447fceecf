"""The shop's vocabulary: taxonomy, attributes, review aspects and use cases, from one YAML file.

Finds the categories, values, aspects and use cases that a text names; `adapters.ontology_file` reads the file. Does not
know tasks, prompts or models. Training and the server load it once at start.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TypeAlias

from adapters.ontology_file import KEYWORDS as KEYWORDS
from adapters.ontology_file import Attribute, Reader
from adapters.ontology_file import Category as Category
from adapters.ontology_file import OntologyError as OntologyError
from adapters.purposes import is_purpose
from adapters.settings import SHIPPED_ONTOLOGY
from adapters.words import fold, phrase_key, phrases_in, words

# The head noun stands before the first preposition: that of "quality of the labels" is "quality".
_PREPOSITIONS = frozenset(["of", "on", "in", "for", "with", "to", "from", "at", "between", "into"])
# Goods and services that work on a material and are not made of it: glass cleaner, metal detector, wood glue.
_WORK_ON = frozenset(
    (
        "cleaner cleaning cleanser conditioner polish polisher detector remover restorer repair glue adhesive filler "
        "stain dye detergent wash softener shredder care treatment sealer primer paint varnish oil"
    ).split()
)
_LONGEST_NOUN = 3  # words of the goods that work on a material
_JOINING = frozenset(["and", "&", "or"])
_MADE_OF_HEAD = frozenset(["glass"])  # materials whose name is also a thing made of it: a wine glass
_CONTAINERS = frozenset(["pair", "set", "pack", "box", "bag", "case", "piece", "bottle", "kind", "type"])
_ADVERBS = frozenset(["pretty"])  # before an adjective
_FUNCTION_WORDS = _PREPOSITIONS | frozenset("and or but than as when after before so too which that at by".split())


Match: TypeAlias = tuple[str, str, int, int]  # attribute, value, first word, word after the last


@dataclass(frozen=True, eq=False)
class Ontology:
    """Categories, attributes, aspects and use cases with their synonyms; lookups ignore case, hyphens and plural s."""

    categories: dict[str, Category]
    attributes: dict[str, Attribute]
    aspects: tuple[str, ...]
    use_cases: tuple[str, ...]
    attributes_of: dict[tuple[str, ...], frozenset[str]]
    compounds: frozenset[str]  # keys of phrases whose words name no value
    hints: dict[str, tuple[str, ...]]  # by leaf: brands, product lines and short forms
    digest: str
    _phrases: dict[tuple[str, str], tuple[str, ...]] = field(repr=False, compare=False)
    _lexicons: dict[str, dict[str, str]] = field(repr=False, compare=False)
    _values: dict[str, tuple[tuple[str, str], ...]] = field(repr=False, compare=False)
    _longest: int = field(repr=False, compare=False)

    @classmethod
    def load(cls, path: Path | str | None = None) -> Ontology:
        """Reads `path`, or the shipped file.

        Raises:
            OntologyError: the file cannot be read, or has mistakes; the message lists all of them.
        """
        path = Path(path or SHIPPED_ONTOLOGY)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise OntologyError([f"{path.name}:1: cannot be read: {error.strerror}"]) from error
        reader = Reader()
        reader.read(content)
        if reader.errors:
            raise OntologyError([f"{path.name}:{n}: {why}" for n, why in sorted(reader.errors)])
        values: dict[str, list[tuple[str, str]]] = {}
        for attribute in reader.attributes:
            for key, value in reader.lexicons[attribute].items():
                values.setdefault(key, []).append((attribute, value))
        return cls(
            categories=reader.categories,
            attributes=reader.attributes,
            aspects=reader.names["aspects"],
            use_cases=reader.names["use_cases"],
            attributes_of=reader.attributes_of,
            compounds=frozenset(reader.compounds),
            hints=reader.hints,
            digest=hashlib.sha256(content).hexdigest(),
            _phrases=reader.phrases,
            _lexicons=reader.lexicons,
            _values={key: tuple(matches) for key, matches in values.items()},
            _longest=max(len(key.split()) for keys in (*reader.lexicons.values(), reader.compounds) for key in keys),
        )

    def phrases(self, kind: str, name: str) -> tuple[str, ...]:
        """Synonyms of a value, aspect or use case; `kind`: an attribute, `aspects`, `use_cases`."""
        return self._phrases[kind, name]

    def value(self, attribute: str, text: str) -> str | None:
        """The canonical value that `text`, a value or a synonym, names."""
        lexicon = self._lexicons[attribute] if attribute in self.attributes else {}
        return lexicon.get(phrase_key(text))

    def values_in(self, text: str) -> list[Match]:
        """The values that a text names, by position.

        Of overlapping values of one attribute the longest phrase counts. A compound (`box spring`) names no value, nor
        does what goods work on (`glass cleaner`).
        """
        phrases = list(phrases_in(text, self._longest))
        compounds = [(start, end) for key, start, end in phrases if key in self.compounds]
        folded = [fold(word) for word in words(text)]
        candidates = [
            (attribute, value, start, end)
            for key, start, end in phrases
            for attribute, value in self._values.get(key, ())
            if not _is_within((start, end), compounds) and not (attribute == "material" and _is_worked_on(end, folded))
        ]
        taken: set[tuple[str, int]] = set()
        matches = []
        for match in sorted(candidates, key=lambda match: match[2] - match[3]):
            attribute, _, start, end = match
            cells = {(attribute, word) for word in range(start, end)}
            if taken.isdisjoint(cells):
                taken |= cells
                matches.append(match)
        return sorted(matches, key=lambda match: (match[2], match[3]))

    def mentions(self, attribute: str, value: str, text: str) -> bool:
        """Whether any words of a text are a phrase of the value, be it within a compound or the name of goods."""
        return any((attribute, value) in self._values.get(key, ()) for key, _, _ in phrases_in(text, self._longest))

    def properties_in(self, text: str) -> list[Match]:
        """The values that a text names of its product, by position: those of `values_in` that no name of goods hides.

        A material or color in the name of goods is a property of them if the rest of the name means goods of the same
        group: a leather jacket is a jacket, but green tea is no color. The head of a name is none (steam iron). A
        phrase hides the values within it of other attributes: rose gold and gold tone are no gold.
        """
        matches = self.values_in(text)
        folded = [fold(word) for word in words(text)]
        goods = [
            (start, end, name)
            for key, start, end in phrases_in(text, self._longest)
            if end - start > 1 and (name := self._compounds.get(key.replace(" ", "")))
        ]
        return [
            match
            for match in matches
            if not any(_hides(longer, match) for longer in matches)
            and all(self._is_property(match, of_goods, folded) for of_goods in goods)
        ]

    def _is_property(self, match: Match, goods: tuple[int, int, str], folded: list[str]) -> bool:
        _, value, start, end = match
        first, last, name = goods
        if not _is_within((start, end), [(first, last)]) or (start, end) == (first, last):
            return True
        if end == last:
            return value in _MADE_OF_HEAD
        rest = " ".join([*folded[first:start], *folded[end:last]])
        named = self._lexicons["taxonomy"].get(rest)
        return named is not None and self.categories[named].path[:2] == self.categories[name].path[:2]

    def applies(self, attribute: str, category: Category) -> bool:
        """Whether goods of a category have the attribute; all do if nothing is stated about category and attribute."""
        if attribute not in self.attributes:
            return True
        levels = (category.path[:depth] for depth in range(len(category.path), 0, -1))
        stated = next((self.attributes_of[level] for level in levels if level in self.attributes_of), None)
        return stated is None or attribute in stated

    def aspect_of(self, part: str | None) -> str:
        """The aspect of a part in a review, by its head: the longest phrase that ends there, as `battery life`.

        If the head has none, the nouns before it count, not its adjectives: `price tag` is `price`, `brown rice` no
        color. A container's content counts instead of it: `kind of fabric` is `material`.
        """
        lexicon = self._lexicons["aspects"]
        folded = [fold(word) for word in words(part or "")]
        head = next((i for i, word in enumerate(folded) if i and word in _PREPOSITIONS), len(folded))
        if folded[head : head + 1] == ["of"] and folded[head - 1] in _CONTAINERS:
            return self.aspect_of(" ".join(folded[head + 1 :]))
        for end in dict.fromkeys((len(folded), head)):
            for start in range(head):
                if aspect := lexicon.get(" ".join(folded[start:end])):
                    return aspect
        if head < 2:
            return "general"
        before = (word for word in folded[: head - 1] if word not in self._values)  # values are adjectives
        return next((lexicon[word] for word in before if lexicon.get(word, "general") != "general"), "general")

    def aspect_of_opinion(self, opinion: str | None) -> str:
        """The aspect that an opinion names: that of its last phrase with one, of overlapping phrases the longest.

        Phrases of `general` take their words from other aspects: `look no further` is not about looks. An opinion is
        no part, and a value before another word is an adjective: `mushy brown rice` names no color.
        """
        folded = [fold(word) for word in words(opinion or "")]
        matches = sorted(self._matches(opinion or "", "aspects"), key=lambda match: match[0] - match[1])
        taken: set[int] = set()
        named: dict[int, str] = {}
        for start, end, aspect in matches:
            if taken.isdisjoint(range(start, end)):
                taken |= set(range(start, end))
                after = folded[end] if end < len(folded) else None
                is_adjective = aspect == "color" or folded[start] in _ADVERBS
                if not is_adjective or end - start > 1 or after is None or after in _FUNCTION_WORDS:
                    named[start] = aspect
        specific = [named[start] for start in sorted(named) if named[start] not in ("general", "parts")]
        return specific[-1] if specific else "general"

    def use_case_in(self, text: str) -> str | None:
        """The use case that a text names as a purpose: the longest phrase, of equal ones the first."""
        folded = [fold(word) for word in words(text)]
        matches = [m for m in self._matches(text, "use_cases") if is_purpose(folded, m[0], m[1])]
        return max(matches, key=lambda match: match[1] - match[0])[2] if matches else None

    def category_in(self, text: str) -> Category | None:
        """The leaf that a text names: the longest phrase, of equal ones the last, which is the head noun."""
        matches = self._matches(text, "taxonomy")
        best = max(matches, key=lambda match: (match[1] - match[0], match[0]), default=None)
        return self.categories[best[2]] if best else None

    def categories_in(self, text: str) -> list[tuple[Category, int, int]]:
        """Every leaf that a text names, with the first word and the word after the last, by position."""
        return [(self.categories[name], start, end) for start, end, name in self._matches(text, "taxonomy")]

    def category_of(self, noun: str) -> Category | None:
        """The leaf of a noun phrase: its head must name it. A tea caddy is no tea, `book shelf` is a bookshelf."""
        lexicon = self._lexicons["taxonomy"]
        folded = [fold(word) for word in words(noun)]
        head = next((i for i, word in enumerate(folded) if i and word in _PREPOSITIONS), len(folded))
        if folded[head : head + 1] == ["of"] and folded[head - 1] in _CONTAINERS:
            return self.category_of(" ".join(folded[head + 1 :]))
        for end in dict.fromkeys((len(folded), head)):  # `chest of drawers` is a phrase of its own
            for start in range(max(0, end - self._longest), head):
                key = " ".join(folded[start:end])
                if name := lexicon.get(key) or self._compounds.get(key.replace(" ", "")):
                    return self.categories[name]
        return None

    @cached_property
    def hint_keys(self) -> frozenset[str]:
        """The hints of all leaves as `phrase_key` spells them."""
        return frozenset(phrase_key(hint) for hints in self.hints.values() for hint in hints)

    @cached_property
    def _compounds(self) -> dict[str, str]:
        """The phrases of the taxonomy without their spaces."""
        return {key.replace(" ", ""): name for key, name in self._lexicons["taxonomy"].items()}

    def _matches(self, text: str, kind: str) -> list[tuple[int, int, str]]:
        """First word, word after the last, and name of each phrase of the lexicon."""
        lexicon = self._lexicons[kind]
        spans = phrases_in(text, self._longest)
        return [(start, end, lexicon[key]) for key, start, end in spans if key in lexicon]


def _is_within(span: tuple[int, int], spans: list[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in spans)


def _hides(longer: Match, match: Match) -> bool:
    """Whether a value lies in the phrase of another; the color of a gold plated ring is gold all the same."""
    inside = longer[2:] != match[2:] and _is_within(match[2:], [longer[2:]])
    return inside and not (match[0] == "color" and longer[1] == match[1])


def _is_worked_on(end: int, folded: list[str]) -> bool:
    """Whether the words after a value are goods that work on it, or end with them: wood glue, leather sofa cleaner."""
    following = folded[end + 2 :] if folded[end : end + 1] and folded[end] in _JOINING else folded[end:]
    if following and following[0] in _WORK_ON:
        return True
    noun = list(takewhile(lambda word: word not in _PREPOSITIONS and not any(map(str.isdigit, word)), following))
    return 0 < len(noun) <= _LONGEST_NOUN and noun[-1] in _WORK_ON
