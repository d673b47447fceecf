"""Extract: labelled reviews of DMASTE and HATN and generated ones.

The main figure is the micro-F1 of (category, sentiment) pairs, or the accuracy of the overall sentiment where no more
is labelled.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from adapters.ontology import Ontology
from adapters.tasks import extract
from training.examples import Example
from training.public import readers
from training.tasks.baselines import Answers, Baseline, fallback, predict_class, texts_of, word_vectorizer
from training.tasks.contract import TEXT_COLUMNS, Reader, TrainingTask
from training.tasks.figures import Figures, Terms, f1_terms, micro_f1, share
from training.tasks.synthesis import SOURCE, split_of_generated
from training.tasks.synthesis.reviews import reviews

GENERATED_REVIEWS = 1_500
HATN_SHARE = 0.35  # of its training reviews: each takes a review's tokens for one label, the sentiment
STAR_COLUMNS = ("rating", "stars", "star rating", "score")
STARS = {"1": "negative", "2": "negative", "4": "positive", "5": "positive"}  # what 3 means is the shop's to decide
_DIFFICULT = re.compile(
    r"\b(?:hard|difficult|tricky|impossible|tough|complicated|struggl\w+|pain) to\b|\bconfusing\b|"
    r"\bdifficult\b|\bcomplicated\b|\bfrustrat\w+|\bstruggl\w+|\bnot (?:so |very )?easy\b|"
    r"\bcouldn'?t figure\b|\btrouble (?:with|getting|using)\b"
)
_NOT_DIFFICULT = re.compile(
    r"\b(?:not|isn'?t|wasn'?t|never|no)(?: \w+)? (?:hard|difficult|complicated|confusing|trouble)\b"
)


class ExtractTraining(TrainingTask):
    """An answer is right if its overall sentiment is; aspects are counted as they are served."""

    column_names = {
        "request.review": ("review", "review text", "review body", "comment", "feedback", "body", *TEXT_COLUMNS),
        "request.product": ("product", "product name", "product title", "item"),
        "labels.overall_sentiment": ("overall sentiment", "sentiment", "polarity", "label", *STAR_COLUMNS),
    }
    one_right = ("overall_sentiment", "use_case", "mentions_difficulty")
    recipe = {"modules": "o_proj,down_proj", "epochs": 2, "batch": 16, "max_length": 256}
    repositories = {"dmaste": "NJUNLP/DMASTE", "hatn": "hsqmlzno1/HATN"}
    headline_source, headline_figure = "dmaste", "pair_f1"
    right_when = "its overall sentiment is the expected one"
    hosted_names = ("aspects", "use_cases")
    line_starts_with_class = True

    def cell_values(self, field: str, column: str) -> dict[str, str]:
        return STARS if field == "labels.overall_sentiment" and column in STAR_COLUMNS else {}

    def label_names(self, ontology: Ontology) -> dict[str, dict[str, Sequence[str]]]:
        return {
            "labels.overall_sentiment": dict.fromkeys(extract.OVERALL, ()),
            "labels.use_case": {name: ontology.phrases("use_cases", name) for name in ontology.use_cases},
            "labels.aspects.category": {name: ontology.phrases("aspects", name) for name in ontology.aspects},
            "labels.aspects.sentiment": dict.fromkeys(extract.SIGN_OF, ()),
        }

    def public_readers(self) -> Mapping[str | None, Reader]:
        return {None: _examples}

    def is_right(self, example: Example, answer: Any, ontology: Ontology) -> bool:
        return answer is not None and bool(answer.overall_sentiment == example.labels.overall_sentiment)

    def figures(self, examples: Sequence[Example], answers: Sequence[Any], ontology: Ontology) -> Figures:
        """Of examples that are all partial, the accuracy of the overall sentiment alone."""
        pairs = list(zip(examples, answers, strict=True))

        def accuracy(field: str) -> float:
            return share(a and getattr(a, field) == getattr(e.labels, field) for e, a in pairs)

        figures = {"overall_accuracy": accuracy("overall_sentiment")}
        if all(e.known_fields is not None for e in examples):
            return figures
        gold = [e.labels.aspects for e in examples]
        predicted = [extract.settled(a.aspects, ontology) if a else [] for a in answers]
        units: dict[str, Callable[[Any], Hashable]] = {
            "pair": _pair,
            "triplet": lambda aspect: (aspect.aspect, aspect.opinion, aspect.sentiment),
        }
        for name, unit in units.items():
            scores = micro_f1(*([{unit(a) for a in aspects} for aspects in side] for side in (gold, predicted)))
            figures |= {f"{name}_{kind}": value for kind, value in scores.items()}
        specific = (
            [{_pair(a) for a in aspects if a.category != "general"} for aspects in side] for side in (gold, predicted)
        )
        figures["specific_pair_f1"] = micro_f1(*specific)["f1"]
        return figures | {f"{field}_accuracy": accuracy(field) for field in ("use_case", "mentions_difficulty")}

    def headline_terms(self, examples: Sequence[Example], answers: Sequence[Any], ontology: Ontology) -> Terms:
        if all(e.known_fields is not None for e in examples):
            return super().headline_terms(examples, answers, ontology)
        return f1_terms(
            (self.classes(e.labels, None) for e in examples), (self.classes(a, ontology) if a else () for a in answers)
        )

    def baselines(self) -> dict[str, Baseline]:
        return {"TF-IDF one-against-rest": tfidf, "lexicon of opinion words": partial(fallback, self.task)}

    def classes(self, labels: Any, ontology: Ontology | None) -> list[tuple[Any, ...]]:
        """(category, sentiment) pairs, each once; an answer's categories are settled by the ontology."""
        aspects = extract.settled(labels.aspects, ontology) if ontology else labels.aspects
        return [*{_pair(aspect) for aspect in aspects}]


def _pair(aspect: extract.Aspect) -> tuple[str, str]:
    return aspect.category, aspect.sentiment


def _examples(ontology: Ontology, seed: int) -> Iterator[Example]:
    for published, split in (("train", "train"), ("dev", "validation"), ("test", "test")):
        domains = readers.DMASTE_TRAINED if split != "test" else readers.DMASTE_DOMAINS
        for review in readers.dmaste(published, domains):
            trained = review.domain in readers.DMASTE_TRAINED
            source = "dmaste" if trained else f"dmaste-{review.domain}"
            labels = _labels(review.text, _overall(review), ontology, review.triplets)
            yield Example(split, source, extract.Request(review=review.text), labels)
    rng = random.Random(seed)
    for review in readers.hatn():
        if review.split == "train" and rng.random() >= HATN_SHARE:
            continue
        labels = _labels(review.text, review.sentiment or "mixed", ontology)
        yield Example(review.split, "hatn", extract.Request(review=review.text[:4000]), labels, known_fields=3)
    for text, labels in reviews(ontology, GENERATED_REVIEWS, seed):
        yield Example(split_of_generated(text), SOURCE, extract.Request(review=text), labels)


def is_difficult(review: str) -> bool:
    """A rule for what DMASTE does not label: whether the review says that something is hard to do."""
    return bool(_DIFFICULT.search(_NOT_DIFFICULT.sub(" ", review.lower())))


def _overall(review: readers.Review) -> str:
    """The overall sentiment by the majority of the triplets; mixed if the minority is over half of it."""
    count = Counter(triplet.sentiment for triplet in review.triplets)
    good, bad = count["positive"], count["negative"]
    if good and bad and 2 * min(good, bad) > max(good, bad):
        return "mixed"
    return "neutral" if good == bad else "positive" if good > bad else "negative"


def _labels(
    review: str, overall: str, ontology: Ontology, triplets: tuple[readers.Triplet, ...] = ()
) -> extract.Labels:
    """Labels with the triplets in the order of their opinions; difficulty and use case by rule."""
    position = review.lower().find
    aspects = []
    for triplet in sorted(triplets, key=lambda t: position((t.opinion or "").lower())):
        part, opinion = extract.as_span(triplet.aspect), extract.as_span(triplet.opinion)
        category = extract.category_of(part, opinion, ontology)
        aspects.append({"aspect": part, "category": category, "sentiment": triplet.sentiment, "opinion": opinion})
    return extract.Labels.model_validate(
        {
            "overall_sentiment": overall,
            "mentions_difficulty": is_difficult(review),
            "use_case": ontology.use_case_in(review),
            "aspects": aspects[: extract.MAX_ASPECTS],
        }
    )


def tfidf(train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """(category, sentiment) pairs one against the rest, and the overall sentiment."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MultiLabelBinarizer

    whole = [e for e in train if e.known_fields is None]
    binarizer = MultiLabelBinarizer()
    gold = binarizer.fit_transform([{_pair(a) for a in e.labels.aspects} for e in whole])
    predicted: list[tuple[tuple[str, str], ...]] = [()] * len(test)
    if len(binarizer.classes_):
        one_against_rest = OneVsRestClassifier(LogisticRegression(C=10, class_weight="balanced", max_iter=300))
        tagger = make_pipeline(word_vectorizer(whole), one_against_rest)
        tagger.fit(texts_of(whole, "review"), gold)
        indicators = tagger.predict(texts_of(test, "review")).reshape(len(test), -1)  # one class comes as a vector
        predicted = binarizer.inverse_transform(indicators)
    sentiments = predict_class(train, [e.labels.overall_sentiment for e in train], test, "review")
    return [
        extract.Labels.model_validate(
            {
                "overall_sentiment": overall,
                "aspects": [
                    {"aspect": None, "category": category, "sentiment": sentiment, "opinion": None}
                    for category, sentiment in pairs[: extract.MAX_ASPECTS]
                ],
            }
        )
        for overall, pairs in zip(sentiments, predicted, strict=True)
    ]


TRAINING = ExtractTraining(extract.TASK)
