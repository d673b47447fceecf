"""Classify: a supplier's title becomes a category of the taxonomy and attributes.

The prompt offers the leaves that the title's words point at. The line is `leaf; color; gender` in lower case, with `-`
for an unknown value or where no leaf fits: `shirts; navy blue; men`. The path follows from the leaf. Attributes that
the text states (material, pattern ...) are looked up in the ontology, not written by the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field

from adapters.brands import brand_of
from adapters.candidates import candidates
from adapters.confidence import Completion
from adapters.manifest import Calibration
from adapters.ontology import Ontology
from adapters.tasks.contract import SEPARATOR, Answered, Decided, LineError, Message, Strict, Task, limit, one_of

DECIDED = ("color", "gender")  # written by the model, in this order
STATED = ("material", "pattern", "sleeve", "neckline", "closure", "size")  # looked up in the text
UNKNOWN = "-"
UNISEX = "unisex"


class Request(Strict):
    title: Annotated[str, limit(300)] = Field(description="the title as the supplier wrote it")
    description: Annotated[str, limit(1000)] | None = None
    brand: Annotated[str, limit(100)] | None = None


class Category(Strict):
    id: str
    path: list[str]


class Answer(Answered):
    category: Category | None = Field(description="null if no category of the taxonomy fits")
    brand: str | None = Field(description="as given, else of the shop's list, else read from the title if it is clear")
    attributes: dict[str, str] = Field(description="of those that goods of this category have")


class Labels(Strict):
    category: str | None = Field(description="a leaf's name; null if no leaf fits")
    attributes: dict[str, str] = Field(default_factory=dict)


@lru_cache(maxsize=4)
def _leaves(ontology: Ontology) -> dict[str, str]:
    return {name.lower(): name for name in ontology.categories}


def _values(name: str, ontology: Ontology) -> tuple[str, ...]:
    """The values of an attribute in a line; only `-` if the ontology lacks the attribute."""
    return (UNKNOWN, *(ontology.attributes[name].values if name in ontology.attributes else ()))


@lru_cache(maxsize=4)
def _grammar(ontology: Ontology) -> str:
    slots = " ".join(f'"{SEPARATOR}" {name}' for name in DECIDED)
    rules = [f"{name} ::= {one_of(_values(name, ontology))}" for name in DECIDED]
    return "\n".join([f"root ::= leaf {slots}", f"leaf ::= {one_of([UNKNOWN, *_leaves(ontology)])}", *rules])


class Classify(Task[Request, Labels]):
    name = "classify"
    summary = "A product title to a category of the taxonomy and its attributes"
    request = Request
    labels = Labels
    answer = Answer
    example = {"title": "Turtle Check Men Navy Blue Shirt"}

    def prompt(self, request: Request, ontology: Ontology) -> list[Message]:
        leaves = "; ".join(candidates(request.title, ontology))
        lines = [
            request.title,
            request.brand and f"brand: {request.brand}",
            request.description,
            leaves and f"maybe: {leaves}",
        ]
        return [
            {"role": "system", "content": "Classify the product: category; color; gender."},
            {"role": "user", "content": "\n".join(filter(None, lines)).lower()},
        ]

    def encode(self, labels: Labels) -> str:
        values = [labels.attributes.get(name, UNKNOWN) for name in DECIDED]
        return SEPARATOR.join([(labels.category or UNKNOWN).lower(), *values])

    def decode(self, line: str, request: Request, ontology: Ontology) -> Labels:
        leaf, *values = line.split(SEPARATOR)
        names = _leaves(ontology)
        attributes = dict(zip(DECIDED, values, strict=False))
        are_known = all(value in _values(name, ontology) for name, value in attributes.items())
        if leaf not in (UNKNOWN, *names) or len(values) != len(DECIDED) or not are_known:
            raise LineError(f"not a category and its {', '.join(DECIDED)}: {line!r}")
        return Labels(category=names.get(leaf), attributes={n: v for n, v in attributes.items() if v != UNKNOWN})

    def grammar(self, request: Request, ontology: Ontology) -> str:
        return _grammar(ontology)

    def expand(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, Any]:
        leaf = ontology.categories[labels.category] if labels.category else None
        properties = [match[:2] for match in ontology.properties_in(request.title)]
        attributes = {
            name: value
            for name, value in labels.attributes.items()
            if (name, value) in properties or not ontology.mentions(name, value, request.title)
        }
        if len({value for name, value in properties if name == "gender"}) > 1:
            attributes["gender"] = UNISEX
        properties += [match[:2] for match in ontology.properties_in(request.description or "")]
        for name, value in properties:
            if name in STATED:
                attributes.setdefault(name, value)
        return {
            "category": leaf and Category(id=leaf.id, path=list(leaf.path)),
            "brand": brand_of(request.title, request.brand, ontology),
            "attributes": {n: v for n, v in attributes.items() if leaf is None or ontology.applies(n, leaf)},
        }

    def max_tokens(self, request: Request) -> int:
        return 40

    def decide(
        self, completions: Sequence[Completion], calibration: Calibration, request: Request, ontology: Ontology
    ) -> Decided[Labels]:
        decided = super().decide(completions, calibration, request, ontology)
        is_none = decided.labels is not None and decided.labels.category is None
        return replace(decided, needs_review=True) if is_none else decided

    def decisive(self, line: str) -> str:
        """The leaf."""
        return line.split(SEPARATOR)[0]

    def evidence(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, float]:
        """Whether the title's words point at leaves, and how high the answer's is among them."""
        named = candidates(request.title, ontology)
        if labels.category is None:
            agrees = float(not named)
        else:
            agrees = 1 / (1 + named.index(labels.category)) if labels.category in named else 0.0
        return {"agrees": agrees, "named": float(bool(named)), "none_fits": float(labels.category is None)}

    def doubted(self, labels: Labels, request: Request, ontology: Ontology) -> Labels | None:
        """The leaf that the title names, if it differs from the model's."""
        category = ontology.category_in(request.title)
        if category is None or category.name == labels.category:
            return None
        return labels.model_copy(update={"category": category.name})


TASK = Classify()
