"""Classify: titles of many shops and generated ones; the main figure is the accuracy of the taxonomy path."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from adapters.candidates import candidates
from adapters.ontology import Ontology
from adapters.tasks import classify
from training.examples import Example
from training.public import goods, readers
from training.tasks.baselines import Answers, Baseline, predict_class
from training.tasks.contract import COLOR_COLUMNS, GENDER_COLUMNS, TEXT_COLUMNS, Reader, TrainingTask
from training.tasks.figures import Figures, share
from training.tasks.goods import broader_titles, stated_attributes
from training.tasks.goods.unfitting import unfitting_titles
from training.tasks.retail import REPOSITORY, RETAIL, retail_leaves
from training.tasks.synthesis import SOURCE, split_of_generated
from training.tasks.synthesis.titles import titles

PER_LEAF = 150  # training titles of a source's leaf, at most
_COLORS = {"skin": "nude", "steel": "steel grey"}  # of the fashion data, by the ontology's names
MIXED = 5_000  # titles of all sources that the baseline for an unseen one is trained on, at most
GENERATED_TITLES = 12  # at most for each leaf, since a third of the leaves is in no public title


class ClassifyTraining(TrainingTask):
    """An answer is right if its category is; color and gender are figures of their own."""

    column_names = {
        "request.title": [
            *"title, product title, product name, product display name, item name, item title".split(", "),
            *"listing title, name, product, item".split(", "),
            *TEXT_COLUMNS,
        ],
        "request.description": ("description", "product description", "long description", "details"),
        "request.brand": ("brand", "brand name", "manufacturer", "vendor"),
        "labels.category": (
            "category, product category, category name, category label, category path, product type, article type, "
            "subcategory, sub category, type, label, class"
        ).split(", "),
        "labels.attributes.color": COLOR_COLUMNS,
        "labels.attributes.gender": GENDER_COLUMNS,
    }
    one_right = ("category", "attributes.color", "attributes.gender")
    recipe = {"modules": "o_proj,down_proj", "epochs": 1}
    repositories = {
        "fashion": "animmala3942/FashionProductRecommendationSystem",
        "pricerunner": "KelvinLam05/product_classification",
        RETAIL: REPOSITORY,
        **goods.REPOSITORIES,
    }
    headline_source, headline_figure = "fashion", "path_accuracy"
    unseen = {"contoso": "validation", "pave": "validation", "flipkart": "test", "superstore": "test"}
    right_when = "its category is the expected one"
    hosted_names = ("categories", "color", "gender")
    line_starts_with_class = True

    def label_values(self, labels: Mapping[str, Any]) -> list[str]:
        category = labels.get("category")
        return [category] if isinstance(category, str) else []

    def label_names(self, ontology: Ontology) -> dict[str, dict[str, Sequence[str]]]:
        categories = ontology.categories.items()
        return {
            "labels.category": {name: (leaf.id, *leaf.synonyms) for name, leaf in categories},
            **{
                f"labels.attributes.{name}": {value: ontology.phrases(name, value) for value in attribute.values}
                for name, attribute in ontology.attributes.items()
            },
        }

    def public_readers(self) -> Mapping[str | None, Reader]:
        return {None: lambda ontology, seed: _limited(_examples(ontology, seed), seed)}

    def is_right(self, example: Example, answer: Any, ontology: Ontology) -> bool:
        return answer is not None and bool(answer.category == example.labels.category)

    def figures(self, examples: Sequence[Example], answers: Sequence[Any], ontology: Ontology) -> Figures:
        """Accuracies; a leaf is in the taxonomy once, so it is right exactly where the whole path is.

        Color and gender are scored on the examples that have one; macro F1 is over the expected categories.
        """
        from sklearn.metrics import f1_score

        pairs = [(e.labels, answer) for e, answer in zip(examples, answers, strict=True)]

        def accuracy(value: Callable[[Any], Any], among: Sequence[tuple[Any, Any]] = pairs) -> float:
            return share(answer is not None and value(gold) == value(answer) for gold, answer in among)

        def level_accuracy(level: int) -> float:
            """Of the path's first `level` names."""
            paths: dict[str | None, tuple[str, ...]] = {None: ()}
            paths |= {name: category.path[:level] for name, category in ontology.categories.items()}
            return accuracy(lambda labels: paths[labels.category])

        def attribute_accuracy(name: str) -> float:
            among = [pair for pair in pairs if name in pair[0].attributes]
            return accuracy(lambda labels: labels.attributes.get(name), among)

        depth = max((len(category.path) for category in ontology.categories.values()), default=0)
        gold = [labels.category or classify.UNKNOWN for labels, _ in pairs]
        predicted = [(answer.category or classify.UNKNOWN) if answer else "" for answer in answers]
        return {
            "path_accuracy": accuracy(lambda labels: labels.category),
            "department_accuracy": level_accuracy(1),
            "color_accuracy": attribute_accuracy("color"),
            "gender_accuracy": attribute_accuracy("gender"),
            "exact": accuracy(lambda labels: labels),
            **{f"level_{level}_accuracy": level_accuracy(level) for level in range(2, depth)},
            "macro_f1": float(f1_score(gold, predicted, labels=sorted({*gold}), average="macro", zero_division=0)),
        }

    def baselines(self) -> dict[str, Baseline]:
        return {"TF-IDF + logistic regression": tfidf, "words of the taxonomy": words_of_leaves}

    def classes(self, labels: Any, ontology: Ontology | None) -> list[tuple[Any, ...]]:
        return [(labels.category or classify.UNKNOWN,)]


def _examples(ontology: Ontology, seed: int) -> Iterator[Example]:
    attributes: dict[str, str | None]
    for record in readers.fashion():
        leaf = record.path[-1]
        color = stated_attributes(record.title, leaf, ontology).get("color")
        if color and record.color:
            color = _COLORS.get(record.color, record.color)
        attributes = {"color": color, "gender": record.gender}
        yield _example(record.split, "fashion", record.title, leaf, attributes, ontology)
    for offer in readers.pricerunner():
        attributes = {"color": stated_attributes(offer.title, offer.category, ontology).get("color")}
        yield _example(offer.split, "pricerunner", offer.title, offer.category, attributes, ontology)
    leaves = retail_leaves()
    for product in readers.products():
        leaf = leaves[f"{product.category}/{product.style}"]
        named = ontology.category_in(product.name)
        if named and named.path[0] == ontology.categories[leaf].path[0]:
            leaf = named.name
        stated = stated_attributes(product.name, leaf, ontology)
        attributes = {"color": stated.get("color"), "gender": product.gender}
        yield _example(product.split, RETAIL, product.name, leaf, attributes, ontology)
    for text, labels in titles(ontology, GENERATED_TITLES, seed):
        yield Example(split_of_generated(text), SOURCE, classify.Request(title=text), labels)
    yield from broader_titles(ontology)
    for title in unfitting_titles(ontology, seed):
        request = classify.Request(title=title.text[:300])
        yield Example(title.split, title.source, request, classify.Labels(category=None))


def _limited(examples: Iterable[Example], seed: int) -> Iterator[Example]:
    """The examples, of the training titles of each source's leaf PER_LEAF at random at most."""
    groups: dict[tuple[str, str, str | None], list[Example]] = defaultdict(list)
    for example in examples:
        groups[example.split, example.source, example.labels.category].append(example)
    rng = random.Random(seed)
    for (split, _, leaf), group in groups.items():
        is_limited = split == "train" and leaf is not None and len(group) > PER_LEAF
        yield from rng.sample(group, PER_LEAF) if is_limited else group


def _example(
    split: str, source: str, title: str, leaf: str, attributes: Mapping[str, str | None], ontology: Ontology
) -> Example:
    category = ontology.categories[leaf]
    known = {name: value for name, value in attributes.items() if value and ontology.applies(name, category)}
    return Example(split, source, classify.Request(title=title[:300]), classify.Labels(category=leaf, attributes=known))


def tfidf(train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """The leaf by TF-IDF and logistic regression; color and gender by the ontology's words in the title.

    One classifier for each source, as a shop would train one on its own titles; one of at most MIXED titles of all
    sources for the sources that have none.
    """
    answers: Answers = [None] * len(test)
    trained = {e.source for e in train}
    for source in {e.source if e.source in trained else None for e in test}:
        members = [i for i, e in enumerate(test) if source == (e.source if e.source in trained else None)]
        own = (
            [e for e in train if e.source == source]
            if source
            else random.Random(0).sample(train, min(MIXED, len(train)))
        )
        gold = [e.labels.category or classify.UNKNOWN for e in own]
        leaves = predict_class(own, gold, [test[i] for i in members], "title")
        for i, leaf in zip(members, leaves, strict=True):
            attributes: dict[str, str] = {}
            for attribute, value, _, _ in ontology.properties_in(test[i].request.title):
                if attribute in classify.DECIDED:
                    attributes.setdefault(attribute, value)
            answers[i] = classify.Labels(category=None if leaf == classify.UNKNOWN else leaf, attributes=attributes)
    return answers


def words_of_leaves(train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """The leaf that the title's words point at most, without training."""
    return [
        classify.Labels(category=next(iter(candidates(e.request.title, ontology)), None), attributes={}) for e in test
    ]


TRAINING = ClassifyTraining(classify.TASK)
