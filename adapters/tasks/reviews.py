"""The words of a review, as an answer line of `adapters.tasks.extract` quotes them. Knows no label."""

from __future__ import annotations

import re

from adapters.words import words

MAX_SPAN, MAX_LETTERS = 8, 24  # words of a span, letters of a word
_WORD = rf"[^\x00-\x20\x7f;:]{{1,{MAX_LETTERS}}}"
_PART_OF_SPAN = re.compile(r"[^\s\x00-\x20\x7f;:]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
SPAN = rf"{_WORD}(?: {_WORD})*"


def once(review: str) -> str:
    """The review without sentences that it has before; a text that is one phrase over and over is that phrase."""
    sentences: dict[str, str] = {}
    for sentence in _SENTENCE_END.split(review):
        sentences.setdefault(" ".join(words(sentence)), sentence)
    pieces = " ".join(sentences.values()).split()
    folded = [words(piece) for piece in pieces]
    for length in range(1, len(pieces) // 2 + 1):
        if len(pieces) % length == 0 and folded == folded[:length] * (len(pieces) // length):
            return " ".join(pieces[:length])
    return " ".join(pieces)


def as_span(phrase: str | None) -> str | None:
    """A phrase in the form of the line: lower case, no separators, at most MAX_SPAN words."""
    if phrase is None:
        return None
    span = re.sub(r"[\x00-\x20\x7f;:]+", " ", phrase.lower()).split()
    return " ".join(word[:MAX_LETTERS] for word in span[:MAX_SPAN]) or None


class Review:
    """A review's words in the forms that a line may have: with and without surrounding punctuation.

    What the review repeats is there once, so that no answer depends on how often a sentence stands there.
    """

    def __init__(self, review: str) -> None:
        self._review = review = once(review)
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
