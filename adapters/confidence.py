"""What the confidence in an answer is computed from: log-probabilities of its line, evidence of rules, other samples.

The one place for it: training fits the weights (`training.evaluation.calibration`), serving applies them
(`adapters.manifest.Calibration`). Called by `adapters.tasks.contract.Task`. Knows no task and no engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, expm1, log

from adapters.words import words

LIMIT = 12.0  # of a log-odds: beyond it, probabilities differ by rounding alone


@dataclass(frozen=True, slots=True)
class Completion:
    """A line that the engine wrote.

    Attributes:
        pieces: the text of each token, the end token's too.
        logprobs: the natural log-probability of each token, after the grammar's mask.
    """

    text: str
    pieces: tuple[str, ...]
    logprobs: tuple[float, ...]

    @property
    def tokens(self) -> int:
        return len(self.logprobs)

    @property
    def logprob(self) -> float:
        """Of the line."""
        return sum(self.logprobs)

    def beginning(self, text: str) -> tuple[float, ...]:
        """The log-probabilities of the tokens of a beginning of the line, and of the token after it, which ends it.

        White space is not counted: some tokenizers leave it out of a token's text.
        """
        length, written = _letters(text), 0
        for i, piece in enumerate(self.pieces):
            if written > length:
                return self.logprobs[:i]
            written += _letters(piece)
        return self.logprobs


def features(
    completions: Sequence[Completion], index: int, decisive: str | None, evidence: Mapping[str, float]
) -> dict[str, float]:
    """The features of an answer by name. None of them grows with the length of the request or of the line.

    Probabilities are log-odds: a bare probability that is right as it stands then needs no curve but weight 1.

    Args:
        completions: all samples of the request.
        index: of the one that is the answer.
        decisive: the beginning of the line that alone decides whether the answer is right; None: all of it.
        evidence: of `Task.evidence`.
    """
    written = completions[index]
    values = dict(evidence)
    if written.logprobs:
        values["typical"] = log_odds(written.logprob / written.tokens)
        values["lowest"] = log_odds(min(written.logprobs))
        if decisive is not None:
            values["decisive"] = log_odds(sum(written.beginning(decisive)))
    if others := [c for i, c in enumerate(completions) if i != index]:
        values["agreement"] = sum(_shared(written.text, other.text) for other in others) / len(others)
    return values


def log_odds(logprob: float) -> float:
    """log(p / (1 - p)) of a log-probability, within LIMIT."""
    if logprob >= -exp(-LIMIT):
        return LIMIT
    return max(-LIMIT, logprob - log(-expm1(max(logprob, -LIMIT * LIMIT))))


def _shared(text: str, other: str) -> float:
    """The share of the words of two texts that both have (Jaccard)."""
    ours, theirs = set(words(text)), set(words(other))
    return len(ours & theirs) / len(ours | theirs) if ours or theirs else 1.0


def _letters(text: str) -> int:
    return len("".join(text.split()))
