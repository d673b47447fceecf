"""Generates short reviews with their labels: praise, complaints and negations of both, in many kinds of goods.

The constructions are in `reviews.yaml`, the goods in `goods.yaml`, the words that judge their parts in `scales.yaml`.
Called by `training.tasks.extract`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from adapters.ontology import Ontology
from adapters.tasks import extract
from adapters.tasks.reviews import as_span
from training.tasks.review_labels import overall_of_signs
from training.tasks.synthesis import take

VERDICT = 2  # what "great for beginners" weighs beside a complaint of a part
_SLOT = re.compile(r"{(\w+)}")
_AGREEMENT = {"is": "are", "isn't": "aren't", "doesn't": "don't", "has": "have", "needs": "need", "leaves": "leave"}


@dataclass
class Clause:
    """A clause in lower case and its sign; `weight` is its part of the overall sentiment if only parts are blamed."""

    text: str
    sign: int = 0
    weight: int = 1
    aspects: list[dict[str, Any]] = field(default_factory=list)

    @property
    def has_part(self) -> bool:
        return any(aspect["aspect"] for aspect in self.aspects)


@cache
def _table(name: str) -> Any:
    return yaml.safe_load(Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8"))


def reviews(ontology: Ontology, count: int, seed: int) -> Iterator[tuple[str, extract.Labels]]:
    """`count` pairs of a short review and its labels."""
    rng = random.Random(seed)
    return take(count, lambda: _review(ontology, rng))


def _review(ontology: Ontology, rng: random.Random) -> tuple[str, extract.Labels]:
    goods = _table("goods")[rng.choice(list(_table("goods")))]
    clauses: list[Clause] = []
    use, hard = None, False
    if rng.random() < 0.3:
        words_of = _table("reviews")["use_words"]
        use = rng.choice(list(words_of) if rng.random() < 0.6 else list(ontology.use_cases))
        clauses.append(_use_clause(use, ontology, rng))
    if rng.random() < 0.15:
        hard = rng.random() < 0.6
        clauses.append(_clause("hard" if hard else "easy", -1 if hard else 1, goods, ontology, rng))
    if rng.random() < 0.05 and not clauses:
        clauses.append(_clause("neutral", 0, goods, ontology, rng))
    else:
        first = rng.choice((1, -1))
        for _ in range(rng.choice((0, 1, 1, 2)) if clauses else rng.choice((1, 1, 2, 2, 3))):
            sign = first if rng.random() < 0.6 else -first
            clauses.append(_clause("praise" if sign > 0 else "complaint", sign, goods, ontology, rng))
    if rng.random() < 0.2:
        clauses.insert(0, _clause("facts", 0, goods, ontology, rng))
    text = clauses[0].text
    for before, now in pairwise(clauses):
        turn = "contrast" if now.sign < before.sign else "bright" if now.sign > before.sign else "continued"
        turn = turn if before.sign and now.sign else "facts"
        text += (". " if turn == "facts" else rng.choice(_table("reviews")[turn])) + now.text
    blames_whole = any(clause.sign < 0 and not clause.has_part for clause in clauses)
    signs = [c.sign for c in clauses for _ in range(1 if blames_whole else c.weight)]
    return text + rng.choice(("", ".", "!")), extract.Labels(
        overall_sentiment=overall_of_signs(signs),
        mentions_difficulty=hard,
        use_case=use,
        aspects=[extract.Aspect.model_validate(aspect) for clause in clauses for aspect in clause.aspects],
    )


def _clause(kind: str, sign: int, goods: dict[str, Any], ontology: Ontology, rng: random.Random) -> Clause:
    """A clause of one of the kinds in `reviews.yaml`, filled with words of the goods."""
    part = rng.choice(list(goods["parts"]))
    scale = _table("scales")[goods["parts"][part]]
    fault = rng.choice(goods["faults"])
    first, _, rest = fault.partition(" ")
    third = first + ("es" if first.endswith(("s", "sh", "ch", "x")) else "s") + (f" {rest}" if rest else "")
    own = {"part": [part], "thing": goods["things"], "do": goods["does"], "fault": [fault], "faults": [third]}
    template = rng.choice(_templates(kind, rng))
    words = _table("reviews")["words"] | (scale if "<{part}>" in template else {}) | own
    text = _SLOT.sub(lambda match: str(rng.choice(words[match[1]])), template)
    if "<" in text and part.endswith("s") and not part.endswith("ss"):
        text = re.sub(r"[\w']+", lambda match: _AGREEMENT.get(match[0], match[0]), text)
    if sign < 0 and "<{part}>" in template and text.endswith("]") and rng.random() < 0.25:
        text += f" {rng.choice(_table('reviews')['after'])}"
    return _parsed(re.sub(r"\ba (\W?[aeiou])", r"an \1", text), sign, ontology)


def _templates(kind: str, rng: random.Random) -> list[str]:
    listed = _table("reviews")[kind]
    if isinstance(listed, dict):
        listed = listed[rng.choice(list(listed))]
    return [template for line in listed for template in line.split(" | ")]


def _parsed(text: str, sign: int, ontology: Ontology) -> Clause:
    """The clause of a filled template: `<part>` and `[opinion]`, in which a part may stand."""
    part = re.search(r"<(.*?)>", text)
    bare = re.sub(r"[<>]", "", text)
    opinion = re.search(r"\[(.*?)\]", bare)
    clause = Clause(re.sub(r"[\[\]]", "", bare), sign)
    if opinion:
        span, of = as_span(opinion[1]), part and as_span(part[1])
        sentiment = {1: "positive", -1: "negative", 0: "neutral"}[sign]
        category = extract.category_of(of, span, ontology)
        clause.aspects = [{"aspect": of, "category": category, "sentiment": sentiment, "opinion": span}]
    return clause


def _use_clause(use: str, ontology: Ontology, rng: random.Random) -> Clause:
    phrase = rng.choice(_table("reviews")["use_words"].get(use) or ontology.phrases("use_cases", use) or (use,))
    for word in ("for ", "as ", "at "):
        phrase = phrase.removeprefix(word)
    clause = _parsed(rng.choice(_templates("use", rng)).replace("{use}", phrase), 1, ontology)
    clause.weight = VERDICT
    return clause
