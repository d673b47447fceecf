"""The shop's vocabulary: taxonomy, attributes, review aspects and use cases, from one YAML file.

Finds the categories, values, aspects and use cases that a text names, and reports every mistake in the file by line.
Does not know tasks, prompts or models. Training and the server load it once at start.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from adapters.errors import ShopLoraError
from adapters.settings import SHIPPED_ONTOLOGY
from adapters.words import fold, phrase_key, phrases_in, words

SECTIONS = ("version", "taxonomy", "attributes", "aspects", "use_cases")
KEYWORDS = "keywords"  # the words of a query's exclusions that name no value stand under this name
MAX_DEPTH = 4
FORBIDDEN = re.compile(r"[|;=,{}\n\r]")

# The head noun stands before the first preposition: that of "quality of the labels" is "quality".
_PREPOSITIONS = frozenset(["of", "on", "in", "for", "with", "to", "from", "at", "between", "into"])
_CONTAINERS = frozenset(["pair", "set", "pack", "box", "bag", "case", "piece", "bottle", "kind", "type"])
_STR = "tag:yaml.org,2002:str"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class OntologyError(ShopLoraError):
    """The file's mistakes, one on each line: `ontology.yaml:12: reason`."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Category:
    """A leaf of the taxonomy; `path` runs from the department to the leaf itself."""

    id: str
    name: str
    path: tuple[str, ...]
    synonyms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute and its closed list of values."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Ontology:
    """Categories, attributes, aspects and use cases with their synonyms; lookups ignore case, hyphens and plural s."""

    categories: dict[str, Category]
    attributes: dict[str, Attribute]
    aspects: tuple[str, ...]
    use_cases: tuple[str, ...]
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
        reader = _Reader()
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
            digest=hashlib.sha256(content).hexdigest(),
            _phrases=reader.phrases,
            _lexicons=reader.lexicons,
            _values={key: tuple(matches) for key, matches in values.items()},
            _longest=max(len(key.split()) for lexicon in reader.lexicons.values() for key in lexicon),
        )

    def phrases(self, kind: str, name: str) -> tuple[str, ...]:
        """Synonyms of a value, aspect or use case; `kind`: an attribute, `aspects`, `use_cases`."""
        return self._phrases[kind, name]

    def value(self, attribute: str, text: str) -> str | None:
        """The canonical value that `text`, a value or a synonym, names."""
        lexicon = self._lexicons[attribute] if attribute in self.attributes else {}
        return lexicon.get(phrase_key(text))

    def values_in(self, text: str) -> list[tuple[str, str, int, int]]:
        """The values that a text names, as (attribute, value, first word, word after the last), by position.

        Of overlapping values of one attribute the longest phrase counts.
        """
        candidates = [
            (attribute, value, start, end)
            for key, start, end in phrases_in(text, self._longest)
            for attribute, value in self._values.get(key, ())
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

    def aspect_of(self, term: str | None) -> str:
        """The aspect of a term in a review: of the whole term, its head noun, its last known word, or `general`."""
        lexicon = self._lexicons["aspects"]
        all_words = words(term or "")
        if not all_words:
            return "general"
        head = next((i for i, word in enumerate(all_words) if i and word in _PREPOSITIONS), len(all_words)) - 1
        for key in (" ".join(map(fold, all_words)), fold(all_words[head])):
            if key in lexicon:
                return lexicon[key]
        aspects = [lexicon[key] for word in reversed(all_words) if (key := fold(word)) in lexicon]
        return next((aspect for aspect in aspects if aspect != "general"), "general")

    def use_case_in(self, text: str) -> str | None:
        """The use case that a text names: the longest phrase, of equal ones the first."""
        matches = self._matches(text, "use_cases")
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
    def _compounds(self) -> dict[str, str]:
        """The phrases of the taxonomy without their spaces."""
        return {key.replace(" ", ""): name for key, name in self._lexicons["taxonomy"].items()}

    def _matches(self, text: str, kind: str) -> list[tuple[int, int, str]]:
        """First word, word after the last, and name of each phrase of the lexicon."""
        lexicon = self._lexicons[kind]
        spans = phrases_in(text, self._longest)
        return [(start, end, lexicon[key]) for key, start, end in spans if key in lexicon]


class _Reader:
    """Walks the YAML nodes, which have line numbers, and collects content and errors."""

    def __init__(self) -> None:
        self.errors: set[tuple[int, str]] = set()
        self.categories: dict[str, Category] = {}
        self.attributes: dict[str, Attribute] = {}
        self.names: dict[str, tuple[str, ...]] = {"aspects": (), "use_cases": ()}
        self.phrases: dict[tuple[str, str], tuple[str, ...]] = {}
        self.lexicons: dict[str, dict[str, str]] = {"taxonomy": {}}

    def read(self, content: bytes) -> None:
        root = self._compose(content)
        if root is None:
            return
        sections = {name: (line, node) for name, line, node in self._entries(root, "section '{}'")}
        for section, (line, node) in sections.items():
            if section == "version":
                if node.value != "1":
                    self._error(line, "'version' must be 1")
            elif section == "taxonomy":
                self._taxonomy(node, ())
            elif section == "attributes":
                for name, line, values in self._entries(node, "attribute '{}'"):
                    if name in (*SECTIONS, KEYWORDS):
                        self._error(line, f"attribute '{name}' may not bear a section's name or be '{KEYWORDS}'")
                    names = self._lexicon(name, values, f"value '{{}}' of attribute '{name}'")
                    self.attributes[name] = Attribute(name, names)
            elif section in self.names:
                what = section[:-1].replace("_", " ") + " '{}'"
                self.names[section] = self._lexicon(section, node, what)
            else:
                self._error(line, f"unknown section '{section}'; known are {', '.join(SECTIONS)}")
        for section in SECTIONS:
            if section not in sections:
                self._error(1, f"section '{section}' is missing")
        if self.names["aspects"] and "general" not in self.names["aspects"]:
            self._error(sections["aspects"][0], "aspect 'general' is missing")

    def _compose(self, content: bytes) -> yaml.Node | None:
        try:
            root = yaml.compose(content.decode("utf-8"), Loader=_Loader)
            if isinstance(root, yaml.MappingNode):
                return root
            self._error(1, f"the file must be a mapping of {', '.join(SECTIONS)}")
        except UnicodeDecodeError as error:
            self._error(content.count(b"\n", 0, error.start) + 1, "not valid UTF-8")
        except RecursionError:
            self._error(1, "nested too deeply")
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or str(error).splitlines()[0]
            self._error(mark.line + 1 if mark else 1, f"not valid YAML: {reason}")
        return None

    def _taxonomy(self, node: yaml.Node, path: tuple[str, ...]) -> None:
        for name, line, child in self._entries(node, ("department '{}'", "group '{}'")[bool(path)]):
            here = (*path, name)
            if isinstance(child, yaml.MappingNode) and len(here) < MAX_DEPTH:
                self._taxonomy(child, here)
            elif isinstance(child, yaml.MappingNode):
                self._error(line, f"group '{name}' is too deep: {MAX_DEPTH} levels at most")
            elif not path:
                self._error(line, f"department '{name}' must be a mapping of groups or leaves")
            else:
                self._leaf(here, line, self._strings(child, f"leaf '{name}'"))

    def _leaf(self, path: tuple[str, ...], line: int, synonyms: list[tuple[str, int]]) -> None:
        name = path[-1]
        slug = re.sub(r"[^\w]+", "-", name.lower().replace("'", "")).strip("-")
        if any(slug == category.id for category in self.categories.values()):
            self._error(line, f"leaf '{name}' appears twice")
        else:
            self.categories[name] = Category(slug, name, path, tuple(text for text, _ in synonyms))
            self._add("taxonomy", name, "leaf '{}'", [(name, line), *synonyms])

    def _lexicon(self, kind: str, node: yaml.Node, what: str) -> tuple[str, ...]:
        names = []
        self.lexicons[kind] = {}
        for name, line, child in self._entries(node, what):
            synonyms = self._strings(child, what.format(name))
            self.phrases[kind, name] = tuple(text for text, _ in synonyms)
            names.append(name)
            own_phrase = name.replace("_", " ") if kind in self.names else name
            self._add(kind, name, what, [(own_phrase, line), *synonyms])
        return tuple(names)

    def _add(self, kind: str, name: str, what: str, phrases: list[tuple[str, int]]) -> None:
        lexicon = self.lexicons[kind]
        for text, line in phrases:
            key = phrase_key(text)
            if not key:
                self._error(line, f"'{text}' has no word in it")
            elif lexicon.setdefault(key, name) != name:
                self._error(line, f"'{text}' names {what.format(name)} and also '{lexicon[key]}'")

    def _entries(self, node: yaml.Node, what: str) -> Iterator[tuple[str, int, yaml.Node]]:
        """The entries of a mapping; `what` describes one of them, with {} for its name."""
        if not isinstance(node, yaml.MappingNode) or not node.value:
            return self._error(_line(node), f"expected a mapping: {what.format('...')} and so on, not empty")
        seen = set()
        for key, child in node.value:
            name = self._string(key, what)
            if name in seen:
                self._error(_line(key), f"{what.format(name)} appears twice")
            elif name is not None:
                seen.add(name)
                yield name, _line(key), child

    def _strings(self, node: yaml.Node, owner: str) -> list[tuple[str, int]]:
        if not isinstance(node, yaml.SequenceNode):
            self._error(_line(node), f"{owner} needs a list of synonyms; write [] for none")
            return []
        strings = ((self._string(item, f"synonym '{{}}' of {owner}"), _line(item)) for item in node.value)
        return [(text, line) for text, line in strings if text is not None]

    def _string(self, node: yaml.Node, what: str) -> str | None:
        text = node.value if isinstance(node, yaml.ScalarNode) else "..."
        if node.tag != _STR:
            self._error(_line(node), f"{what.format(text)} is not text; put it in quotes")
        elif not text or text != text.strip():
            self._error(_line(node), f"{what.format(text)} is empty or has white space around it")
        elif FORBIDDEN.search(text):
            self._error(_line(node), f"{what.format(text)} may not contain any of | ; = , {{ }} or a new line")
        else:
            return str(text)
        return None

    def _error(self, line: int, reason: str) -> None:
        self.errors.add((line, " ".join(reason.split())))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
