"""Structure for pretraining: copying, listing, looking up and labelling, made from unlabelled text.

A small model learns these last from plain text (copied spans rose from 0.58 to 0.80 with them in
the prototype). Each maker turns a text into (instruction, input, output); none uses a label of a
data set; those of `training.base.weak` write the tasks' own answer lines. The word classes are
distributional: words with the same neighbours form a class (Schütze 1993, "Part-of-speech
induction from scratch"), named by its commonest word. Called by `training.base.pretrain`.
"""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from adapters.ontology import Ontology
from adapters.tasks import rewrite
from adapters.words import words as words_of
from training.base.corpus import Corpus
from training.base.weak import InstructionExample, WeakLabels

_WORD = re.compile(r"[a-z0-9]+(?:['./&-][a-z0-9]+)*")
CLASSES = 160
VOCABULARY = 12_000
NEIGHBOURS = 1_000
PHRASE_PMI = 6.0  # two words that meet e**6 times as often as by chance are one phrase
CONTINUES = "+"


@dataclass(frozen=True)
class WordClasses:
    """A class for each frequent word, and the pairs of words that form a phrase."""

    names: dict[str, str]
    phrases: frozenset[tuple[str, str]]

    def labels(self, words: Sequence[str]) -> list[str]:
        """One label a word: its class, or `+` where it continues a phrase."""
        labels = []
        for i, word in enumerate(words):
            if i and (words[i - 1], word) in self.phrases:
                labels.append(CONTINUES)
            else:
                labels.append(self.names.get(word) or ("number" if word[0].isdigit() else "other"))
        return labels


def word_classes(texts: Sequence[str], seed: int = 0) -> WordClasses:
    """Cluster words by the words beside them, from at most a few million running words."""
    sentences = [_WORD.findall(text.lower()) for text in texts]
    counts = Counter(word for words in sentences for word in words)
    vocabulary = {word: i for i, (word, _) in enumerate(counts.most_common(VOCABULARY))}
    pairs = Counter(pair for words in sentences for pair in pairwise(words))
    cells: list[tuple[int, int, int]] = []  # row, column, value
    for (left, right), n in pairs.items():
        a, b = vocabulary.get(left), vocabulary.get(right)
        if a is None or b is None:
            continue
        if b < NEIGHBOURS:
            cells.append((a, b, n))
        if a < NEIGHBOURS:
            cells.append((b, NEIGHBOURS + a, n))
    rows, columns, values = zip(*cells, strict=True)
    table = csr_matrix((np.log1p(values), (rows, columns)), (len(vocabulary), 2 * NEIGHBOURS))
    vectors = normalize(TruncatedSVD(64, random_state=seed).fit_transform(normalize(table)))
    cluster = MiniBatchKMeans(CLASSES, random_state=seed, n_init=3).fit_predict(vectors)
    name: dict[int, str] = {}
    for word, i in vocabulary.items():
        name.setdefault(int(cluster[i]), word)
    total = sum(counts.values())
    phrases = frozenset(
        (a, b) for (a, b), n in pairs.items() if n >= 10 and np.log(n * total / (counts[a] * counts[b])) > PHRASE_PMI
    )
    return WordClasses({word: name[int(cluster[i])] for word, i in vocabulary.items()}, phrases)


class Structure:
    """Makes structured examples without end from a corpus."""

    def __init__(self, corpus: Corpus, classes: WordClasses, ontology: Ontology) -> None:
        self._texts = corpus.texts
        self._classes = classes
        self._ontology = ontology
        self._members: dict[str, list[str]] = defaultdict(list)
        for word, name in classes.names.items():
            self._members[name].append(word)
        weak = WeakLabels(ontology)
        self._makers: list[tuple[float, tuple[str, ...], Callable[..., InstructionExample | None]]] = [
            (3.0, ("query", "title", "opinion"), self._label_words),
            (2.0, ("query", "title", "opinion"), self._echo),
            (4.0, ("query", "title"), self._label_like),
            (2.5, ("query",), self._echo_random),
            (0.7, ("query", "title"), self._reverse),
            (0.7, ("query", "title"), self._first_letters),
            (1.0, ("title", "query"), self._unshuffle),
            (1.5, ("review", "copy"), self._fill),
            (2.5, ("review",), self._find),
            (1.0, ("review", "copy"), self._which_are_in),
            (2.0, ("copy", "slots"), self._write_with),
            (2.0, ("copy", "slots", "review"), self._write_facts),
            (1.0, ("title",), self._look_up),
            (3.0, ("title",), weak.classify),
            (4.0, ("query", "title"), weak.rewrite),
            (4.0, ("review", "opinion"), weak.extract),
        ]

    def examples(self, seed: int) -> Iterator[InstructionExample]:
        rng = random.Random(seed)
        weights = [weight for weight, _, _ in self._makers]
        while True:
            _, kinds, make = rng.choices(self._makers, weights)[0]
            example = make(rng.choice(self._texts[rng.choice(kinds)]), rng)
            if example is not None:
                yield example

    def _label_words(self, text: str, rng: random.Random) -> InstructionExample | None:
        words = _WORD.findall(text.lower())[:14]
        if not words:
            return None
        labels = self._classes.labels(words)
        return "Write one class for each word.", " ".join(words), " ".join(labels)

    def _label_like(self, text: str, rng: random.Random) -> InstructionExample | None:
        """Classes under names that change with every example: the prompt tells them by members."""
        words = _WORD.findall(text.lower())[:10]
        classes = self._classes.labels(words)
        shown = [c for c in dict.fromkeys(classes) if len(self._members.get(c, ())) > 3]
        if not shown:
            return None
        name = dict(zip(shown, rng.sample(rewrite.TYPES, len(shown)), strict=True))
        lines = [f"{name[c]}: {' '.join(rng.sample(self._members[c], 3))}" for c in shown]
        rng.shuffle(lines)
        labels = [name.get(c, CONTINUES if c == CONTINUES else rewrite.OTHER) for c in classes]
        question = "\n".join([*lines, " ".join(words)])
        return "Write one type for each word, by the examples.", question, " ".join(labels)

    def _echo(self, text: str, rng: random.Random) -> InstructionExample | None:
        return "Repeat the text.", text, text

    def _echo_random(self, text: str, rng: random.Random) -> InstructionExample | None:
        """Words that no context foretells: only copying gets them right."""
        picked = " ".join(rng.choice(self._texts["query"]) for _ in range(rng.randint(3, 8)))
        words = rng.sample(picked.split(), len(picked.split()))
        return "Repeat the text.", " ".join(words), " ".join(words)

    def _reverse(self, text: str, rng: random.Random) -> InstructionExample | None:
        words = text.split()[:10]
        return "Write the words in reverse order.", " ".join(words), " ".join(words[::-1])

    def _first_letters(self, text: str, rng: random.Random) -> InstructionExample | None:
        words = _WORD.findall(text.lower())[:12]
        letters = " ".join(word[0] for word in words)
        return ("Write the first letter of each word.", " ".join(words), letters) if words else None

    def _unshuffle(self, text: str, rng: random.Random) -> InstructionExample | None:
        words = text.split()[:10]
        shuffled = rng.sample(words, len(words))
        return "Put the words in order.", " ".join(shuffled), " ".join(words)

    def _fill(self, text: str, rng: random.Random) -> InstructionExample | None:
        words = text.split()[:80]
        if len(words) < 8:
            return None
        blanks = []
        for start in sorted(rng.sample(range(0, len(words) - 2, 4), min(3, len(words) // 8))):
            length = rng.randint(1, 2)
            blanks.append(" ".join(words[start : start + length]))
            words[start : start + length] = ["___"] + [""] * (length - 1)
        return "Fill the blanks.", " ".join(w for w in words if w), "; ".join(blanks)

    def _find(self, text: str, rng: random.Random) -> InstructionExample | None:
        words = text.split()[:80]
        if len(words) < 8:
            return None
        start = rng.randrange(len(words) - 4)
        found = words[start + 1 : start + 1 + rng.randint(1, 4)]
        question = f"{' '.join(words)}\nfind: {words[start]}"
        if words.index(words[start]) != start:
            return None
        return f"Write {len(found)} words that follow.", question, " ".join(found)

    def _which_are_in(self, text: str, rng: random.Random) -> InstructionExample | None:
        words = text.split()[:60]
        own = [w for w in dict.fromkeys(_WORD.findall(" ".join(words).lower())) if len(w) > 3]
        if len(own) < 4:
            return None
        other = [w for w in rng.sample(list(self._classes.names), 3) if w not in own]
        asked = rng.sample(own, rng.randint(1, 3)) + other
        rng.shuffle(asked)
        present = [word for word in asked if word in own]
        question = f"{' '.join(words)}\nwords: {', '.join(asked)}"
        return "Write the listed words that the text has.", question, ", ".join(present)

    def _write_with(self, text: str, rng: random.Random) -> InstructionExample | None:
        own = [w for w in dict.fromkeys(_WORD.findall(text.lower())) if len(w) > 3]
        if len(own) < 5:
            return None
        chosen = rng.sample(own, min(len(own), rng.randint(3, 8)))
        return "Write a text with these words.", ", ".join(chosen), text

    def _write_facts(self, text: str, rng: random.Random) -> InstructionExample | None:
        text = " ".join(text.split()[:100])
        words = words_of(text)
        facts = {a: " ".join(words[i:j]) for a, _, i, j in self._ontology.values_in(text)}
        if len(facts) < 2:
            return None
        return "Write a text that says the facts.", "\n".join(map(": ".join, facts.items())), text

    def _look_up(self, text: str, rng: random.Random) -> InstructionExample | None:
        names = rng.sample(("name", "color", "size", "brand", "price", "type", "material"), 3)
        values = [" ".join(rng.choice(self._texts["query"]).split()[:2]) for _ in names]
        asked = rng.randrange(3)
        record = "; ".join(f"{n}={v}" for n, v in zip(names, values, strict=True))
        return f"Write the {names[asked]}.", record, values[asked]
