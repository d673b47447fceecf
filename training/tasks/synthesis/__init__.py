"""Generated examples for what the public data does not label, by templates that the ontology's words fill.

Each module generates one task's texts with their labels. No public title has a third of the taxonomy's leaves;
QueryNER has keyword queries only, so no sentences, no silhouettes and few prices; DMASTE labels neither use case nor
difficulty. Nothing is taken from a data set, and the README's own examples are never generated.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from typing import TypeVar

from adapters.ontology import Ontology
from adapters.words import words
from training.text import is_acceptance, split_of

SOURCE = "synthetic"  # of the generated examples
T = TypeVar("T")  # a text's labels


def take(count: int, generate: Callable[[], tuple[str, T]]) -> Iterator[tuple[str, T]]:
    """The first `count` generated pairs of a text and its labels, without the README's own examples."""
    pairs = (generate() for _ in itertools.count())
    return itertools.islice((pair for pair in pairs if not is_acceptance(pair[0])), count)


def split_of_generated(text: str) -> str:
    """The split of a generated text by its hash: `train` or `validation`, never `test`."""
    return "train" if split_of(" ".join(words(text))) != "validation" else "validation"


def phrase_of(attribute: str, value: str, ontology: Ontology, rng: random.Random) -> str:
    """A value's own name or one of its synonyms that can stand before a noun."""
    phrases = [phrase for phrase in ontology.phrases(attribute, value) if not phrase.startswith("for ")]
    return rng.choice([value, *phrases])
