"""Cheap baselines that need no task's knowledge, and the TF-IDF classifier that some tasks' own are made of.

scikit-learn is imported where it is used, since the commands on data import the tasks too. Called by the tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from adapters.ontology import Ontology
from adapters.tasks.contract import Task
from adapters.words import words
from training.examples import Example

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

Answers = list[Any]  # labels, or None, for each test example
Baseline = Callable[[Sequence[Example], Sequence[Example], Ontology], Answers]  # of train and test examples
MAX_CLASSES = 100  # different main answers, at most, that a classifier is fitted to


def texts_of(examples: Sequence[Example], field: str) -> list[str]:
    """A field of the requests, in lower case."""
    return [getattr(e.request, field).lower() for e in examples]


def word_vectorizer(train: Sequence[Example]) -> TfidfVectorizer:
    """TF-IDF of word uni- and bigrams; in many examples those that occur once are dropped."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    min_df = 2 if len(train) > 1_000 else 1
    return TfidfVectorizer(ngram_range=(1, 2), min_df=min_df, sublinear_tf=True, token_pattern=r"\S+")


def predict_class(train: Sequence[Example], labels: list[str], test: Sequence[Example], field: str) -> list[str]:
    """The class of each test example by TF-IDF and logistic regression; a single training class is the answer."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    if len(set(labels)) == 1:
        return labels[:1] * len(test)
    model = make_pipeline(word_vectorizer(train), LogisticRegression(C=10, max_iter=300, tol=1e-3))
    model.fit(texts_of(train, field), labels)
    return [str(label) for label in model.predict(texts_of(test, field))]


def fallback(task: Task[Any, Any], train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """The task's answers by rules, without training."""
    return [task.fallback(example.request, ontology) for example in test]


def most_common(task: Task[Any, Any], train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """The commonest line of the training examples, whatever the request."""
    [(line, _)] = Counter(task.encode(e.labels) for e in train).most_common(1)
    return [task.read(line, example.request, ontology) for example in test]


def regression(task: Task[Any, Any], train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """Logistic regression to what the task counts first, else to the whole line.

    The line is that of the nearest training example of the predicted class, by cosine.
    """
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import NearestNeighbors
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    count = next(iter(task.counted.values()), lambda labels: (task.encode(labels),))
    classes = [" ".join(sorted(map(str, count(e.labels)))) for e in train]
    vectorizer = make_pipeline(DictVectorizer(), MaxAbsScaler())
    train_vectors = vectorizer.fit_transform([dict(_features(e)) for e in train])
    test_vectors = vectorizer.transform([dict(_features(e)) for e in test])
    if 1 < len(set(classes)) <= MAX_CLASSES:
        predicted = list(LogisticRegression(max_iter=1_000).fit(train_vectors, classes).predict(test_vectors))
    else:
        classes, predicted = [""] * len(train), [""] * len(test)
    answers: Answers = [None] * len(test)
    for name in set(predicted):
        members = [i for i, of_train in enumerate(classes) if of_train == name]
        queries = [i for i, of_test in enumerate(predicted) if of_test == name]
        index = NearestNeighbors(n_neighbors=1, metric="cosine").fit(train_vectors[members])
        nearest = index.kneighbors(test_vectors[queries], return_distance=False)[:, 0]
        for i, neighbour in zip(queries, nearest, strict=True):
            line = task.encode(train[members[neighbour]].labels)
            answers[i] = task.read(line, test[i].request, ontology)
    return answers


def _features(example: Example) -> Iterator[tuple[str, float]]:
    """Numbers by field name; words and booleans as `field=word`."""
    yield from _flat("", example.request.model_dump(mode="json", exclude_none=True))


def _flat(name: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(name, inner)
    elif isinstance(value, bool | str):
        yield from ((f"{name}={word}", 1.0) for word in words(str(value)))
    else:
        yield name, float(value)
