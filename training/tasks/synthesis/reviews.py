"""Generates short reviews with their labels. Called by `training.tasks.extract` and `training.base`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

from adapters.ontology import Ontology
from adapters.tasks import extract
from training.text import is_acceptance

_PART_NAMES = "handle strap zipper lid cord buttons cover hinge wheels seat sole cap clasp blade pocket lens band stand"
_PARTS: dict[str, tuple[str, ...]] = {
    "parts": tuple(_PART_NAMES.split()),
    "battery": ("battery", "battery life", "charge"),
    "sound": ("sound", "bass", "volume", "speaker"),
    "price": ("price", "cost"),
    "quality": ("quality", "build quality", "construction"),
    "appearance": ("look", "finish"),
    "fit": ("fit",),
    "size": ("size",),
    "material": ("fabric", "material", "leather"),
    "smell": ("scent", "smell"),
    "taste": ("taste", "flavor"),
    "texture": ("texture",),
    "delivery": ("shipping", "delivery"),
    "packaging": ("packaging", "box"),
    "service": ("customer service", "seller"),
}
_OPINIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "parts": (
        ("comfortable", "sturdy", "solid", "smooth", "well made"),
        (
            "uncomfortable",
            "flimsy",
            "painful",
            "slippery",
            "loose",
            "hard to grip",
            "too short",
            "stiff",
            "weak",
            "awkward",
        ),
    ),
    "battery": (("long lasting", "great", "reliable"), ("weak", "disappointing", "terrible")),
    "sound": (("clear", "rich", "great"), ("tinny", "weak", "muffled")),
    "price": (("great", "fair", "unbeatable"), ("too high", "ridiculous", "steep")),
    "quality": (("excellent", "solid", "superb"), ("poor", "cheap", "disappointing")),
    "appearance": (("beautiful", "elegant", "lovely"), ("ugly", "cheap", "dull")),
    "fit": (("perfect", "true to size", "great"), ("too tight", "loose", "awful")),
    "size": (("perfect", "just right"), ("too small", "too big", "wrong")),
    "material": (("soft", "durable", "thick"), ("scratchy", "thin", "itchy")),
    "smell": (("lovely", "fresh", "pleasant"), ("overpowering", "awful", "chemical")),
    "taste": (("delicious", "rich", "fresh"), ("bland", "bitter", "stale")),
    "texture": (("smooth", "creamy"), ("gritty", "sticky", "greasy")),
    "delivery": (("fast", "prompt", "quick"), ("slow", "late")),
    "packaging": (("secure", "beautiful"), ("damaged", "flimsy", "torn")),
    "service": (("helpful", "friendly"), ("rude", "useless", "unresponsive")),
}
_USES = (
    "great for {use}",
    "perfect for {use}",
    "good for {use}",
    "i use it for {use}",
    "bought this for {use}",
    "ideal for {use}",
    "works well for {use}",
    "wonderful for {use}",
)
_USE_WORDS = {
    "beginner": ("beginners", "a beginner", "newbies", "someone just starting"),
    "gift": ("a gift", "a birthday present"),
    "kids": ("kids", "my children", "my son"),
    "professional": ("professionals", "my business", "professional use"),
    "seniors": ("seniors", "my elderly mother"),
    "pets": ("my dog", "my cat"),
    "everyday": ("everyday use", "daily use"),
    "small_spaces": ("a small apartment",),
    "sensitive_skin": ("sensitive skin",),
    "home_repair": ("diy", "projects around the house"),
}
_AFTER = (
    "after 20 minutes",
    "after an hour",
    "after a few weeks",
    "after two washes",
    "at first",
    "after 10 minutes",
    "by the end of the day",
    "when it is cold",
    "after a month",
)
_HARD = (
    "it is hard to use",
    "took me hours to figure out",
    "difficult to put together",
    "very hard to clean",
    "the instructions are confusing",
    "struggled to set it up",
    "complicated to install",
    "impossible to open",
    "not easy to assemble",
    "hard to get the hang of",
)
_EASY = (
    "easy to use",
    "simple to set up",
    "no trouble putting it together",
    "easy to clean",
    "took two minutes to install",
    "very simple to assemble",
)


def reviews(ontology: Ontology, count: int, seed: int) -> Iterator[tuple[str, extract.Labels]]:
    """`count` pairs of a short review and its labels."""
    rng = random.Random(seed)
    count_so_far = 0
    while count_so_far < count:
        review, labels = _review(ontology, rng)
        if not is_acceptance(review):
            yield review, labels
            count_so_far += 1


def _review(ontology: Ontology, rng: random.Random) -> tuple[str, extract.Labels]:
    clauses: list[tuple[str, int]] = []  # a clause and its sentiment: 1, -1 or 0
    aspects: list[dict[str, Any]] = []
    use, hard = None, False
    if rng.random() < 0.7:
        use = rng.choice(list(_USE_WORDS) if rng.random() < 0.6 else list(ontology.use_cases))
        clause, opinion = _use_clause(use, ontology, rng)
        clauses.append((clause, 1))
        if opinion:
            aspects.append(_aspect(None, "general", "positive", opinion))
    if rng.random() < 0.3:
        hard = rng.random() < 0.6
        clause = rng.choice(_HARD if hard else _EASY)
        clauses.append((clause, -1 if hard else 1))
        sentiment = "negative" if hard else "positive"
        aspects.append(_aspect(None, "ease_of_use", sentiment, clause))
    for _ in range(rng.randint(0 if len(clauses) > 1 else 1, 2)):
        good = rng.random() < 0.5
        kind = rng.choice(list(_PARTS))
        part, opinion = rng.choice(_PARTS[kind]), rng.choice(_OPINIONS[kind][0 if good else 1])
        verb = "are" if part in ("buttons", "wheels") else "is"
        after = f" {rng.choice(_AFTER)}" if not good and rng.random() < 0.5 else ""
        clauses.append((f"the {part} {verb} {opinion}{after}", 1 if good else -1))
        category = extract.category_of(part, opinion, ontology)
        aspects.append(_aspect(part, category, "positive" if good else "negative", opinion))
    text = clauses[0][0]
    for (_, before), (clause, now) in pairwise(clauses):
        text += (" but " if before != now else rng.choice((" and ", ", ", ". "))) + clause
    return text, extract.Labels(
        overall_sentiment=_overall([sign for _, sign in clauses]),
        mentions_difficulty=hard,
        use_case=use,
        aspects=[extract.Aspect.model_validate(a) for a in aspects],
    )


def _use_clause(use: str, ontology: Ontology, rng: random.Random) -> tuple[str, str | None]:
    phrase = rng.choice(_USE_WORDS.get(use) or ontology.phrases("use_cases", use) or (use,))
    phrase = phrase.removeprefix("for ").removeprefix("as ").removeprefix("at ")
    template = rng.choice(_USES)
    opinion = template.split()[0] if template.split()[0] not in ("i", "bought", "works") else None
    return template.replace("{use}", phrase), opinion


def _aspect(part: str | None, category: str, sentiment: str, opinion: str) -> dict[str, Any]:
    return {"aspect": part, "category": category, "sentiment": sentiment, "opinion": extract.as_span(opinion)}


def _overall(signs: list[int]) -> Literal["positive", "negative"]:
    """As shoppers read it: the first clause is the verdict; a draw after it stays positive."""
    total = sum(signs) + 0.5 * signs[0]
    return "positive" if total > 0 else "negative"
