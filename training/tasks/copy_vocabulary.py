"""Prints the words of public descriptions that occur in many departments alike: candidates for ordinary words.

Run it as `python -m training.tasks.copy_vocabulary`. A person decides which of them state nothing that could be checked
and writes those into `adapters/tasks/copy_words.yaml`; words of the ontology and reviewed ones are left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from math import exp, log

from adapters.ontology import Ontology
from adapters.tasks.copy_words import is_ordinary
from adapters.words import words
from training.public import goods, readers
from training.tasks.references import SOURCES

TEXTS = 14  # of the training splits that have the word, at least
DEPARTMENT = 30  # texts of a department that counts
SPREAD = 10.0  # departments over which a word is spread: exp of the entropy of its rates


def candidates(texts: Iterator[tuple[str, str]], ontology: Ontology) -> list[str]:
    """The words of (department, text) pairs that are common and spread over departments, the commonest first."""
    sizes: Counter[str] = Counter()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for department, text in texts:
        sizes[department] += 1
        for word in set(words(text)):
            if word.isalpha() and word.isascii():
                counts[word][department] += 1
    common = {word: of_word for word, of_word in counts.items() if of_word.total() >= TEXTS and not is_ordinary(word)}
    kept = [word for word, of_word in common.items() if _spread(of_word, sizes) >= SPREAD]
    unknown = [word for word in kept if not ontology.values_in(word) and not ontology.categories_in(word)]
    return sorted(unknown, key=lambda word: -counts[word].total())


def _spread(counts: Counter[str], sizes: Counter[str]) -> float:
    rates = [counts[name] / size for name, size in sizes.items() if size >= DEPARTMENT and counts[name]]
    total = sum(rates)
    return exp(-sum(rate / total * log(rate / total) for rate in rates)) if rates else 0.0


def _texts() -> Iterator[tuple[str, str]]:
    for source in SOURCES:
        for offer in goods.READERS[source]():
            if offer.split == "train" and offer.description:
                yield (offer.path or (source,))[0], offer.description
    for product in readers.products():
        if product.split == "train":
            yield product.category, product.description


if __name__ == "__main__":
    print("\n".join(candidates(_texts(), Ontology.load())))
