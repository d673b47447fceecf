"""The shop's own words: taxonomy, attributes, review aspects and use cases, from one YAML file.

Knows how a text names a category, a value, an aspect or a use case, and each mistake in the file.
Knows nothing of tasks, prompts or models. Tasks, training and the server load it once at start.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from adapters.words import fold, phrase_key, phrases_in, words

__all__ = ["SHIPPED", "Attribute", "Category", "Ontology", "OntologyError", "words"]

SHIPPED = Path(__file__).parent / "shipped" / "ontology.yaml"
SECTIONS = ("version", "taxonomy", "attributes", "aspects", "use_cases")
MAX_DEPTH = 4
FORBIDDEN = re.compile(r"[|;=,{}\n\r]")

# The head of "quality of the labels" is "quality".
_PREPOSITIONS = frozenset(["of", "on", "in", "for", "with", "to", "from", "at", "between", "into"])
_STR = "tag:yaml.org,2002:str"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class OntologyError(ValueError):
    """The file's mistakes, one a line: `ontology.yaml:12: reason`."""

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
    """What the shop sells and how it speaks of it; lookups ignore case, hyphens and plural s."""

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
        """Reads `path`, or the shipped file; raises OntologyError with every mistake in it."""
        path = SHIPPED if path is None else Path(path)
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
            _values={key: tuple(named) for key, named in values.items()},
            _longest=max(len(key.split()) for known in reader.lexicons.values() for key in known),
        )

    def phrases(self, kind: str, name: str) -> tuple[str, ...]:
        """Synonyms of a value, aspect or use case; `kind`: an attribute, `aspects`, `use_cases`."""
        return self._phrases[kind, name]

    def value(self, attribute: str, text: str) -> str | None:
        """The canonical value that `text`, a value or a synonym, names."""
        lexicon = self._lexicons[attribute] if attribute in self.attributes else {}
        return lexicon.get(phrase_key(text))

    def values_in(self, text: str) -> list[tuple[str, str, int, int]]:
        """(attribute, value, first word, word after the last) as named in the text, by start."""
        found = [
            (attribute, value, start, end)
            for key, start, end in phrases_in(text, self._longest)
            for attribute, value in self._values.get(key, ())
        ]
        taken: set[tuple[str, int]] = set()
        kept = []
        for match in sorted(found, key=lambda match: match[2] - match[3]):
            cells = {(match[0], word) for word in range(match[2], match[3])}
            if taken.isdisjoint(cells):
                taken |= cells
                kept.append(match)
        return sorted(kept, key=lambda match: (match[2], match[3]))

    def aspect_of(self, term: str | None) -> str:
        """The aspect a review's aspect term is about; `general` for implicit and unknown ones."""
        return self._aspect(term or "") or "general"

    def _aspect(self, term: str) -> str | None:
        lexicon = self._lexicons["aspects"]
        all_words = words(term)
        if (aspect := lexicon.get(phrase_key(term))) or not all_words:
            return aspect
        after = (i for i, word in enumerate(all_words) if i and word in _PREPOSITIONS)
        if aspect := lexicon.get(fold(all_words[next(after, len(all_words)) - 1])):
            return aspect
        named = [lexicon[key] for word in reversed(all_words) if (key := fold(word)) in lexicon]
        return min(named, key=lambda aspect: aspect == "general", default=None)

    def use_case_in(self, text: str) -> str | None:
        """The use case named in the text: the longest phrase, of equal ones the first."""
        found = self._named(text, "use_cases")
        return max(found, key=lambda match: match[1] - match[0])[2] if found else None

    def category_in(self, text: str) -> Category | None:
        """The leaf named in the text: the longest phrase, of equal ones the last (head noun)."""
        found = self._named(text, "taxonomy")
        best = max(found, key=lambda match: (match[1] - match[0], match[0]), default=None)
        return self.categories[best[2]] if best else None

    def _named(self, text: str, kind: str) -> list[tuple[int, int, str]]:
        lexicon = self._lexicons[kind]
        spans = phrases_in(text, self._longest)
        return [(start, end, lexicon[key]) for key, start, end in spans if key in lexicon]


class _Reader:
    """Walks the YAML nodes, which know their lines, and gathers content and errors."""

    def __init__(self) -> None:
        self.errors: set[tuple[int, str]] = set()
        self.categories: dict[str, Category] = {}
        self.ids: set[str] = set()
        self.attributes: dict[str, Attribute] = {}
        self.names: dict[str, tuple[str, ...]] = {"aspects": (), "use_cases": ()}
        self.phrases: dict[tuple[str, str], tuple[str, ...]] = {}
        self.lexicons: dict[str, dict[str, str]] = {"taxonomy": {}}

    def read(self, content: bytes) -> None:
        root = self._compose(content)
        if root is None:
            return
        found = {key: (line, node) for key, line, node in self._entries(root, "section '{}'")}
        for section, (line, node) in found.items():
            if section == "version":
                if node.value != "1":
                    self._error(line, "'version' must be 1")
            elif section == "taxonomy":
                self._taxonomy(node, ())
            elif section == "attributes":
                for name, line, values in self._entries(node, "attribute '{}'"):
                    if name in SECTIONS:
                        self._error(line, f"attribute '{name}' may not bear a section's name")
                    names = self._lexicon(name, values, f"value '{{}}' of attribute '{name}'")
                    self.attributes[name] = Attribute(name, names)
            elif section in self.names:
                what = section[:-1].replace("_", " ") + " '{}'"
                self.names[section] = self._lexicon(section, node, what)
            else:
                self._error(line, f"unknown section '{section}'; known are {', '.join(SECTIONS)}")
        for section in SECTIONS:
            if section not in found:
                self._error(1, f"section '{section}' is missing")
        if self.names["aspects"] and "general" not in self.names["aspects"]:
            self._error(found["aspects"][0], "aspect 'general' is missing")

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
        if slug in self.ids:
            self._error(line, f"leaf '{name}' appears twice")
        else:
            self.ids.add(slug)
            self.categories[name] = Category(slug, name, path, tuple(text for text, _ in synonyms))
            self._add("taxonomy", name, "leaf '{}'", [(name, line), *synonyms])

    def _lexicon(self, kind: str, node: yaml.Node, what: str) -> tuple[str, ...]:
        names = []
        self.lexicons[kind] = {}
        for name, line, child in self._entries(node, what):
            synonyms = self._strings(child, what.format(name))
            self.phrases[kind, name] = tuple(text for text, _ in synonyms)
            names.append(name)
            plain = name.replace("_", " ") if kind in self.names else name
            self._add(kind, name, what, [(plain, line), *synonyms])
        return tuple(names)

    def _add(self, kind: str, name: str, what: str, named: list[tuple[str, int]]) -> None:
        lexicon = self.lexicons[kind]
        for text, line in named:
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
        found = ((self._string(item, f"synonym '{{}}' of {owner}"), _line(item)) for item in node.value)
        return [(text, line) for text, line in found if text is not None]

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
