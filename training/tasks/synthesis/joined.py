"""Reviews joined from real ones: a complaint and praise of the same source in one text. Called by
`training.tasks.extract`, which gives only texts that are held out nowhere."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from adapters.ontology import Ontology
from adapters.tasks import extract
from training.examples import Example
from training.public.reviews import ProsCons
from training.tasks.review_labels import labels_of, overall_of_signs

LONGEST = 28  # words of a piece
LISTS = "pros-cons"
# `{0}` and `{1}` are the pieces, the first praise in one half and a complaint in the other.
_PRAISE_FIRST = (
    "{0} but {1} | {0}, but {1} | {0}. However, {1} | Although {0}, {1} | {0}, although {1} | "
    "{0}. Only complaint: {1} | "
    "{0}. My only gripe: {1} | {0}. On the downside, {1} | While {0}, {1} | {0}. That said, {1} | {0}, yet {1} | "
    "{0}. {1} | {0}; {1} | {0} - {1} | {0}. Unfortunately, {1} | {0}. The bad: {1} | {0}, though {1} | "
    "{0}. Downside: {1} | Good: {0}. Bad: {1} | {0}. Then again, {1} | Pros: {0}. Cons: {1} | "
    "{0}. Having said that, {1} | {0}. {1}"
).split(" | ")
_COMPLAINT_FIRST = (
    "{0} but {1} | {0}, but {1} | {0}. However, {1} | Even though {0}, {1} | {0}, although {1} | "
    "{0}. On the plus side, {1} | {0}. On the bright side, {1} | {0}. Still, {1} | {0}. {1} | {0}; {1} | {0} - {1} | "
    "Cons: {0}. Pros: {1} | Bad: {0}. Good: {1} | {0}, otherwise {1} | {0}. At least {1} | {0}. {1}"
).split(" | ")
_SAME_SIGN = "{0} and {1} | {0}, {1} | {0}. {1} | {0}. Also, {1} | {0}; {1} | {0}. And {1}".split(" | ")


def mixed(pieces: Iterable[Example], count: int, ontology: Ontology, rng: random.Random) -> Iterator[Example]:
    """`count` examples, two thirds of them of both signs, in both orders; the others keep the sign of their pieces.

    Only short examples of one sign are taken whose whole line is known; both pieces are of one source.
    """
    short = [e for e in pieces if e.known_fields is None and 1 < len(e.request.review.split()) <= LONGEST]
    groups: dict[tuple[str, str], list[Example]] = {}
    for example in short:
        signs = {aspect.sentiment for aspect in example.labels.aspects}
        if len(signs) == 1 and 1 <= len(example.labels.aspects) <= 3:
            groups.setdefault((example.source, signs.pop()), []).append(example)
    sources = sorted(
        {source for source, _ in groups if (source, "negative") in groups and (source, "positive") in groups}
    )
    made = 0
    while made < count and sources:
        source = rng.choice(sources)
        first, second = (
            rng.choice(("positive", "negative")),
            rng.choice(("positive", "negative", "contrary", "contrary")),
        )
        if second == "contrary":
            second = "negative" if first == "positive" else "positive"
        joined = _joined(rng.choice(groups[source, first]), rng.choice(groups[source, second]), ontology, rng)
        if joined:
            made += 1
            yield joined


def _joined(first: Example, second: Example, ontology: Ontology, rng: random.Random) -> Example | None:
    """One example of two, None if the line of both does not fit the text of both."""
    signs = [{"positive": 1, "negative": -1}[e.labels.aspects[0].sentiment] for e in (first, second)]
    templates = _SAME_SIGN if signs[0] == signs[1] else _PRAISE_FIRST if signs[0] > 0 else _COMPLAINT_FIRST
    text = rng.choice(templates).format(*(e.request.review.strip(" .!,;") for e in (first, second)))
    aspects = [*first.labels.aspects, *second.labels.aspects]
    labels = extract.Labels(
        overall_sentiment=overall_of_signs([1 if a.sentiment == "positive" else -1 for a in aspects]),
        mentions_difficulty=first.labels.mentions_difficulty or second.labels.mentions_difficulty,
        use_case=first.labels.use_case or second.labels.use_case,
        aspects=aspects,
    )
    request = extract.Request(review=text)
    fits = extract.TASK.read(extract.TASK.encode(labels), request, ontology) == labels
    return Example("train", first.source, request, labels) if fits and first is not second else None


def lists(lines: Iterable[ProsCons], count: int, ontology: Ontology, rng: random.Random) -> Iterator[Example]:
    """`count` partial examples: real lists of what is good, of what is bad, or of both, as people head them."""
    good: list[str] = []
    bad: list[str] = []
    for line in lines:
        if 2 <= len(line.text.split()) <= LONGEST:
            (good if line.sentiment == "positive" else bad).append(line.text.strip(" .!,;"))
    for i in range(count):
        praise, blame = rng.choice(good), rng.choice(bad)
        headed: Sequence[tuple[str, str]] = (
            (f"Pros: {praise}. Cons: {blame}.", "mixed"),
            (f"Cons: {blame}. Pros: {praise}.", "mixed"),
            (f"The good: {praise}. The bad: {blame}.", "mixed"),
            (f"Pros: {praise}.", "positive"),
            (f"Cons: {blame}.", "negative"),
        )
        text, sentiment = headed[i % len(headed)]
        request = extract.Request(review=text)
        yield Example("train", LISTS, request, labels_of(text, sentiment, ontology), known_fields=3)
