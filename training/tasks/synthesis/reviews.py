"""Generates short reviews with their labels. Called by `training.tasks.extract`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

from adapters.ontology import Ontology
from adapters.tasks import extract
from training.tasks.synthesis import take

# What reviews judge by category: its names, then good and bad opinions of it.
_JUDGED = {
    "parts": (
        "handle, strap, zipper, lid, cord, buttons, cover, hinge, wheels, seat, sole, "
        "cap, clasp, blade, pocket, lens, band, stand",
        "comfortable, sturdy, solid, smooth, well made",
        "uncomfortable, flimsy, painful, slippery, loose, hard to grip, too short, stiff, weak, awkward",
    ),
    "battery": ("battery, battery life, charge", "long lasting, great, reliable", "weak, disappointing, terrible"),
    "sound": ("sound, bass, volume, speaker", "clear, rich, great", "tinny, weak, muffled"),
    "price": ("price, cost", "great, fair, unbeatable", "too high, ridiculous, steep"),
    "quality": ("quality, build quality, construction", "excellent, solid, superb", "poor, cheap, disappointing"),
    "appearance": ("look, finish", "beautiful, elegant, lovely", "ugly, cheap, dull"),
    "fit": ("fit", "perfect, true to size, great", "too tight, loose, awful"),
    "size": ("size", "perfect, just right", "too small, too big, wrong"),
    "material": ("fabric, material, leather", "soft, durable, thick", "scratchy, thin, itchy"),
    "smell": ("scent, smell", "lovely, fresh, pleasant", "overpowering, awful, chemical"),
    "taste": ("taste, flavor", "delicious, rich, fresh", "bland, bitter, stale"),
    "texture": ("texture", "smooth, creamy", "gritty, sticky, greasy"),
    "delivery": ("shipping, delivery", "fast, prompt, quick", "slow, late"),
    "packaging": ("packaging, box", "secure, beautiful", "damaged, flimsy, torn"),
    "service": ("customer service, seller", "helpful, friendly", "rude, useless, unresponsive"),
}
_USES = (
    "great for {use} | perfect for {use} | good for {use} | i use it for {use} | bought this for {use} | "
    "ideal for {use} | works well for {use} | wonderful for {use}"
).split(" | ")
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
    "after 20 minutes | after an hour | after a few weeks | after two washes | at first | after 10 minutes | "
    "by the end of the day | when it is cold | after a month"
).split(" | ")
_HARD = (
    "it is hard to use | took me hours to figure out | difficult to put together | very hard to clean | "
    "the instructions are confusing | struggled to set it up | complicated to install | impossible to open | "
    "not easy to assemble | hard to get the hang of"
).split(" | ")
_EASY = (
    "easy to use | simple to set up | no trouble putting it together | easy to clean | took two minutes to install | "
    "very simple to assemble"
).split(" | ")


def reviews(ontology: Ontology, count: int, seed: int) -> Iterator[tuple[str, extract.Labels]]:
    """`count` pairs of a short review and its labels."""
    rng = random.Random(seed)
    return take(count, lambda: _review(ontology, rng))


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
        parts, good_words, bad_words = (texts.split(", ") for texts in rng.choice(list(_JUDGED.values())))
        part, opinion = rng.choice(parts), rng.choice(good_words if good else bad_words)
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
