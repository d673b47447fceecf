"""Support: a customer's message and policy passages become a reply from the passages, or a hand-off to a person.

The line is `handoff`, or the numbers of the cited passages and the reply: `2: You can send it back within 30 days.` A
reply with a figure, date, link, address or telephone number that is in neither the message nor a passage is rejected.
The fallback is the passage that fits the message best, quoted, or a hand-off. Other inventions are not detected. A
reply is not streamed, because it is checked as a whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, model_validator

from adapters.ontology import Ontology
from adapters.tasks.contract import (
    TEXT_GRAMMAR,
    Answered,
    Copied,
    Line,
    LineError,
    Message,
    Strict,
    Task,
    ascending,
    limit,
    one_line,
    some_of,
)
from adapters.tasks.copywrite import has_loop
from adapters.words import phrase_key

HANDOFF = "handoff"
MAX_PASSAGES = 8


class Passage(Strict):
    id: Annotated[str, limit(100)] | None = None
    title: Annotated[str, limit(200)] | None = None
    text: Annotated[str, limit(2000)]

    @model_validator(mode="before")
    @classmethod
    def _from_text_alone(cls, passage: Any) -> Any:
        return {"text": passage} if isinstance(passage, str) else passage


class Request(Strict):
    message: Annotated[str, limit(2000)]
    context: list[Passage] = Field(
        default_factory=list,
        max_length=MAX_PASSAGES,
        description="passages of policies and facts of the order, or their texts; without any the answer is a hand-off",
    )


class Cited(Strict):
    passage: int = Field(description="its number in `context`, from 1")
    id: str | None
    title: str | None


class Answer(Answered):
    reply: str | None = Field(description="null if a person should answer")
    cited: list[Cited] = Field(description="the passages that the reply is based on")
    unsupported: list[str] = Field(description="figures of the reply that were not given")
    handoff: bool = Field(description="no passage answers the message: a person should")


class Labels(Copied):
    cited: list[int] = Field(default_factory=list, max_length=MAX_PASSAGES)
    reply: Line | None = None

    @model_validator(mode="after")
    def _fit_the_line(self) -> Labels:
        if not ascending(self.cited, range(1, MAX_PASSAGES + 1)):
            raise ValueError(f"passages are numbers from 1 to {MAX_PASSAGES}, each once, in order")
        if (self.reply is None) == bool(self.cited):
            raise ValueError("a reply cites a passage, and a hand-off has neither")
        return self


def _numbers(passages: int) -> list[str]:
    return [str(number) for number in range(1, passages + 1)]


@lru_cache(maxsize=MAX_PASSAGES + 1)
def _grammar(passages: int) -> str:
    if not passages:
        return f'root ::= "{HANDOFF}"'
    rules = some_of("cited", _numbers(passages), ", ")
    reply = f'cited0 ": " {TEXT_GRAMMAR}'
    return "\n".join([f'root ::= "{HANDOFF}" | {reply}', *rules])


_CONTROLS = re.compile(r"[\x00-\x20\x7f]+")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"(?:https?://|www\.)\S+|\b(?:[a-z0-9-]+\.)+[a-z]{2,24}\b(?:/\S*)?", re.I)
_LONG = re.compile(r"(?<!\w)[+(]?\d(?:[ ()./-]{0,2}\d){7,}(?!\w)")  # of a telephone or an order, or a date
_DAY = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|june|july|"
    r"august|september|october|november|december)\b",
    re.I,
)
_CURRENCIES = {"$": "dollar usd", "€": "euro eur", "£": "pound gbp", "₹": "rupee inr", "%": "percent"}
_SIGNS = {word: sign for sign, names in _CURRENCIES.items() for word in names.split()}
_SIGN = rf"\s*([%$€£₹])|[\s-]+({'|'.join(_SIGNS)})s?\b"
_SPAN = r"[\s()-]+(?:[a-z]+[\s-]+)?(minute|hour|day|week|month|year)s?\b"
_NUMBER = re.compile(rf"([$€£₹])?\s*(\d+(?:[.,]\d+)*)(?:{_SIGN}|{_SPAN})?", re.I)
_CODE = re.compile(r"\b(usd|eur|gbp|inr)\s*(?=\d)", re.I)
_ONES = "two three four five six seven eight nine"
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {word: str(i) for i, word in enumerate(f"{_ONES} {_TEENS}".split(), 2)}
for _i, _ten in enumerate(_TENS.split(), 2):
    _VALUES |= {f"{_ten}-{one}": f"{_i}{j}" for j, one in enumerate(f"one {_ONES}".split(), 1)}
    _VALUES[_ten] = f"{_i}0"
_WORDED = re.compile(rf"\b(?:{'|'.join(_VALUES)}|one(?={_SPAN}))\b", re.I)


def figures(text: str) -> Iterator[tuple[str, str]]:
    """(kind, value) of each e-mail address, link, long number, amount, time span, number and day.

    Values are normalised: `30-day` and `thirty days` are `30 day`, `USD 9.50` is `$9.5`.
    """
    text = _line(text)
    for kind, pattern in (("e-mail", _EMAIL), ("link", _LINK), ("number", _LONG)):
        for match in pattern.finditer(text):
            yield kind, re.sub(r"\D", "", match[0]) if kind == "number" else _bare(match[0])
        text = pattern.sub(" ", text)
    yield from (("day", match[0].lower()) for match in _DAY.finditer(text))
    text = _WORDED.sub(lambda match: _VALUES.get(match[0].lower(), "1"), text)
    text = _CODE.sub(lambda match: _SIGNS[match[1].lower()], text)
    for sign_before, number, sign_after, currency, span in _NUMBER.findall(text):
        sign, value = sign_before or sign_after or _SIGNS.get(currency.lower(), ""), _value(number)
        if sign:
            yield "amount", f"{value}%" if sign == "%" else f"{sign}{value}"
        elif span:
            yield "time", f"{value} {span.lower()}"
        yield "number", value


def _line(text: str) -> str:
    return _CONTROLS.sub(" ", text).strip(" ")


def _bare(address: str) -> str:
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", address.lower()).rstrip(".,;:!?)/'\"")


def _value(number: str) -> str:
    """A normalised number: `1,299.00` is `1299`; a comma before three digits separates thousands."""
    plain = re.sub(r",(?=\d{3}(?!\d))", "", number).replace(",", ".")
    return plain.rstrip("0").rstrip(".") if plain.count(".") == 1 else plain


def unsupported(reply: str, request: Request) -> list[str]:
    """`kind: value` of the figures of a reply that are in neither the message nor a passage."""
    texts = [request.message]
    texts += [t for p in request.context for t in (p.id, p.title, p.text) if t]
    given = {figure for text in texts for figure in figures(text)}
    return [f"{kind}: {v}" for kind, v in dict.fromkeys(figures(reply)) if (kind, v) not in given]


# Words that do not count as shared between a message and a passage.
_COMMON = (
    "a an and any are as at be been can could did do does for from get give had has have help how "
    "i if in is it its like make may me my need no not of on one or our please so that the there "
    "they this to us was we what when where which who will with would you your"
)


def _content(text: str) -> set[str]:
    return set(phrase_key(text).split()) - set(phrase_key(_COMMON).split())


class Support(Task[Request, Labels]):
    name = "support"
    summary = "A customer's message and the shop's policies to a grounded reply, or to a person"
    request = Request
    labels = Labels
    answer = Answer
    example = {
        "message": "The jacket is too small, can I still send it back?",
        "context": [
            {"id": "returns", "title": "Returns", "text": "Send unworn items back within 30 days."},
            {"id": "delivery", "title": "Delivery", "text": "Parcels take 2 to 4 working days."},
        ],
    }
    samples = 4
    temperature = 0.7
    counted = {"cited": lambda labels: labels.cited or [HANDOFF]}

    def prompt(self, request: Request, ontology: Ontology) -> list[Message]:
        lines = []
        for number, passage in enumerate(request.context, 1):
            title = f"{passage.title}: " if passage.title else ""
            lines.append(f"{number}. {' '.join(f'{title}{passage.text}'.split())}")
        lines.append(f"message: {' '.join(request.message.split())}")
        return [
            {"role": "system", "content": f"Reply from the passages: numbers: reply, or {HANDOFF}."},
            {"role": "user", "content": "\n".join(lines)},
        ]

    def encode(self, labels: Labels) -> str:
        if labels.reply is None:
            return HANDOFF
        return f"{', '.join(map(str, labels.cited))}: {labels.reply}"

    def decode(self, line: str, request: Request, ontology: Ontology) -> Labels:
        if line == HANDOFF:
            return Labels()
        numbers, colon, reply = line.partition(": ")
        cited, known = numbers.split(", "), _numbers(len(request.context))
        if not colon or not ascending(cited, known):
            raise LineError(f"not {HANDOFF}, nor numbers of passages and a reply: {line!r}")
        return Labels(cited=list(map(int, cited)), reply=one_line(reply))

    def grammar(self, request: Request, ontology: Ontology) -> str:
        return _grammar(len(request.context))

    def expand(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, Any]:
        passages = ((number, request.context[number - 1]) for number in labels.cited)
        return {
            "reply": labels.reply,
            "cited": [Cited(passage=n, id=p.id, title=p.title) for n, p in passages],
            "unsupported": unsupported(labels.reply, request) if labels.reply else [],
            "handoff": labels.reply is None,
        }

    def max_tokens(self, request: Request) -> int:
        return 120

    def warm(self) -> list[Request]:
        return [Request(message="?", context=[Passage(text="a")] * n) for n in range(MAX_PASSAGES + 1)]

    def rank(self, labels: Labels, request: Request, ontology: Ontology) -> tuple[float, ...]:
        """By loops, then figures that were not given."""
        reply = labels.reply or ""
        return (has_loop(reply), len(unsupported(reply, request)))

    def decisive(self, line: str) -> str:
        """The cited passages."""
        return line.partition(":")[0]

    def fallback(self, request: Request, ontology: Ontology) -> Labels:
        """The passage that shares most words with the message, rare words weighing more; else a hand-off."""
        message = _content(request.message)
        passages = [_content(f"{passage.title or ''} {passage.text}") for passage in request.context]
        counts = Counter(word for words in passages for word in words)
        scores = [sum(1 / counts[word] for word in message & words) for words in passages]
        best = max(range(len(scores)), key=scores.__getitem__, default=0)
        if not any(scores) or len(message & passages[best]) < min(2, len(message)):
            return Labels()
        return Labels(cited=[best + 1], reply=_line(request.context[best].text))

    def faithful(self, labels: Labels, request: Request, ontology: Ontology) -> bool:
        return not any(self.rank(labels, request, ontology))


TASK = Support()
