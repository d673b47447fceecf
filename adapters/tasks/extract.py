"""Extract: a review becomes its overall sentiment, aspects with opinions, issues and use case.

The line is `sentiment; difficulty; use case; aspect; aspect ...`; an aspect is `category sign part:
opinion`, `part:` only where the review names one: `positive; no; beginner; comfort - handle:
uncomfortable`. Names are written with spaces for underscores, which are fewer tokens.
The model copies parts and opinions from the review; what is not in it is dropped, never shown.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from adapters.ontology import Ontology
from adapters.sentiment import opinions
from adapters.tasks.contract import (
    Answered,
    Copied,
    LineError,
    Message,
    Strict,
    Task,
    limit,
    one_of,
)
from adapters.words import fold, phrase_key, words

Sentiment = Literal["positive", "negative", "neutral"]
Overall = Literal["positive", "negative", "neutral", "mixed"]
OVERALL = ("positive", "negative", "neutral", "mixed")
SIGNS = {"+": "positive", "-": "negative", "=": "neutral"}
SIGN_OF = {sentiment: sign for sign, sentiment in SIGNS.items()}
UNKNOWN = "-"
SEPARATOR = "; "
MAX_ASPECTS, MAX_SPAN, MAX_LETTERS = 12, 8, 24
_WORD = rf"[^\x00-\x20\x7f;:]{{1,{MAX_LETTERS}}}"
_PART_OF_SPAN = re.compile(r"[^\s\x00-\x20\x7f;:]+")
_SPAN = rf"{_WORD}(?: {_WORD}){{0,{MAX_SPAN - 1}}}"
_ASPECT = rf" ([-+=])(?: ({_SPAN}):)?(?: ({_SPAN}))?"


class Request(Strict):
    review: Annotated[str, limit(4000)]
    product: Annotated[str, limit(200)] | None = None


class Aspect(Copied):
    aspect: str | None = Field(description="the part of the product, as the review names it")
    category: str
    sentiment: Sentiment
    opinion: str | None = Field(description="the review's own words")


class Answer(Answered):
    overall_sentiment: Overall
    aspects: list[Aspect]
    attribute_issues: list[str] = Field(description="what customers complain of: `handle_comfort`")
    mentions_difficulty: bool
    use_case: str | None


class Labels(Strict):
    overall_sentiment: Overall
    mentions_difficulty: bool = False
    use_case: str | None = None
    aspects: list[Aspect] = Field(default_factory=list, max_length=MAX_ASPECTS)

    @field_validator("aspects")
    @classmethod
    def _spans_fit_the_line(cls, aspects: list[Aspect]) -> list[Aspect]:
        for span in (s for a in aspects for s in (a.aspect, a.opinion) if s is not None):
            if not re.fullmatch(_SPAN, span):
                raise ValueError(f"not a span of at most {MAX_SPAN} words: {span!r}")
        return aspects


def as_span(phrase: str | None) -> str | None:
    """A phrase as the line holds it: lower case, no separators, at most MAX_SPAN words."""
    if phrase is None:
        return None
    kept = re.sub(r"[\x00-\x20\x7f;:]+", " ", phrase.lower()).split()
    return " ".join(word[:MAX_LETTERS] for word in kept[:MAX_SPAN]) or None


def prompt(request: Request, ontology: Ontology) -> list[Message]:
    review = " ".join(request.review.split())
    product = f"product: {request.product}\n" if request.product else ""
    return [
        {"role": "system", "content": "Extract sentiment; difficulty; use case; aspects."},
        {"role": "user", "content": f"{product}{review}".lower()},
    ]


def encode(labels: Labels) -> str:
    fields = [
        labels.overall_sentiment,
        "yes" if labels.mentions_difficulty else "no",
        _spaced(labels.use_case or UNKNOWN),
    ]
    return SEPARATOR.join(fields + ([_encode_aspect(a) for a in labels.aspects] or [UNKNOWN]))


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _encode_aspect(aspect: Aspect) -> str:
    part = f" {aspect.aspect}:" if aspect.aspect else ""
    opinion = f" {aspect.opinion}" if aspect.opinion else ""
    return f"{_spaced(aspect.category)} {SIGN_OF[aspect.sentiment]}{part}{opinion}"


def decode(line: str, request: Request, ontology: Ontology) -> Labels:
    fields = line.split(SEPARATOR)
    uses = {_spaced(name): name for name in ontology.use_cases} | {UNKNOWN: None}
    if (
        len(fields) < 4
        or fields[0] not in OVERALL
        or fields[1] not in ("yes", "no")
        or fields[2] not in uses
    ):
        raise LineError(f"not sentiment; difficulty; use case; aspects: {line!r}")
    entries = [] if fields[3:] == [UNKNOWN] else fields[3:]
    if len(entries) > MAX_ASPECTS:
        raise LineError(f"over {MAX_ASPECTS} aspects: {line!r}")
    return Labels.model_validate(
        {
            "overall_sentiment": fields[0],
            "mentions_difficulty": fields[1] == "yes",
            "use_case": uses[fields[2]],
            "aspects": [_decode_aspect(entry, ontology) for entry in entries],
        }
    )


def _decode_aspect(entry: str, ontology: Ontology) -> dict[str, str | None]:
    match = _aspect_pattern(ontology).fullmatch(entry)
    if match is None:
        raise LineError(f"not an aspect: {entry!r}")
    written, sign, part, opinion = match.groups()
    category = next(name for name in ontology.aspects if _spaced(name) == written)
    return {"aspect": part, "category": category, "sentiment": SIGNS[sign], "opinion": opinion}


@lru_cache(maxsize=4)
def _aspect_pattern(ontology: Ontology) -> re.Pattern[str]:
    names = "|".join(re.escape(_spaced(name)) for name in ontology.aspects)
    return re.compile(f"({names}){_ASPECT}")


def grammar(request: Request, ontology: Ontology) -> str:
    return _grammar(ontology)


@lru_cache(maxsize=4)
def _grammar(ontology: Ontology) -> str:
    return "\n".join(
        (
            'root ::= overall "; " ("yes" | "no") "; " use "; " aspects',
            f"overall ::= {one_of(list(OVERALL))}",
            f"use ::= {one_of([UNKNOWN, *map(_spaced, ontology.use_cases)])}",
            f'aspects ::= "{UNKNOWN}" | aspect ("; " aspect){{0,{MAX_ASPECTS - 1}}}',
            'aspect ::= category " " [-+=] (" " span ":")? (" " span)?',
            f"category ::= {one_of([_spaced(name) for name in ontology.aspects])}",
            f'span ::= word (" " word){{0,{MAX_SPAN - 1}}}',
            f"word ::= {_WORD}",
        )
    )


def expand(labels: Labels, request: Request, ontology: Ontology) -> dict[str, Any]:
    review = _Review(request.review)
    aspects = []
    for found in labels.aspects:
        part, opinion = review.find(found.aspect), review.find(found.opinion)
        if opinion is None and part is None:
            continue
        aspects.append(found.model_copy(update={"aspect": part, "opinion": opinion}))
    issues = (issue_of(a, ontology) for a in aspects if a.sentiment == "negative")
    return {
        "overall_sentiment": labels.overall_sentiment,
        "aspects": aspects,
        "attribute_issues": list(dict.fromkeys(issue for issue in issues if issue)),
        "mentions_difficulty": labels.mentions_difficulty,
        "use_case": labels.use_case,
    }


def category_of(part: str | None, opinion: str | None, ontology: Ontology) -> str:
    """The aspect category of a part and an opinion: the part's own, unless it says too little."""
    own = ontology.aspect_of(part)
    if own not in ("general", "parts"):
        return own
    told = ontology.aspect_of(opinion)
    return own if told == "general" else told


def issue_of(aspect: Aspect, ontology: Ontology) -> str | None:
    """An issue's name: `battery`, or part and category where they differ: `handle_comfort`."""
    part = words(aspect.aspect or "")
    name = re.sub(r"\W+", "_", fold(part[-1])).strip("_") if part else ""
    vague = aspect.category in ("general", "parts")
    if not name or ontology.aspect_of(aspect.aspect) == aspect.category != "parts":
        return None if vague else aspect.category
    return name if vague else f"{name}_{aspect.category}"


class _Review:
    """The review's words, to look a span up in whatever its case and punctuation."""

    def __init__(self, review: str) -> None:
        self._review = review
        self._words = _folded(review)

    def find(self, span: str | None) -> str | None:
        """The review's own spelling of the span, None if the span is not in it."""
        wanted = [word for word, _, _ in _folded(span or "")]
        for first in range(len(self._words) - len(wanted) + 1 if wanted else 0):
            window = self._words[first : first + len(wanted)]
            if [word for word, _, _ in window] == wanted:
                spelled = self._review[window[0][1] : window[-1][2]]
                return " ".join(spelled.split()).strip(" .,!?;:\"'()")
        return None


def _folded(phrase: str) -> list[tuple[str, int, int]]:
    """A phrase's words as `as_span` parts and cuts them, folded, with start and end."""
    found = [
        (phrase_key(word[0].lower()[:MAX_LETTERS]), word.start(), word.end())
        for word in _PART_OF_SPAN.finditer(phrase)
    ]
    return [word for word in found if word[0]]


def fallback(request: Request, ontology: Ontology) -> Labels:
    """What opinion words alone tell: each is an aspect, its part the nearest aspect word."""
    said = [word for word in words(request.review) if re.fullmatch(_WORD, word)]
    text = " ".join(said)
    found = list(opinions(text))
    aspects = []
    for i, sign in found[:MAX_ASPECTS]:
        near = sorted(range(max(0, i - 4), min(len(said), i + 3)), key=lambda j: abs(j - i))
        part = next((said[j] for j in near if ontology.aspect_of(said[j]) != "general"), None)
        aspects.append(
            Aspect(
                aspect=part,
                category=category_of(part, said[i], ontology),
                sentiment="positive" if sign > 0 else "negative",
                opinion=said[i],
            )
        )
    total = sum(sign for _, sign in found)
    return Labels(
        overall_sentiment="positive" if total > 0 else "negative" if total < 0 else "neutral",
        use_case=ontology.use_case_in(request.review),
        aspects=aspects,
    )


TASK: Task[Request, Labels] = Task(
    name="extract",
    summary="A review to its overall sentiment, aspects with opinions, issues and use case",
    request=Request,
    labels=Labels,
    answer=Answer,
    prompt=prompt,
    encode=encode,
    decode=decode,
    grammar=grammar,
    expand=expand,
    max_tokens=lambda request: 128,
    example={"review": "Great for beginners but the handle is uncomfortable after 20 minutes"},
    warm=lambda: [Request(review="good")],
    fallback=fallback,
)
