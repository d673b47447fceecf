"""Keys of texts, what a tokeniser split, and the split that every part of the project shares. Knows no task."""

import hashlib
import re

from adapters.cleaning import plain

# The README's own examples: never in any training text, so that they show behaviour, not memory.
ACCEPTANCE = (
    "something red and flowy for a wedding",
    "great for beginners but the handle is uncomfortable after 20 minutes",
    "turtle check men navy blue shirt",
)
_BEFORE = re.compile(r"\s+([.,;:!?%)\]])")
_AFTER = re.compile(r"([(\[$£])\s+")
_CONTRACTION = re.compile(r"\b(\w+)\s+(n't|'s|'re|'ve|'ll|'d|'m|'t)\b", re.IGNORECASE)


def detokenise(text: str) -> str:
    """Join what a tokeniser split: `don 't like it .` becomes `don't like it.`"""
    text = _CONTRACTION.sub(r"\1\2", plain(text))
    return _AFTER.sub(r"\1", _BEFORE.sub(r"\1", text))


def key(text: str) -> str:
    """What two texts have in common if they are the same but for case, marks and spaces."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def split_of(identity: str) -> str:
    """`train` (80 in 100), `validation` (10) or `test` (10), by a hash of the identity alone."""
    bucket = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "big") % 100
    return "train" if bucket < 80 else "validation" if bucket < 90 else "test"


def is_acceptance(text: str) -> bool:
    """Whether the text holds one of the examples that stay out of all training data."""
    folded = key(text)
    return any(sentence in folded for sentence in ACCEPTANCE)
