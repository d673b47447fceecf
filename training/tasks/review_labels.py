"""Labels of extract for public reviews: what a data set states, and by rules what it does not.

The rules give the category, the difficulty, the use case, and opinion words where only targets are labelled. Called by
`training.tasks.extract`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from adapters import sentiment
from adapters.ontology import Ontology
from adapters.tasks import extract
from adapters.tasks.reviews import as_span
from adapters.words import words
from training.public.readers import Review, Triplet

REACH = 7  # words between a target and its opinion, at most
Overall = Literal["positive", "negative", "neutral", "mixed"]
# The aspect of OATS' categories that say more than that it is food.
CATEGORIES = {
    "food prices": "price",
    "amazon prices": "price",
    "shipment prices": "price",
    "shipment quality": "packaging",
    "shipment delivery": "delivery",
}
_DIFFICULT = re.compile(
    r"\b(?:hard|difficult|tricky|impossible|tough|complicated|struggl\w+|pain) to\b|\bconfusing\b|"
    r"\bdifficult\b|\bcomplicated\b|\bfrustrat\w+|\bstruggl\w+|\bnot (?:so |very )?easy\b|"
    r"\bcouldn'?t figure\b|\btrouble (?:with|getting|using)\b"
)
_NOT_DIFFICULT = re.compile(
    r"\b(?:not|isn'?t|wasn'?t|never|no)(?: \w+)? (?:hard|difficult|complicated|confusing|trouble)\b"
)


def is_difficult(review: str) -> bool:
    """A rule for what no data set labels: whether the review says that something is hard to do."""
    return bool(_DIFFICULT.search(_NOT_DIFFICULT.sub(" ", review.lower())))


def overall_of(triplets: Iterable[Triplet]) -> Overall:
    """The overall sentiment by the signs of the triplets."""
    return overall_of_signs([{"positive": 1, "negative": -1}.get(t.sentiment, 0) for t in triplets])


def overall_of_signs(signs: Sequence[int]) -> Overall:
    """The majority of the signs 1 and -1; mixed if the minority is over half of it."""
    count = Counter(signs)
    good, bad = count[1], count[-1]
    if good and bad and 2 * min(good, bad) > max(good, bad):
        return "mixed"
    return "neutral" if good == bad else "positive" if good > bad else "negative"


def labels_of(review: str, overall: str, ontology: Ontology, triplets: Iterable[Triplet] = ()) -> extract.Labels:
    """Labels with the triplets in the order of their opinions; difficulty and use case by rule."""
    position = review.lower().find
    aspects = []
    for triplet in sorted(triplets, key=lambda t: position((t.opinion or "").lower())):
        part, opinion = as_span(triplet.aspect), as_span(triplet.opinion)
        category = extract.category_of(part, opinion, ontology)
        if category in extract.VAGUE and triplet.category:
            stated = CATEGORIES.get(triplet.category) or ontology.aspect_of(triplet.category)
            category = min(category, stated, key=lambda name: extract.VAGUE.get(name, 0))
        aspects.append({"aspect": part, "category": category, "sentiment": triplet.sentiment, "opinion": opinion})
    return extract.Labels.model_validate(
        {
            "overall_sentiment": overall,
            "mentions_difficulty": is_difficult(review),
            "use_case": ontology.use_case_in(review),
            "aspects": aspects[: extract.MAX_ASPECTS],
        }
    )


def with_opinions(review: Review, ontology: Ontology) -> tuple[Review, bool]:
    """The review with opinion words for its targets, and whether its labels are then complete.

    A target's opinion is the nearest one of its sign by `adapters.sentiment`. An opinion that is nearest to no target
    and speaks of nothing else in its clause is of the goods as a whole, which these data sets do not label.
    """
    read = sentiment.opinions(review.text)
    text, clause = words(review.text), sentiment.clauses(review.text)
    explained: set[int] = set()
    triplets: list[Triplet] = []
    for target in review.triplets:
        sign = {"positive": 1, "negative": -1}.get(target.sentiment, 0)
        places = _places(words(target.aspect or ""), text)
        near = [
            (min(_distance(place, opinion) for place in places), i)
            for i, opinion in enumerate(read)
            if places and opinion.sign == sign
        ]
        distance, i = min(near, default=(REACH + 1, -1))
        if distance <= REACH:
            explained.add(i)
            triplets.append(Triplet(target.aspect, _span(text, read[i]), target.sentiment, target.category))
        else:
            triplets.append(target)
    is_complete = all(triplet.opinion for triplet in triplets)
    for i, opinion in enumerate(read):
        if i in explained or not opinion.sign:
            continue
        others = (word for word, number in zip(text, clause, strict=True) if number == clause[opinion.head])
        if all(ontology.aspect_of(word) == "general" for word in others):
            triplets.append(Triplet(None, _span(text, opinion), "positive" if opinion.sign > 0 else "negative"))
        else:
            is_complete = False
    return Review(review.split, review.domain, review.text, tuple(triplets)), is_complete


def _places(target: list[str], text: list[str]) -> list[tuple[int, int]]:
    ends = range(len(target), len(text) + 1)
    return [(end - len(target), end) for end in ends if target and text[end - len(target) : end] == target]


def _distance(place: tuple[int, int], opinion: sentiment.Opinion) -> int:
    return max(opinion.start - place[1], place[0] - opinion.end, 0)


def _span(text: list[str], opinion: sentiment.Opinion) -> str:
    return " ".join(text[opinion.start : opinion.end])
