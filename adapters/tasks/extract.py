"""Extract: a review becomes its overall sentiment, aspects with opinions, issues and use case.

The line is `sentiment; difficulty; use case; aspect; aspect ...`; an aspect is `category sign part: opinion`, `part:`
only if the review names one: `positive; no; beginner; comfort - handle: uncomfortable`.

Parts and opinions are words of the review, and opinions stand in the review's order; each request has its own grammar.
So nothing can be invented, and a small model cannot repeat itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from adapters.ontology import Ontology
from adapters.purposes import states_purpose
from adapters.sentiment import Opinion, clauses, opinions, overall
from adapters.tasks.contract import SEPARATOR, Answered, Copied, LineError, Message, Strict, Task, limit, one_of, spaced
from adapters.tasks.reviews import SPAN, Review, as_span, once
from adapters.words import fold, words

Sentiment = Literal["positive", "negative", "neutral"]
Overall = Literal["positive", "negative", "neutral", "mixed"]
OVERALL = get_args(Overall)
SIGNS = {"+": "positive", "-": "negative", "=": "neutral"}
SENTIMENTS: dict[int, Sentiment] = {1: "positive", -1: "negative", 0: "neutral"}
SIGN_OF = {sentiment: sign for sign, sentiment in SIGNS.items()}
_VALUES: dict[Sentiment, int] = {"positive": 1, "neutral": 0, "negative": -1}
UNKNOWN = "-"
VAGUE = {"parts": 1, "general": 2}  # categories of little information, and how vague they are
MAX_ASPECTS = 12  # of a line, where rules make it
_ASPECT = rf" ([-+=])(?: ({SPAN}):)? ({SPAN})"


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
            if not re.fullmatch(SPAN, span):
                raise ValueError(f"not a span of words: {span!r}")
        return aspects


def _encode_aspect(aspect: Aspect) -> str:
    part = f" {aspect.aspect}:" if aspect.aspect else ""
    opinion = f" {aspect.opinion}" if aspect.opinion else ""
    return f"{spaced(aspect.category)} {SIGN_OF[aspect.sentiment]}{part}{opinion}"


def _decode_aspects(entries: list[str], review: Review, ontology: Ontology) -> list[dict[str, str | None]]:
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


def settled(aspects: Sequence[Aspect], ontology: Ontology) -> list[Aspect]:
    """The aspects with the ontology's category of part and opinion, or their own if the ontology's is vaguer.

    The line has the category before part and opinion, so a small model predicts it worse than those: docs/ablations.md.
    """

    def category(aspect: Aspect) -> str:
        by_words = category_of(aspect.aspect, aspect.opinion, ontology)
        return min(by_words, aspect.category, key=lambda name: VAGUE.get(name, 0))

    return [aspect.model_copy(update={"category": category(aspect)}) for aspect in aspects]


def category_of(part: str | None, opinion: str | None, ontology: Ontology) -> str:
    """The aspect category of a part and an opinion: the part's, or the opinion's if the part's is vague.

    What only people do is of the service, whatever the part: `support: never called back`.
    """
    of_part, of_opinion = ontology.aspect_of(part), ontology.aspect_of_opinion(opinion)
    if of_opinion == "service" or (of_part in VAGUE and of_opinion != "general"):
        return of_opinion
    return of_part


def _by_rules(read: Sequence[Opinion], text: str, ontology: Ontology) -> Iterator[Aspect]:
    """The aspects of a review's opinions, without those whose words do not fit the line."""
    review, review_words, clause = Review(text), words(text), clauses(text)
    judging = {i for opinion in read for i in range(opinion.start, opinion.end)}
    begins = 0
    for opinion in read:
        span = as_span(" ".join(review_words[opinion.start : opinion.end])) or ""
        if not any(place >= begins for place in review.places(span)):
            span = as_span(review_words[opinion.head]) or ""
        place = next((place for place in review.places(span) if place >= begins), None)
        if place is None:
            continue
        begins = place + 1
        same_clause = (i for i, of_word in enumerate(clause) if of_word == clause[opinion.head] and i not in judging)
        near = sorted(same_clause, key=lambda i: min(abs(i - opinion.start), abs(i - opinion.end + 1)))
        parts = (review_words[i] for i in near if ontology.aspect_of(review_words[i]) != "general")
        part = next((part for part in parts if review.places(part)), None)
        category = category_of(part, span, ontology)
        yield Aspect(aspect=part, category=category, sentiment=SENTIMENTS[opinion.sign], opinion=span)


def use_case_of(written: str | None, review: str, ontology: Ontology) -> str | None:
    """The use case that the review's words name; if they name none, the model's if the review states a purpose."""
    named = ontology.use_case_in(review)
    return named or (written if states_purpose([fold(word) for word in words(review)]) else None)


def _with_verdict(labels: Labels, request: Request, ontology: Ontology) -> Labels:
    """Praise of the whole for a purpose is the verdict, where one part alone is blamed."""
    praised = [aspect for aspect in labels.aspects if aspect.sentiment == "positive"]
    blamed = [aspect for aspect in labels.aspects if aspect.sentiment == "negative"]
    is_verdict = praised and not any(aspect.aspect for aspect in praised) and len(blamed) == 1 and blamed[0].aspect
    if labels.overall_sentiment != "mixed" or not is_verdict:
        return labels
    if use_case_of(labels.use_case, request.review, ontology) is None:
        return labels
    return labels.model_copy(update={"overall_sentiment": "positive"})


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
        review = once(request.review)
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
                "aspects": _decode_aspects(entries, Review(request.review), ontology),
            }
        )

    def grammar(self, request: Request, ontology: Ontology) -> str:
        """Rules for each word of the review: `s` is a span that begins there, `x` an opinion, `y` a second one there,
        `p` an opinion that begins there or later."""
        review = Review(request.review)
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
        review = Review(request.review)
        aspects: dict[Any, Aspect] = {}
        for aspect in settled(labels.aspects, ontology):
            if opinion := review.spelled(aspect.opinion):
                part = review.spelled(aspect.aspect)
                identity = fold((part or "").lower()), fold(opinion.lower()), aspect.category, aspect.sentiment
                aspects.setdefault(identity, aspect.model_copy(update={"aspect": part, "opinion": opinion}))
        issues = (issue_of(a, ontology) for a in aspects.values() if a.sentiment == "negative")
        return {
            "overall_sentiment": labels.overall_sentiment,
            "aspects": [*aspects.values()],
            "attribute_issues": list(dict.fromkeys(issue for issue in issues if issue)),
            "mentions_difficulty": labels.mentions_difficulty,
            "use_case": use_case_of(labels.use_case, request.review, ontology),
        }

    def choose(self, lines: Sequence[str], request: Request, ontology: Ontology) -> tuple[Labels, int] | None:
        """The best of the lines that decode; of lines that the limit on tokens cut, without their last aspect."""
        chosen = super().choose(lines, request, ontology)
        chosen = chosen or super().choose([line.rpartition(SEPARATOR)[0] for line in lines], request, ontology)
        return (_with_verdict(chosen[0], request, ontology), chosen[1]) if chosen else None

    def max_tokens(self, request: Request) -> int:
        return 128

    def fallback(self, request: Request, ontology: Ontology) -> Labels:
        """An aspect for each opinion, its part the nearest word of its clause that names an aspect."""
        review = once(request.review)
        read = opinions(review)
        return Labels(
            overall_sentiment=overall(read),
            use_case=ontology.use_case_in(review),
            aspects=list(_by_rules(read, review, ontology))[:MAX_ASPECTS],
        )

    def decisive(self, line: str) -> str:
        """The overall sentiment."""
        return line.split(SEPARATOR)[0]

    def evidence(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, float]:
        """How well the overall sentiment agrees with the opinion words and with the signs of the answer's aspects."""
        by_words = [opinion.sign for opinion in opinions(once(request.review))]
        by_aspects = [_VALUES[aspect.sentiment] for aspect in labels.aspects]
        return {
            "agrees": _agreement(labels.overall_sentiment, by_words),
            "aspects_agree": _agreement(labels.overall_sentiment, by_aspects),
            "opinionated": float(bool(by_words)),
        }

    def complete(self, labels: Labels, request: Request, ontology: Ontology) -> Labels:
        """The labels with aspects in the order of their opinions in the review."""
        review = Review(request.review)
        aspects = sorted(labels.aspects, key=lambda aspect: next(iter(review.places(aspect.opinion or "")), -1))
        return labels.model_copy(update={"aspects": aspects})


TASK = Extract()
