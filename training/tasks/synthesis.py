"""Made-up examples for what the public data does not label, by plain templates.

A third of the taxonomy's leaves are in no public title; QueryNER has keyword queries only, hence no
sentences, silhouettes and few prices; DMASTE tells no use case and no difficulty. Each function
fills templates with the ontology's words and says the labels that it filled in. Nothing here is
taken from a data set; the README's own examples never come out.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

from adapters.ontology import Ontology
from adapters.tasks import classify, extract, rewrite
from training.text import is_acceptance

_TITLES = (
    "{brand} {color} {type}",
    "{brand} {gender} {color} {type}",
    "{brand} {type} {model}",
    "{brand} {model} {type} {measure}",
    "{type} {color} {gender}",
    "{type} {measure} {color}",
    "{feature} {material} {type}",
    "{brand} {feature} {type} {measure} {color}",
    "{color} {material} {type} {gender}",
    "{brand} {pattern} {type} {gender}",
    "{gender} {type} {color} {measure}",
    "{brand} {material} {type} with {feature} {measure}",
    "{type} {brand} {condition}",
    "{type} for {occasion} {color}",
    "{measure} {type} {material}",
)
_SYLLABLES = (
    "ver",
    "mo",
    "lan",
    "tek",
    "ora",
    "sun",
    "kin",
    "dal",
    "fex",
    "bri",
    "zu",
    "nor",
    "el",
    "pra",
    "vis",
    "hol",
    "ami",
    "gre",
    "sto",
    "qua",
)
_MEASURES = (
    "{n} pack",
    "pack of {n}",
    "{n}pcs",
    "set of {n}",
    "{n} oz",
    "{n}oz",
    "{n} ml",
    "XL",
    "{n}ml",
    "{n} inch",
    '{n}"',
    "{n} cm",
    "{n}x{n}",
    "{n} count",
    "{n}L",
    "{n}kg",
    "size {n}",
    "{n} ft",
    "{n}W",
    "{n}pk",
)
_GENDERS = {
    "men": ("men", "mens", "men's", "gents", "for him"),
    "boys": ("boys", "boy's"),
    "women": ("women", "womens", "women's", "ladies", "for her"),
    "girls": ("girls", "girl's"),
    "unisex": ("unisex",),
}
_TYPOS = 0.1  # of the titles have one letter dropped, doubled or swapped with the next


def titles(ontology: Ontology, each: int, seed: int) -> Iterator[tuple[str, classify.Labels]]:
    """At most `each` pairs of a title and its labels for every leaf of the taxonomy."""
    rng = random.Random(seed)
    for leaf in ontology.categories:
        for _ in range(each):
            title, labels = title_of(leaf, ontology, rng)
            named = ontology.category_in(title)
            if named and named.name == leaf and not is_acceptance(title):
                yield _mistyped(title, rng) if rng.random() < _TYPOS else title, labels


def title_of(leaf: str, ontology: Ontology, rng: random.Random) -> tuple[str, classify.Labels]:
    """A title that has one of the leaf's names, and its labels."""
    said: list[str] = []
    attributes: dict[str, str] = {}
    for token in rng.choice(_TITLES).split():
        slot = token.strip("{}")
        if slot == token:
            said.append(token)
        elif slot == "type":
            said.append(rng.choice([leaf, *ontology.categories[leaf].synonyms]))
        elif slot == "brand":
            said.append("".join(rng.choices(_SYLLABLES, k=rng.randint(1, 3))).title())
        elif slot == "model":
            said.append(f"{rng.choice('ABCGHKMSTX')}{rng.choice('DLRX')}{rng.randint(2, 999)}")
        elif slot == "measure":
            said.append(rng.choice(_MEASURES).replace("{n}", str(rng.randint(1, 60))))
        elif slot == "gender":
            attributes["gender"] = rng.choice(list(_GENDERS))
            said.append(rng.choice(_GENDERS[attributes["gender"]]))
        else:
            value = rng.choice(ontology.attributes[slot].values)
            said.append(_worded(slot, value, ontology, rng))
            if slot == "color":
                attributes["color"] = value
    title = " ".join(said)
    title = rng.choice((title.lower(), string.capwords(title), title))
    return title, classify.Labels(category=leaf, attributes=attributes)


def _worded(attribute: str, value: str, ontology: Ontology, rng: random.Random) -> str:
    phrases = [p for p in ontology.phrases(attribute, value) if not p.startswith("for ")]
    return rng.choice([value, *phrases])


def _mistyped(title: str, rng: random.Random) -> str:
    place = rng.randrange(len(title) - 1)
    first, second = title[place], title[place + 1]
    typed = rng.choice((second, first + first + second, second + first))
    return title[:place] + typed + title[place + 2 :]


# `{slot}` is filled and labelled; the words around it are `other`, those inside [] join the phrase.
_QUERIES = (
    "something {color} and {shape} [for a {occasion}]",
    "something {color} [for a {occasion}]",
    "something {shape} in {color}",
    "a {shape} {type} i can wear [to a {occasion}]",
    "i need a {color} {type} [for {department}]",
    "looking for {material} {type} {price}",
    "{color} {type} {price}",
    "{type} [for {department}] {price}",
    "{shape} {type} [for {department}]",
    "show me {pattern} {type} in {color}",
    "do you have {type} made of {material}",
    "{condition} {type} {price}",
    "what can i wear [to a {occasion}] that is {color}",
    "{feature} {type} [for {department}] {price}",
    "{color} {shape} {type}",
    "{occasion} {type} {price}",
    "{type} in {color} or {color}",
    "cozy {color} {type} [for {season}]",
    "{size} {color} {type} [for {department}]",
    "gift [for {department}] {price}",
)
_PRICES = (
    "under ${n}",
    "under {n} dollars",
    "below {n}",
    "less than ${n}",
    "over ${n}",
    "up to {n} euros",
    "between {n} and {m} dollars",
    "${n}",
    "£{n} or less",
    "cheaper than {n}",
    "max {n} usd",
)
_SLOTS = {
    "color": "color",
    "material": "material",
    "pattern": "modifier",
    "feature": "modifier",
    "occasion": "occasion",
    "season": "occasion",
    "condition": "condition",
    "size": "size",
    "shape": "shape",
    "department": "department",
    "type": "type",
}
_ATTRIBUTES = {"shape": "silhouette", "department": "gender"}


def queries(ontology: Ontology, count: int, seed: int) -> Iterator[tuple[str, list[str]]]:
    """`count` pairs of a query and its labels, one a word."""
    rng = random.Random(seed)
    made = 0
    while made < count:
        words, tags = _query(rng.choice(_QUERIES), ontology, rng)
        if not is_acceptance(" ".join(words)):
            yield " ".join(words), tags
            made += 1


def _query(template: str, ontology: Ontology, rng: random.Random) -> tuple[list[str], list[str]]:
    words: list[str] = []
    tags: list[str] = []
    inside: str | None = None  # the label that a bracketed phrase has or waits for
    pending = 0  # words of the bracketed phrase that wait for the slot's label
    for token in template.split():
        opens, closes = token.startswith("["), token.endswith("]")
        token = token.strip("[]")
        if opens:
            inside = ""
        if token.startswith("{"):
            label, phrase = _fill(token.strip("{}"), ontology, rng)
            filled = phrase.split()
            if pending:
                tags[-pending:] = [label, *[rewrite.CONTINUES] * (pending - 1)]
                tags += [rewrite.CONTINUES] * len(filled)
            else:
                tags += [label, *[rewrite.CONTINUES] * (len(filled) - 1)]
            words += filled
        else:
            words.append(token)
            tags.append(rewrite.OTHER)
            pending += inside is not None
        if closes:
            inside, pending = None, 0
    return words, tags


def _fill(slot: str, ontology: Ontology, rng: random.Random) -> tuple[str, str]:
    if slot == "price":
        n = rng.choice((5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 150, 200, 300, 500))
        return "price", rng.choice(_PRICES).replace("{n}", str(n)).replace("{m}", str(2 * n))
    if slot == "type":
        name = rng.choice(list(ontology.categories))
        synonyms = ontology.categories[name].synonyms
        return "type", rng.choice([name, *synonyms]).lower()
    attribute = _ATTRIBUTES.get(slot, slot)
    value = rng.choice(ontology.attributes[attribute].values)
    return _SLOTS[slot], _worded(attribute, value, ontology, rng)


_PARTS: dict[str, tuple[str, ...]] = {
    "parts": (
        "handle",
        "strap",
        "zipper",
        "lid",
        "cord",
        "buttons",
        "cover",
        "hinge",
        "wheels",
        "seat",
        "sole",
        "cap",
        "clasp",
        "blade",
        "pocket",
        "lens",
        "band",
        "stand",
    ),
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
    made = 0
    while made < count:
        review, labels = _review(ontology, rng)
        if not is_acceptance(review):
            yield review, labels
            made += 1


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
    said = rng.choice(_USE_WORDS.get(use) or ontology.phrases("use_cases", use) or (use,))
    said = said.removeprefix("for ").removeprefix("as ").removeprefix("at ")
    template = rng.choice(_USES)
    opinion = template.split()[0] if template.split()[0] not in ("i", "bought", "works") else None
    return template.replace("{use}", said), opinion


def _aspect(part: str | None, category: str, sentiment: str, opinion: str) -> dict[str, Any]:
    return {"aspect": part, "category": category, "sentiment": sentiment, "opinion": extract.as_span(opinion)}


def _overall(signs: list[int]) -> Literal["positive", "negative"]:
    """As shoppers read it: the first clause is the verdict; a draw after it stays positive."""
    total = sum(signs) + 0.5 * signs[0]
    return "positive" if total > 0 else "negative"
