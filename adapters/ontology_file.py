"""Reads the ontology's YAML file and reports every mistake in it by line. Called by `adapters.ontology` alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from adapters.errors import ShopLoraError
from adapters.words import phrase_key

SECTIONS = ("version", "taxonomy", "attributes", "aspects", "use_cases")
OPTIONAL = ("attributes_of", "compounds", "hints")
KEYWORDS = "keywords"  # the words of a query's exclusions that name no value stand under this name
PATH = " > "  # between the levels of a path
MAX_DEPTH = 4
FORBIDDEN = re.compile(r"[|;=,{}\n\r]")
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


class Reader:
    """Walks the YAML nodes, which have line numbers, and collects content and errors, (line, reason)."""

    def __init__(self) -> None:
        self.errors: set[tuple[int, str]] = set()
        self.categories: dict[str, Category] = {}
        self.attributes: dict[str, Attribute] = {}
        self.names: dict[str, tuple[str, ...]] = {"aspects": (), "use_cases": ()}
        self.phrases: dict[tuple[str, str], tuple[str, ...]] = {}
        self.lexicons: dict[str, dict[str, str]] = {"taxonomy": {}}
        self.attributes_of: dict[tuple[str, ...], frozenset[str]] = {}
        self.compounds: set[str] = set()
        self.hints: dict[str, tuple[str, ...]] = {}

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
            elif section not in OPTIONAL:
                self._error(line, f"unknown section '{section}'; known are {', '.join(SECTIONS + OPTIONAL)}")
        for section in SECTIONS:
            if section not in sections:
                self._error(1, f"section '{section}' is missing")
        if "attributes_of" in sections:
            self._attributes_of(sections["attributes_of"][1])
        if "compounds" in sections:
            self.compounds = {phrase_key(text) for text, _ in self._strings(sections["compounds"][1], "'compounds'")}
        if "hints" in sections:
            self._hints(sections["hints"][1])
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

    def _attributes_of(self, node: yaml.Node) -> None:
        levels = {c.path[:depth] for c in self.categories.values() for depth in range(1, len(c.path) + 1)}
        for name, line, child in self._entries(node, "'{}' in attributes_of"):
            level = tuple(part.strip() for part in name.split(PATH.strip()))
            names = self._strings(child, f"'{name}' in attributes_of")
            if level not in levels:
                self._error(line, f"'{name}' is no department, group or leaf; write a path as 'Home{PATH}Decor'")
            for attribute, its_line in names:
                if attribute not in self.attributes:
                    self._error(its_line, f"'{attribute}' is not an attribute of this file")
            self.attributes_of[level] = frozenset(attribute for attribute, _ in names)

    def _hints(self, node: yaml.Node) -> None:
        for name, line, child in self._entries(node, "leaf '{}' in hints"):
            self.hints[name] = tuple(text for text, _ in self._strings(child, f"'{name}' in hints"))
            if name not in self.categories:
                self._error(line, f"'{name}' in hints is no leaf of the taxonomy")

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
            self._error(_line(node), f"{owner} needs a list; write [] for none")
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
