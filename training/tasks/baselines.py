"""The cheap answers that a sceptic would try first, learnt from the same training examples.

classify: TF-IDF with logistic regression; rewrite: a dictionary tagger from the training labels and
a gazetteer of the ontology; extract: TF-IDF one-against-rest; copywrite: a template; other tasks:
logistic regression over the request's words and numbers. Called by `training.evaluation.evaluate`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MultiLabelBinarizer

from adapters.ontology import Ontology
from adapters.tasks import classify, copywrite, extract, rewrite
from adapters.tasks.contract import LineError, Task
from adapters.words import words
from training.examples import Example

Answers = list[Any]
Baseline = Callable[[Sequence[Example], Sequence[Example], Ontology], Answers]


def _texts(examples: Sequence[Example], field: str) -> list[str]:
    return [getattr(e.request, field).lower() for e in examples]


def _words(examples: Sequence[Example]) -> TfidfVectorizer:
    rarest = 2 if len(examples) > 1_000 else 1
    return TfidfVectorizer(ngram_range=(1, 2), min_df=rarest, sublinear_tf=True, token_pattern=r"\S+")


def _guess(train: Sequence[Example], labels: list[str], test: Sequence[Example], field: str) -> list[str]:
    """TF-IDF with logistic regression; with a single label to learn, that one."""
    if len(set(labels)) == 1:
        return labels[:1] * len(test)
    model = make_pipeline(_words(train), LogisticRegression(C=10, max_iter=300, tol=1e-3))
    model.fit(_texts(train, field), labels)
    return [str(label) for label in model.predict(_texts(test, field))]


def tfidf_classify(train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """Word uni- and bigrams to a leaf; color and gender from the ontology's words.

    One classifier a source, as a shop would train one for its own titles.
    """
    answers: Answers = [None] * len(test)
    for source in {e.source for e in test}:
        members = [i for i, e in enumerate(test) if e.source == source]
        own = [e for e in train if e.source == source] or train
        leaves = _guess(own, [e.labels.category for e in own], [test[i] for i in members], "title")
        for i, leaf in zip(members, leaves, strict=True):
            title = test[i].request.title
            found: dict[str, str] = {}
            for attribute, value, _, _ in ontology.values_in(title):
                if attribute in classify.DECIDED:
                    found.setdefault(attribute, value)
            answers[i] = classify.Labels(category=leaf, attributes=found)
    return answers


def dictionary_rewrite(train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """The commonest type of each phrase of the training labels, longest match first."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for example in train:
        said = rewrite.query_words(example.request.query)
        for kind, start, end in rewrite.spans(example.labels.tags):
            seen[" ".join(said[start:end])][kind] += 1
    best = {phrase: kinds.most_common(1)[0][0] for phrase, kinds in seen.items()}
    longest = max((len(phrase.split()) for phrase in best), default=0)
    answers: Answers = []
    for example in test:
        said = rewrite.query_words(example.request.query)
        tags: list[str] = []
        while len(tags) < len(said):
            i = len(tags)
            for n in range(min(longest, len(said) - i), 0, -1):
                known = best.get(" ".join(said[i : i + n]))
                if known:
                    tags += [known, *[rewrite.CONTINUES] * (n - 1)]
                    break
            else:
                follows = tags and tags[-1] != rewrite.OTHER
                tags.append(rewrite.CONTINUES if follows else "type")
        answers.append(rewrite.Labels(tags=tags))
    return answers


def gazetteer_rewrite(train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    return [rewrite.TASK.fallback(example.request, ontology) for example in test]


def tfidf_extract(train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """(category, sentiment) pairs one against the rest, and the overall sentiment."""
    whole = [e for e in train if e.known_fields is None]
    binarizer = MultiLabelBinarizer()
    pairs = binarizer.fit_transform([{(a.category, a.sentiment) for a in e.labels.aspects} for e in whole])
    found: list[tuple[tuple[str, str], ...]] = [()] * len(test)
    if len(binarizer.classes_):
        tagger = make_pipeline(
            _words(whole), OneVsRestClassifier(LogisticRegression(C=10, class_weight="balanced", max_iter=300))
        )
        tagger.fit(_texts(whole, "review"), pairs)
        found = binarizer.inverse_transform(tagger.predict(_texts(test, "review")))
    verdicts = _guess(train, [e.labels.overall_sentiment for e in train], test, "review")
    return [
        extract.Labels.model_validate(
            {
                "overall_sentiment": verdict,
                "aspects": [
                    {"aspect": None, "category": c, "sentiment": s, "opinion": None}
                    for c, s in list(said)[: extract.MAX_ASPECTS]
                ],
            }
        )
        for verdict, said in zip(verdicts, found, strict=True)
    ]


def lexicon_extract(train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    return [extract.TASK.fallback(example.request, ontology) for example in test]


def template_copywrite(train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    return [copywrite.TASK.fallback(example.request, ontology) for example in test]


CLASSES = 100  # different main answers, at most, that a classifier is fitted to


def most_common(of: Task[Any, Any], train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """The commonest line of the training examples, whatever is asked."""
    [(line, _)] = Counter(of.encode(e.labels) for e in train).most_common(1)
    return [_decoded(of, line, example, ontology) for example in test]


def regression(of: Task[Any, Any], train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """Logistic regression to what the task counts first, else to the whole line.

    The rest is that of the most similar training example that has it, by cosine.
    """
    counted = next(iter(of.counted.values()), lambda labels: (of.encode(labels),))
    classes = [" ".join(sorted(map(str, counted(e.labels)))) for e in train]
    vectors = make_pipeline(DictVectorizer(), MaxAbsScaler())
    known = vectors.fit_transform([dict(_features(e)) for e in train])
    asked = vectors.transform([dict(_features(e)) for e in test])
    if not 1 < len(set(classes)) <= CLASSES:
        classes, told = [""] * len(train), [""] * len(test)
    else:
        told = list(LogisticRegression(max_iter=1_000).fit(known, classes).predict(asked))
    answers: Answers = [None] * len(test)
    for each in set(told):
        own = [i for i, name in enumerate(classes) if name == each]
        wanted = [i for i, name in enumerate(told) if name == each]
        index = NearestNeighbors(n_neighbors=1, metric="cosine").fit(known[own])
        for i, (near,) in zip(wanted, index.kneighbors(asked[wanted])[1], strict=True):
            answers[i] = _decoded(of, of.encode(train[own[near]].labels), test[i], ontology)
    return answers


def _features(example: Example) -> Iterator[tuple[str, float]]:
    """Numbers by name, words and yes or no as one of name and value."""
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


def _decoded(of: Task[Any, Any], line: str, example: Example, ontology: Ontology) -> Any:
    try:
        return of.decode(line, example.request, ontology)
    except LineError:
        return None


def baselines_of(task: Task[Any, Any]) -> dict[str, Baseline]:
    """A task's own, else those that any task can have."""
    general: dict[str, Baseline] = {
        "logistic regression": partial(regression, task),
        "most common answer": partial(most_common, task),
    }
    return BASELINES.get(task.name, general)


BASELINES: dict[str, dict[str, Baseline]] = {
    "classify": {"TF-IDF + logistic regression": tfidf_classify},
    "rewrite": {"dictionary of training labels": dictionary_rewrite, "gazetteer of the ontology": gazetteer_rewrite},
    "extract": {"TF-IDF one-against-rest": tfidf_extract, "lexicon of opinion words": lexicon_extract},
    "copywrite": {"template": template_copywrite},
}
