"""Readers of public reviews in which targets are labelled: food, televisions, T-shirts, products, pros and cons.

Knows files, no task. Splits: OATS, the televisions and the T-shirts as published; pros and cons by text. The texts of
YASO are for training alone, as its authors wrote them to order. A product's reviews stay together.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from training.public.readers import Review, Triplet
from training.public.sources import find
from training.text import detokenise, is_acceptance, key, split_of

REPOSITORIES = {
    "food": "RiTUAL-UH/OATS-ABSA",
    "televisions": "yangheng95/ABSADatasets",
    "t-shirts": "yangheng95/ABSADatasets",
    "crowd": "IBM/yaso-tsa",
    "products": "nltk/nltk_data",
    "pros-cons": "nltk/nltk_data",
}
LONGEST = 80  # words of a product's review: its first sentences
_SPACED_APOSTROPHE = re.compile(r"\b(\w+) ' (s|t|re|ve|ll|d|m)\b", re.IGNORECASE)
_SPACED_HYPHEN = re.compile(r"(?<=\w) - (?=\w)")
_FEATURE = re.compile(r"([^,\[\]]+)\[([+-])\d?\]((?:\[\w+\])*)")
_TERMS = {
    "televisions": ("117.Television/Television_Train", "117.Television/Television_Test_Gold"),
    "t-shirts": ("118.TShirt/Menstshirt_Train", "118.TShirt/Menstshirt_Test_Gold"),
}


@dataclass(frozen=True, slots=True)
class ProsCons:
    """One line of a review's pros (`sentiment` positive) or cons (negative)."""

    split: str
    text: str
    sentiment: str


def food() -> Iterator[Review]:
    """Sentences of reviews of food with targets, categories, opinion words and polarity (OATS, published split)."""
    for name, split in (("train", "train"), ("dev", "validation"), ("test", "test")):
        (file,) = find(REPOSITORIES["food"], f"data/amazon_ff/quads/{name}.txt")
        for line in file.read_text(encoding="utf-8").splitlines():
            sentence, _, labels = line.partition("####")
            quads = ast.literal_eval(labels)
            text = _joined(sentence)
            if key(text) and all(sentiment != "conflict" for _, _, sentiment, _ in quads):
                triplets = (Triplet(_named(t), _named(o), sentiment, c) for t, c, sentiment, o in quads)
                yield Review(split, "food", text, tuple(triplets))


def _named(text: str) -> str | None:
    return None if text == "NULL" else _joined(text)


def _joined(text: str) -> str:
    return detokenise(_SPACED_HYPHEN.sub("-", _SPACED_APOSTROPHE.sub(r"\1'\2", text)))


def terms(source: str) -> Iterator[Review]:
    """Short Indian reviews of `televisions` or `t-shirts` with terms and polarity, one record a sentence."""
    for name, split in zip(_TERMS[source], ("train", "test"), strict=True):
        (file,) = find(REPOSITORIES[source], f"datasets/apc_datasets/{name}.xml.seg")
        lines = file.read_text(encoding="utf-8").splitlines()
        triplets: dict[str, list[Triplet]] = {}
        for sentence, term, polarity in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
            text = detokenise(sentence.replace("$T$", term))
            triplets.setdefault(text, []).append(Triplet(detokenise(term), None, polarity.strip().lower()))
        for text, labelled in triplets.items():
            yield Review(split, source, text, tuple(dict.fromkeys(labelled)))


def crowd() -> Iterator[Review]:
    """Sentences written by a crowd about anything, with targets and polarity."""
    for name in ("train", "dev"):
        (file,) = find(REPOSITORIES["crowd"], f"TSA-MD/TSA-MD.{name}.json")
        for row in json.loads(file.read_text(encoding="utf-8")):
            text = detokenise(row["text"]).strip('", ')
            triplets = tuple(Triplet(detokenise(t["text"]), None, t["sentiment"]) for t in row["targets"])
            if triplets and all(triplet.sentiment in ("positive", "negative") for triplet in triplets):
                yield Review("train", "crowd", text, triplets)


def products() -> Iterator[Review]:
    """The beginnings of reviews of 14 products with signed features (Hu and Liu 2004); a feature is the category.

    The aspect is None where the sentence does not name the feature. The split is `train` for all: there is none.
    """
    for archive in ("product_reviews_1", "product_reviews_2"):
        (file,) = find(REPOSITORIES["products"], f"packages/corpora/{archive}.zip")
        with zipfile.ZipFile(file) as zipped:
            for name in sorted(zipped.namelist()):
                if name.endswith(".txt") and "README" not in name:
                    text = io.TextIOWrapper(zipped.open(name), encoding="utf-8", errors="replace").read()
                    for review in re.split(r"^\[t\].*$", text, flags=re.MULTILINE)[1:]:
                        yield from _product_review(review)


def _product_review(lines: str) -> Iterator[Review]:
    sentences: list[str] = []
    triplets: list[Triplet] = []
    for line in lines.splitlines():
        labels, mark, sentence = line.partition("##")
        text = detokenise(sentence)
        if not mark or not key(text):
            continue
        if sum(len(s.split()) for s in [*sentences, text]) > LONGEST:
            break
        sentences.append(text)
        for feature, sign, notes in _FEATURE.findall(labels):
            aspect = None if "[u]" in notes or "[p]" in notes else feature.strip()
            triplets.append(Triplet(aspect, None, "positive" if sign == "+" else "negative", feature.strip()))
    text = " ".join(sentences)
    if triplets and not is_acceptance(text):
        yield Review("train", "products", text, tuple(triplets))


def pros_cons() -> Iterator[ProsCons]:
    """Short lists of what is good or bad of a product, one a line."""
    (file,) = find(REPOSITORIES["pros-cons"], "packages/corpora/pros_cons.zip")
    with zipfile.ZipFile(file) as zipped:
        for name, sentiment in (("Pros", "positive"), ("Cons", "negative")):
            text = zipped.read(f"pros_cons/Integrated{name}.txt").decode("utf-8", errors="replace")
            for listed in re.findall(rf"<{name}>(.*?)</{name}>", text):
                text = detokenise(listed)
                if key(text) and "\ufffd" not in text:
                    yield ProsCons(split_of(key(text)), text, sentiment)
