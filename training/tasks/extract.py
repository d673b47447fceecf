"""Extract: labelled reviews of several data sets, reviews joined from their sentences, and generated ones.

The main figure is the micro-F1 of (category, sentiment) pairs, or the accuracy of the overall sentiment where no more
is labelled.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

from adapters.ontology import Ontology
from adapters.sentiment import opinions, overall
from adapters.tasks import extract
from training.examples import Example
from training.public import readers, reviews
from training.tasks.baselines import Answers, Baseline, fallback, predict_class, texts_of, word_vectorizer
from training.tasks.contract import TEXT_COLUMNS, Reader, TrainingTask
from training.tasks.figures import Figures, Terms, f1_terms, micro_f1, share
from training.tasks.review_labels import labels_of, overall_of, with_opinions
from training.tasks.synthesis import SOURCE, joined, split_of_generated
from training.tasks.synthesis.reviews import reviews as generated
from training.text import key

GENERATED_REVIEWS, MIXED, PROS_CONS, FOOD, TELEVISIONS = 1_800, 1_300, 500, 2_000, 1_200  # training examples
HATN_SHARE = 0.28  # of its short training reviews: each takes a review's tokens for one label, the sentiment
LONGEST, LONGEST_HATN = 110, 70  # words of a training review
SHORTEST_GENERATED = 6  # words: shorter ones, "waste of money", are also what people type to try the adapter
STAR_COLUMNS = ("rating", "stars", "star rating", "score")
STARS = {"1": "negative", "2": "negative", "4": "positive", "5": "positive"}  # what 3 means is the shop's to decide


class ExtractTraining(TrainingTask):
    """An answer is right if its overall sentiment is; aspects are counted as they are served."""

    column_names = {
        "request.review": ("review", "review text", "review body", "comment", "feedback", "body", *TEXT_COLUMNS),
        "request.product": ("product", "product name", "product title", "item"),
        "labels.overall_sentiment": ("overall sentiment", "sentiment", "polarity", "label", *STAR_COLUMNS),
    }
    one_right = ("overall_sentiment", "use_case", "mentions_difficulty")
    recipe = {"modules": "o_proj,down_proj", "epochs": 1, "batch": 16, "max_length": 256}
    repositories = {"dmaste": "NJUNLP/DMASTE", "hatn": "hsqmlzno1/HATN", **reviews.REPOSITORIES}
    unseen = {
        "products": "validation",
        "t-shirts": "test",
        "dmaste-book": "test",
        "dmaste-grocery": "test",
        "dmaste-pet": "test",
        "dmaste-toy": "test",
    }
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
    rng = random.Random(seed)
    real = list(_real(ontology, rng))
    yield from real
    held_out = {key(example.request.review) for example in real if example.split != "train"}
    pieces = [e for e in real if e.split == "train" and key(e.request.review) not in held_out]
    yield from joined.mixed(pieces, MIXED, ontology, rng)
    yield from joined.lists((line for line in reviews.pros_cons() if line.split == "train"), PROS_CONS, ontology, rng)
    for text, labels in generated(ontology, GENERATED_REVIEWS, seed):
        if len(text.split()) >= SHORTEST_GENERATED:
            yield Example(split_of_generated(text), SOURCE, extract.Request(review=text), labels)


def _real(ontology: Ontology, rng: random.Random) -> Iterator[Example]:
    for published, split in (("train", "train"), ("dev", "validation"), ("test", "test")):
        domains = readers.DMASTE_TRAINED if split != "test" else readers.DMASTE_DOMAINS
        for review in readers.dmaste(published, domains):
            source = "dmaste" if review.domain in readers.DMASTE_TRAINED else f"dmaste-{review.domain}"
            if split != "train" or _is_short(review, LONGEST):
                labels = labels_of(review.text, overall_of(review.triplets), ontology, review.triplets)
                request = extract.Request(review=review.text)
                is_whole = split != "train" or _decodes(labels, request, ontology)
                yield Example(split, source, request, labels, None if is_whole else 3)
    for review in _sample(reviews.food(), FOOD, rng):
        yield from _food(review, ontology)
    yield from _of_terms("televisions", _sample(reviews.terms("televisions"), TELEVISIONS, rng), ontology)
    yield from _of_terms("crowd", reviews.crowd(), ontology)
    unseen = chain((r for r in reviews.terms("t-shirts") if r.split == "test"), reviews.products())
    for review in unseen:
        filled, _ = with_opinions(review, ontology)
        labels = labels_of(review.text, overall_of(filled.triplets), ontology, filled.triplets)
        split = ExtractTraining.unseen[review.domain]
        yield Example(split, review.domain, extract.Request(review=review.text), labels)
    for review in readers.hatn():
        if review.split != "train" or (_is_short(review, LONGEST_HATN) and rng.random() < HATN_SHARE):
            labels = labels_of(review.text, review.sentiment or "mixed", ontology)
            yield Example(review.split, "hatn", extract.Request(review=review.text[:4000]), labels, known_fields=3)


def _is_short(review: readers.Review, longest: int) -> bool:
    return len(review.text.split()) <= longest


def _food(review: readers.Review, ontology: Ontology) -> Iterator[Example]:
    """The example of a sentence; partial where the data set has no words for an opinion.

    Where no opinion is labelled and the lexicon reads one, the labels are doubtful: such a sentence is left out.
    """
    request = extract.Request(review=review.text)
    if not review.triplets:
        if review.split == "train" and not opinions(review.text):
            yield Example(review.split, "food", request, labels_of(review.text, "neutral", ontology))
        return
    labels = labels_of(review.text, overall_of(review.triplets), ontology, review.triplets)
    is_whole = all(t.opinion for t in review.triplets) and _decodes(labels, request, ontology)
    yield Example(review.split, "food", request, labels, None if is_whole else 3)


def _of_terms(source: str, labelled: Iterable[readers.Review], ontology: Ontology) -> Iterator[Example]:
    """Examples of reviews with labelled targets; of training ones only those in which the lexicon sees no other sign
    than the labels, partial where it does not see all of them."""
    for review in labelled:
        filled, is_complete = with_opinions(review, ontology)
        sentiment = overall_of(filled.triplets)
        request = extract.Request(review=review.text)
        if review.split == "train" and overall(opinions(review.text)) not in (sentiment, "neutral"):
            continue
        labels = labels_of(review.text, sentiment, ontology, filled.triplets)
        is_whole = review.split == "test" or (is_complete and _decodes(labels, request, ontology))
        yield Example(review.split, source, request, labels, None if is_whole else 3)


def _decodes(labels: extract.Labels, request: extract.Request, ontology: Ontology) -> bool:
    """Whether the grammar admits the labels' line: each part and opinion stands in the review."""
    return extract.TASK.read(extract.TASK.encode(labels), request, ontology) == labels


def _sample(labelled: Iterable[readers.Review], count: int, rng: random.Random) -> Iterator[readers.Review]:
    """The reviews, of the training ones `count`: those with a complaint before those without."""
    train = []
    for review in labelled:
        if review.split == "train":
            train.append(review)
        else:
            yield review
    rng.shuffle(train)
    yield from sorted(train, key=lambda review: all(t.sentiment != "negative" for t in review.triplets))[:count]


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
