"""What a product text claims beyond what was given, and whether it is about the right product.

A word is covered if it was given (in another form too), follows from the kind of goods, or is an ordinary word of
copy (`copy_words.yaml`). All others are claims. Compares words; does not understand sentences: a given word said of
another part is not detected. Called by `adapters.tasks.copywrite` and by training's choice of references.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from adapters.ontology import Category, Ontology
from adapters.tasks.copy_words import is_ordinary, lexicon, same_words, stems, unit_words
from adapters.words import fold, phrase_key

STATED = ("color", "material", "pattern", "season", "condition")  # attributes whose words always state something
_SENTENCES = re.compile(r"(?<=[.!?;:,])\s+|\s[\u2013\u2014-]\s|[()]")
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)*|%")
_HEAD_ENDS = re.compile(r"\s(?:for|with|by|of|in|from|on|to|w)\s|[,(|:\u2013\u2014]|\s-\s")
_ALTERNATIVES = re.compile(r"\s(?:and|or)\s|[&/,]")
_MODELS = frozenset(
    "pro plus max mini lite ultra edition collection series set pack classic deluxe one kit line".split()
)
_LINKS = frozenset("for with of the and in a".split())
_USED_FOR = frozenset("for to in on as with daily be is are can been being".split())


@dataclass(frozen=True, slots=True)
class Claim:
    """A run of words that are not covered, as `kind: words`.

    kind: an attribute of the ontology, `product` (another product's noun), `number`, `name` (capitals inside a
    sentence) or `claim`. `start`, `end`: characters of the text.
    """

    kind: str
    words: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was given: name, category and the other texts."""

    name: str
    category: str | None
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    word: str  # lower case, numbers as digits without separators of thousands
    start: int
    end: int
    is_name: bool  # a capital that no sentence begins with


def _tokens(text: str, offset: int = 0) -> list[_Token]:
    numbers = lexicon()["numbers"]
    found = []
    for i, match in enumerate(_TOKEN.finditer(text.replace("\u2019", "'"))):
        word = match[0].lower().replace("'", "") if "'" not in match[0] else _bare(match[0].lower())
        if match[0].endswith("s") and match[0][:-1].isupper() and len(word) > 2:
            word = word[:-1]  # CPUs
        if word[0].isdigit():
            word = re.sub(r",(?=\d{3}\b)", "", word)
        is_name = i > 0 and match[0][0].isupper() and match[0] != "I"
        found.append(_Token(str(numbers.get(word, word)), offset + match.start(), offset + match.end(), is_name))
    return found


def _bare(word: str) -> str:
    """Without the ending of a contraction or genitive."""
    if word.endswith("n't"):
        return word.replace("'", "")
    return word.partition("'")[0]


def _sentences(text: str) -> Iterator[list[_Token]]:
    """The tokens of each part between marks, so that no phrase reaches over one."""
    start = 0
    for match in [*_SENTENCES.finditer(text), None]:
        end = match.start() if match else len(text)
        if tokens := _tokens(text[start:end], start):
            yield tokens
        start = match.end() if match else end


def _with_inches(tokens: list[_Token]) -> list[str]:
    """The words, `inch` for an `in` after a number."""
    words = [token.word for token in tokens]
    return ["inch" if word == "in" and i and words[i - 1][0].isdigit() else word for i, word in enumerate(words)]


class Given:
    """What a text about a product may say."""

    def __init__(self, facts: Facts, ontology: Ontology) -> None:
        self.facts, self.ontology = facts, ontology
        self.leaf = leaf_of(facts, ontology)
        parts = [_with_inches(tokens) for text in self._texts() for tokens in _sentences(text)]
        tokens = [word for part in parts for word in part]
        pairs = {pair for part in parts for pair in pairwise(part)}
        phrases = {*map(fold, tokens), *(f"{fold(a)} {fold(b)}" for a, b in pairs)}
        alike = {word for phrase in phrases for word in same_words().get(phrase, ())}
        self._stems = frozenset(stem for word in (*tokens, *self._entailed()) for stem in stems(word))
        self._stems |= {part for phrase in alike for part in phrase.split()}
        self._joined = frozenset({*tokens, *(fold(a) + fold(b) for a, b in pairs)})
        self._units: dict[str, set[str]] = {}
        for number, unit in pairs:
            if number[0].isdigit():
                self._units.setdefault(number, set()).update(same_words().get(fold(unit), {fold(unit)}))
        self.values: dict[tuple[str, str], int] = {}  # to the words that named the value
        for attribute, value, start, end in (match for text in self._texts() for match in ontology.values_in(text)):
            length = max(end - start, self.values.get((attribute, value), 0))
            self.values[attribute, value] = length

    def _texts(self) -> tuple[str, ...]:
        return (self.facts.name, self.facts.category or "", *self.facts.texts)

    def _entailed(self) -> Iterator[str]:
        """Words that follow from the kind of goods."""
        if self.leaf:
            kinds = lexicon()["kinds"]
            for level in self.leaf.path[:-1]:
                yield from kinds.get(level, "").split()
            yield from heads(self.leaf.path[-1])
            last = [phrase_key(synonym).split() for synonym in self.leaf.synonyms]
            ends = [words[-1] for words in last if len(words) > 1]
            yield from (end for end in set(ends) if ends.count(end) > 1)

    def covers(self, word: str) -> bool:
        return not self._stems.isdisjoint(stems(word)) or word in self._joined

    def covers_pair(self, first: str, second: str) -> bool:
        """Whether two words are one given compound: dish washer, dishwasher."""
        return fold(first) + fold(second) in self._joined and len(first) > 1 < len(second)

    def contradicts(self, number: str, unit: str) -> bool:
        """Whether the number was given with other units only: 40 hours are not 40 days."""
        key = fold(unit)
        given = self._units.get(number, set())
        return bool(given) and key in unit_words() and key not in given

    @cached_property
    def nouns(self) -> frozenset[str]:
        """The nouns of which a text must say one to be about the product."""
        nouns = set(heads(self.facts.category or ""))
        if self.leaf:
            nouns |= set(heads(self.leaf.path[-1]))
            nouns |= {fold(synonym) for synonym in self.leaf.synonyms if len(phrase_key(synonym).split()) == 1}
        known_name = self.ontology.category_of(_head_part(self.facts.name)) is not None
        if known_name or not self.facts.category or self.ontology.category_of(self.facts.category) is None:
            nouns |= set(heads(self.facts.name)) - _MODELS
        return frozenset(nouns | {same for noun in nouns for same in same_words().get(noun, ())})


@lru_cache(maxsize=256)
def given_of(facts: Facts, ontology: Ontology) -> Given:
    return Given(facts, ontology)


def leaf_of(facts: Facts, ontology: Ontology) -> Category | None:
    """The leaf that the category names, else the name's head."""
    category = facts.category or ""
    return (
        ontology.categories.get(category)
        or ontology.category_of(category)
        or ontology.category_of(_head_part(facts.name))
    )


def _head_part(name: str) -> str:
    """The part of a name that ends with its head noun."""
    part = _HEAD_ENDS.split(name)[0]
    tokens = [token.word for token in _tokens(part)]
    while tokens and (tokens[-1] in _MODELS or tokens[-1][0].isdigit()):
        tokens.pop()
    return " ".join(tokens)


def heads(name: str) -> list[str]:
    """The head nouns of a name or category: `Cups and Mugs` has two."""
    parts = (_head_part(part).split() for part in _ALTERNATIVES.split(_HEAD_ENDS.split(name)[0]))
    return [fold(part[-1]) for part in parts if part]


def names_product(text: str, facts: Facts, ontology: Ontology) -> bool:
    """Whether the text says the head noun of the product's category or name."""
    given = given_of(facts, ontology)
    said = {fold(token.word) for tokens in _sentences(text) for token in tokens}
    pairs = {f"{fold(a.word)} {fold(b.word)}" for tokens in _sentences(text) for a, b in pairwise(tokens)}
    return not given.nouns or not given.nouns.isdisjoint(said | pairs)


def claims(text: str, facts: Facts, ontology: Ontology) -> list[Claim]:
    """The claims of a text that are not among the facts, in its order, each once."""
    given = given_of(facts, ontology)
    result = [claim for tokens in _sentences(text) for claim in _of_sentence(tokens, given)]
    return list({str(claim): claim for claim in result}.values())


def _of_sentence(tokens: list[_Token], given: Given) -> Iterator[Claim]:
    words = [token.word for token in tokens]
    sentence = " ".join(words)
    spans = [_without_links(words, span) for span in given.ontology.values_in(sentence)]
    open_ = [not (given.covers(word) or is_ordinary(word)) for word in words]
    for i, (first, second) in enumerate(pairwise(words)):
        if given.covers_pair(first, second):
            open_[i] = open_[i + 1] = False
    stated: dict[int, tuple[str, int]] = {}
    for attribute, value, start, end in spans:
        phrase = " ".join(words[start:end])
        is_named = end - start <= given.values.get((attribute, value), 0) and phrase_key(phrase) == phrase_key(value)
        if is_named or _is_verb(words, start, end):
            open_[start:end] = [False] * (end - start)
            continue
        is_given = all(given.covers(word) or word in _LINKS for word in words[start:end])
        if attribute in STATED and not is_given:
            stated.setdefault(start, (attribute, end))
    for start, (attribute, end) in stated.items():
        open_[start:end] = [False] * (end - start)
        yield Claim(attribute, " ".join(words[start:end]), tokens[start].start, tokens[end - 1].end)
    numbers = [i for i, word in enumerate(words) if word[0].isdigit()]
    for i in numbers:
        unit = words[i + 1] if i + 1 < len(words) else ""
        if not open_[i] and unit and given.contradicts(words[i], unit):
            yield Claim("number", f"{words[i]} {unit}", tokens[i].start, tokens[i + 1].end)
        elif open_[i]:
            open_[i] = False
            yield Claim("number", words[i], tokens[i].start, tokens[i].end)
    for start, end in _runs(open_):
        yield _claim(tokens, start, end, spans, given)


def _without_links(words: list[str], span: tuple[str, str, int, int]) -> tuple[str, str, int, int]:
    """A value's span without a preposition in front: `for kids`."""
    attribute, value, start, end = span
    return (attribute, value, start + 1, end) if end - start > 1 and words[start] in _LINKS else span


def _is_verb(words: list[str], start: int, end: int) -> bool:
    """`used for`, `can be used`: no condition."""
    around = {*words[max(0, start - 1) : start], *words[end : end + 1]}
    return words[start:end] == ["used"] and not _USED_FOR.isdisjoint(around)


def _runs(marks: list[bool]) -> Iterator[tuple[int, int]]:
    start = None
    for i, mark in enumerate([*marks, False]):
        if mark and start is None:
            start = i
        elif not mark and start is not None:
            yield start, i
            start = None


def _claim(tokens: list[_Token], start: int, end: int, spans: list[tuple[str, str, int, int]], given: Given) -> Claim:
    words = " ".join(token.word for token in tokens[start:end])
    place = tokens[start].start, tokens[end - 1].end
    whole = next((name for name, _, first, last in spans if (first, last) == (start, end)), None)
    if whole:
        return Claim(whole, words, *place)
    if all(token.is_name for token in tokens[start:end]):
        return Claim("name", words, *place)
    leaf = given.ontology.category_of(words)
    is_other = leaf is not None and leaf != given.leaf
    return Claim("product" if is_other else "claim", words, *place)
