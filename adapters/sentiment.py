"""Sentiment from a short list of opinion words, without a model.

`adapters.tasks.extract` uses it as fallback, training as a baseline to compare the adapter with.
"""

from __future__ import annotations

from collections.abc import Iterator

from adapters.words import fold, words

_POSITIVE = """
good great excellent perfect nice love best amazing wonderful awesome happy comfortable sturdy
durable easy fast beautiful fantastic solid fine recommend favorite well soft quick strong fun
cute simple smooth light lightweight pleased perfectly impressed reliable superb delicious fresh
clear helpful worth convenient gorgeous quality works enjoy useful accurate quiet sharp tasty
"""
_NEGATIVE = """
bad poor terrible horrible awful cheap disappointed disappointing broke broken flimsy hard
difficult uncomfortable useless waste worst return returned heavy loose tight noisy weak thin
slow stopped fail failed junk annoying hate problem problems complicated confusing defective
cracked leak leaks bland stale bitter dull scratchy stiff slippery painful overpriced wrong
missing unhappy stinks
"""
_NEGATIVE_PARTICLES = "not no never isnt wasnt dont didnt doesnt wont cant hardly without"
_NEGATIONS = frozenset(_NEGATIVE_PARTICLES.split())
_WORDS = {fold(w): 1 for w in _POSITIVE.split()} | {fold(w): -1 for w in _NEGATIVE.split()}
REACH = 3  # a negation inverts opinion words up to so many words after it


def opinions(text: str) -> Iterator[tuple[int, int]]:
    """Position by word and sign (1 or -1) of each opinion word; a negation before it inverts the sign."""
    folded = [fold(word) for word in words(text)]
    for i, word in enumerate(folded):
        if word in _WORDS:
            is_negated = not _NEGATIONS.isdisjoint(folded[max(0, i - REACH) : i])
            yield i, -_WORDS[word] if is_negated else _WORDS[word]
