"""Lines as an engine writes them."""

from __future__ import annotations

from adapters.confidence import Completion


def line(text: str, logprob: float = -0.01, **logprobs: float) -> Completion:
    """A line with a token for each word; `logprob` is that of each token, `logprobs` those of some words."""
    words = text.split(" ")
    pieces = (words[0], *(f" {word}" for word in words[1:]))
    return Completion(text, pieces, tuple(logprobs.get(word.strip(";"), logprob) for word in words))
