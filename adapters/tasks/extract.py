"""Extract: a review becomes its overall sentiment, aspects with opinions, issues and use case.

The line is `sentiment; difficulty; use case; aspect; aspect ...`; an aspect is `category sign part: opinion`, `part:`
only if the review names one: `positive; no; beginner; comfort - handle: uncomfortable`.

Parts and opinions are words of the review, and opinions stand in the review's order; each request has its own grammar.
So nothing can be invented, and a small model cannot repeat itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from adapters.ontology import Ontology
from adapters.sentiment import opinions
from adapters.tasks.contract import SEPARATOR, Answered, Copied, LineError, Message, Strict, Task, limit, one_of, spaced
from adapters.words import fold, words

Sentiment = Literal["positive", "negative", "neutral"]
Overall = Literal["positive", "negative", "neutral", "mixed"]
OVERALL = get_args(Overall)
SIGNS = {"+": "positive", "-": "negative", "=": "neutral"}
SIGN_OF = {sentiment: sign for sign, sentiment in SIGNS.items()}
_VALUES: dict[Sentiment, int] = {"positive": 1, "neutral": 0, "negative": -1}
UNKNOWN = "-"
VAGUE = {"parts": 1, "general": 2}  # categories of little information, and how vague they are
MAX_ASPECTS, MAX_SPAN, MAX_LETTERS = 12, 8, 24  # limits: aspects of a line, words of a span, letters of a word
_WORD = rf"[^\x00-\x20\x7f;:]{{1,{MAX_LETTERS}}}"
_PART_OF_SPAN = re.compile(r"[^\s\x00-\x20\x7f;:]+")
_SPAN = rf"{_WORD}(?: {_WORD})*"
_ASPECT = rf" ([-+=])(?: ({_SPAN}):)? ({_SPAN})"


class Request(Strict):
    review: Annotated[str, limit(4000)]
    product: Annotated[str, limit(200)] | None = None


class Aspect(Copied):
    aspect: str | None = Field(description="the part of the product, in the review's words")
    category: str
    sentiment: Sentiment
    opinion: str | None = Field(description="in the review's words")


class Answer(Answered):
    overall_sentiment: Overall
    aspects: list[Aspect]
    attribute_issues: list[str] = Field(description="complaints, such as `handle_comfort`")
    mentions_difficulty: bool
    use_case: str | None


class Labels(Strict):
    overall_sentiment: Overall
    mentions_difficulty: bool = False
    use_case: str | None = None
    aspects: list[Aspect] = Field(default_factory=list)

    @field_validator("aspects")
    @classmethod
    def _spans_fit_the_line(cls, aspects: list[Aspect]) -> list[Aspect]:
        for span in (s for a in aspects for s in (a.aspect, a.opinion) if s is not None):
            if not re.fullmatch(_SPAN, span):
                raise ValueError(f"not a span of words: {span!r}")
        return aspects


def as_span(phrase: str | None) -> str | None:
    """A phrase in the form of the line: lower case, no separators, at most MAX_SPAN words."""
    if phrase is None:
        return None
    span = re.sub(r"[\x00-\x20\x7f;:]+", " ", phrase.lower()).split()
    return " ".join(word[:MAX_LETTERS] for word in span[:MAX_SPAN]) or None


def _encode_aspect(aspect: Aspect) -> str:
    part = f" {aspect.aspect}:" if aspect.aspect else ""
    opinion = f" {aspect.opinion}" if aspect.opinion else ""
    return f"{spaced(aspect.category)} {SIGN_OF[aspect.sentiment]}{part}{opinion}"


def _decode_aspects(entries: list[str], review: _Review, ontology: Ontology) -> list[dict[str, str | None]]:
    aspects = []
    begins, again = 0, -1  # the next opinion begins from word `begins` on, or a second time at word `again`
    for entry in entries:
        match = _aspect_pattern(ontology).fullmatch(entry)
        if match is None:
            raise LineError(f"not an aspect with an opinion: {entry!r}")
        written, sign, part, opinion = match.groups()
        if part and not review.places(part):
            raise LineError(f"not in the review: {part!r}")
        places = [place for place in review.places(opinion) if place >= begins or place == again]
        if not places:
            raise LineError(f"not in the review, or not in its order: {opinion!r}")
        begins, again = places[0] + 1, places[0] if places[0] != again else -1
        category = next(name for name in ontology.aspects if spaced(name) == written)
        aspects.append({"aspect": part, "category": category, "sentiment": SIGNS[sign], "opinion": opinion})
    return aspects


@lru_cache(maxsize=4)
def _aspect_pattern(ontology: Ontology) -> re.Pattern[str]:
    names = "|".join(re.escape(spaced(name)) for name in ontology.aspects)
    return re.compile(f"({names}){_ASPECT}")


@lru_cache(maxsize=4)
def _fields(ontology: Ontology) -> str:
    rules = [
        'root ::= overall "; " ("yes" | "no") "; " use "; " aspects',
        f"overall ::= {one_of(OVERALL)}",
        f"use ::= {one_of([UNKNOWN, *map(spaced, ontology.use_cases)])}",
        'head ::= category " " [-+=] " " (part ": ")?',
        f"category ::= {one_of(map(spaced, ontology.aspects))}",
    ]
    return "\n".join(rules)


class _Review:
    """A review's words in the forms that a line may have: with and without surrounding punctuation."""

    def __init__(self, review: str) -> None:
        self._review = review
        matches = list(_PART_OF_SPAN.finditer(review))
        self._bounds = [match.span() for match in matches]
        cut = [match[0].lower()[:MAX_LETTERS] for match in matches]
        self.forms = [list(dict.fromkeys([word, *words(word)])) for word in cut]

    def places(self, span: str) -> list[int]:
        """The words of the review, by index, at which the span begins."""
        span_words = span.split(" ")
        starts = range(len(self.forms) - len(span_words) + 1)
        return [i for i in starts if all(word in self.forms[i + k] for k, word in enumerate(span_words))]

    def spelled(self, span: str | None) -> str | None:
        """The span in the review's spelling; None if it is not there or only punctuation."""
        places = self.places(span) if span else []
        if span is None or not places:
            return None
        (start, _), (_, end) = (self._bounds[places[0] + i] for i in (0, span.count(" ")))
        return " ".join(self._review[start:end].split()).strip(" .,!?;:\"'()") or None


def settled(aspects: Sequence[Aspect], ontology: Ontology) -> list[Aspect]:
    """The aspects with the ontology's category of part and opinion, or their own if the ontology's is vaguer.

    The line has the category before part and opinion, so a small model predicts it worse than those: docs/ablations.md.
    """

    def category(aspect: Aspect) -> str:
        by_words = category_of(aspect.aspect, aspect.opinion, ontology)
        return min(by_words, aspect.category, key=lambda name: VAGUE.get(name, 0))

    return [aspect.model_copy(update={"category": category(aspect)}) for aspect in aspects]


def category_of(part: str | None, opinion: str | None, ontology: Ontology) -> str:
    """The aspect category of a part and an opinion: the part's, or the opinion's if the part's is vague."""
    of_part, of_opinion = ontology.aspect_of(part), ontology.aspect_of(opinion)
    return of_part if of_part not in VAGUE or of_opinion == "general" else of_opinion


def issue_of(aspect: Aspect, ontology: Ontology) -> str | None:
    """An issue's name: the category, `battery`, or part and category if they differ, `handle_comfort`."""
    part = words(aspect.aspect or "")
    name = re.sub(r"\W+", "_", fold(part[-1])).strip("_") if part else ""
    is_vague = aspect.category in VAGUE
    if not name or ontology.aspect_of(aspect.aspect) == aspect.category != "parts":
        return None if is_vague else aspect.category
    return name if is_vague else f"{name}_{aspect.category}"


def _agreement(overall: Overall, signs: Sequence[int]) -> float:
    """From -1 to 1: how well an overall sentiment agrees with signs, each 1, -1 or 0; 0 without any."""
    total, strong = sum(signs), sum(map(abs, signs))
    if not strong:
        return float(overall == "neutral" and bool(signs))
    balance = total / strong
    if overall in ("positive", "negative"):
        return balance if overall == "positive" else -balance
    return 1 - 2 * abs(balance)


class Extract(Task[Request, Labels]):
    name = "extract"
    summary = "A review to its overall sentiment, aspects with opinions, issues and use case"
    request = Request
    labels = Labels
    answer = Answer
    line_is_labels = True
    example = {"review": "Great for beginners but the handle is uncomfortable after 20 minutes"}

    def prompt(self, request: Request, ontology: Ontology) -> list[Message]:
        review = " ".join(request.review.split())
        product = f"product: {request.product}\n" if request.product else ""
        return [
            {"role": "system", "content": "Extract sentiment; difficulty; use case; aspects."},
            {"role": "user", "content": f"{product}{review}".lower()},
        ]

    def encode(self, labels: Labels) -> str:
        fields = [
            labels.overall_sentiment,
            "yes" if labels.mentions_difficulty else "no",
            spaced(labels.use_case or UNKNOWN),
        ]
        return SEPARATOR.join(fields + ([_encode_aspect(a) for a in labels.aspects] or [UNKNOWN]))

    def decode(self, line: str, request: Request, ontology: Ontology) -> Labels:
        fields = line.split(SEPARATOR)
        uses = {spaced(name): name for name in ontology.use_cases} | {UNKNOWN: None}
        if len(fields) < 4 or fields[0] not in OVERALL or fields[1] not in ("yes", "no") or fields[2] not in uses:
            raise LineError(f"not sentiment; difficulty; use case; aspects: {line!r}")
        entries = [] if fields[3:] == [UNKNOWN] else fields[3:]
        return Labels.model_validate(
            {
                "overall_sentiment": fields[0],
                "mentions_difficulty": fields[1] == "yes",
                "use_case": uses[fields[2]],
                "aspects": _decode_aspects(entries, _Review(request.review), ontology),
            }
        )

    def grammar(self, request: Request, ontology: Ontology) -> str:
        """Rules for each word of the review: `s` is a span that begins there, `x` an opinion, `y` a second one there,
        `p` an opinion that begins there or later."""
        review = _Review(request.review)
        rules = [_fields(ontology)]
        if not review.forms:
            return "\n".join([f'aspects ::= "{UNKNOWN}"', *rules])
        rules.append(f'aspects ::= "{UNKNOWN}" | head p0')
        rules.append("part ::= " + " | ".join(f"s{i}" for i in range(len(review.forms))))
        for i, forms in enumerate(review.forms):
            is_last = i + 1 == len(review.forms)
            later = "" if is_last else f" | p{i + 1}"
            rules.append(f"s{i} ::= ({one_of(forms)})" + ("" if is_last else f' (" " s{i + 1})?'))
            rules.append(f"p{i} ::= x{i}{later}")
            rules.append(f'x{i} ::= s{i} ("; " head (y{i}{later}))?')
            rules.append(f"y{i} ::= s{i}" + ("" if is_last else f' ("; " head p{i + 1})?'))
        return "\n".join(rules)

    def expand(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, Any]:
        review = _Review(request.review)
        aspects = []
        for aspect in settled(labels.aspects, ontology):
            if opinion := review.spelled(aspect.opinion):
                part = review.spelled(aspect.aspect)
                aspects.append(aspect.model_copy(update={"aspect": part, "opinion": opinion}))
        issues = (issue_of(a, ontology) for a in aspects if a.sentiment == "negative")
        return {
            "overall_sentiment": labels.overall_sentiment,
            "aspects": aspects,
            "attribute_issues": list(dict.fromkeys(issue for issue in issues if issue)),
            "mentions_difficulty": labels.mentions_difficulty,
            "use_case": labels.use_case,
        }

    def max_tokens(self, request: Request) -> int:
        return 128

    def fallback(self, request: Request, ontology: Ontology) -> Labels:
        """An aspect for each opinion word, its part the nearest word that names an aspect."""
        review_words = [word for word in words(request.review) if re.fullmatch(_WORD, word)]
        signs = list(opinions(" ".join(review_words)))
        aspects = []
        for i, sign in signs[:MAX_ASPECTS]:
            near = sorted(range(max(0, i - 4), min(len(review_words), i + 3)), key=lambda j: abs(j - i))
            parts = (review_words[j] for j in near if ontology.aspect_of(review_words[j]) != "general")
            part = next(parts, None)
            aspects.append(
                Aspect(
                    aspect=part,
                    category=category_of(part, review_words[i], ontology),
                    sentiment="positive" if sign > 0 else "negative",
                    opinion=review_words[i],
                )
            )
        total = sum(sign for _, sign in signs)
        return Labels(
            overall_sentiment="positive" if total > 0 else "negative" if total < 0 else "neutral",
            use_case=ontology.use_case_in(request.review),
            aspects=aspects,
        )

    def decisive(self, line: str) -> str:
        """The overall sentiment."""
        return line.split(SEPARATOR)[0]

    def evidence(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, float]:
        """How well the overall sentiment agrees with the opinion words and with the signs of the answer's aspects."""
        by_words = [sign for _, sign in opinions(request.review)]
        by_aspects = [_VALUES[aspect.sentiment] for aspect in labels.aspects]
        return {
            "agrees": _agreement(labels.overall_sentiment, by_words),
            "aspects_agree": _agreement(labels.overall_sentiment, by_aspects),
            "opinionated": float(bool(by_words)),
        }

    def complete(self, labels: Labels, request: Request, ontology: Ontology) -> Labels:
        """The labels with aspects in the order of their opinions in the review."""
        review = _Review(request.review)
        aspects = sorted(labels.aspects, key=lambda aspect: next(iter(review.places(aspect.opinion or "")), -1))
        return labels.model_copy(update={"aspects": aspects})


TASK = Extract()
