"""Rewrite: QueryNER's labelled queries and generated ones; the main figure is the micro-F1 of labelled phrases."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from adapters.cleaning import plain
from adapters.ontology import Ontology
from adapters.tasks import rewrite
from training.examples import SPLITS, Example
from training.public import readers
from training.tasks.baselines import Answers, Baseline, fallback
from training.tasks.contract import TEXT_COLUMNS, Reader, TrainingTask
from training.tasks.figures import Figures, Terms, f1_terms, micro_f1, share
from training.tasks.synthesis import SOURCE, split_of_generated
from training.tasks.synthesis.queries import queries

GENERATED_QUERIES = 1_500
# QueryNER's span types by the names that the answer line has for them; others are the same in both.
_TYPES = {
    "UoM": "size",
    "core_product_type": "type",
    "creator": "brand",
    "product_name": "name",
    "product_number": "number",
}
Spans = list[tuple[str, int, int]]  # type, first word, word after the last


class RewriteTraining(TrainingTask):
    """An answer is right if a search with it is; figures count phrases by type and exact span."""

    column_names = {
        "request.query": ("query", "search query", "search term", "search", "keyword", "q", *TEXT_COLUMNS),
        "labels.tags": ("tags", "labels", "tag"),
    }
    one_right = ("tags",)
    word_label = "tags"
    recipe = {"modules": "all-linear", "epochs": 2}
    repositories = {"queryner": "mdfwg/queryner-kd"}
    headline_source, headline_figure = "queryner", "entity_f1"
    right_when = "its product type, filters, exclusions and price are those of the expected labels"

    def label_values(self, labels: Mapping[str, Any]) -> list[str]:
        tags = labels.get("tags")
        names = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
        return [tag for tag in names if tag not in (rewrite.CONTINUES, rewrite.OTHER)] or names[:1]

    def label_names(self, ontology: Ontology) -> dict[str, dict[str, Sequence[str]]]:
        return {"labels.tags": dict.fromkeys((*rewrite.TYPES, rewrite.OTHER, rewrite.CONTINUES), ())}

    def public_readers(self) -> Mapping[str | None, Reader]:
        return {None: _examples}

    def is_right(self, example: Example, answer: Any, ontology: Ontology) -> bool:
        return answer is not None and _search(answer, example, ontology) == _search(example.labels, example, ontology)

    def figures(self, examples: Sequence[Example], answers: Sequence[Any], ontology: Ontology) -> Figures:
        gold, predicted = _spans(examples, answers)
        same_spans = zip(answers, gold, predicted, strict=True)
        searches = [
            (_search(e.labels, e, ontology), _search(answer, e, ontology) if answer else None)
            for e, answer in zip(examples, answers, strict=True)
        ]
        return {
            **{f"entity_{name}": value for name, value in micro_f1(gold, predicted).items()},
            "exact": share(answer and expected == spans for answer, expected, spans in same_spans),
            "filters_exact": share(search and expected[1:] == search[1:] for expected, search in searches),
            "right": share(expected == search for expected, search in searches),
        }

    def headline_terms(self, examples: Sequence[Example], answers: Sequence[Any], ontology: Ontology) -> Terms:
        return f1_terms(*_spans(examples, answers))

    def baselines(self) -> dict[str, Baseline]:
        return {"dictionary of training labels": dictionary, "gazetteer of the ontology": partial(fallback, self.task)}

    def classes(self, labels: Any, ontology: Ontology | None) -> list[tuple[Any, ...]]:
        return [*rewrite.spans(labels.tags)]

    def slice_names(self, request: Mapping[str, Any], line: str) -> Iterable[str]:
        return {*line.split()} - {rewrite.CONTINUES, rewrite.OTHER}


def _spans(examples: Sequence[Example], answers: Sequence[Any]) -> tuple[list[Spans], list[Spans]]:
    """The labelled phrases of gold labels and answers; none where there is no answer."""
    return [rewrite.spans(e.labels.tags) for e in examples], [rewrite.spans(a.tags) if a else [] for a in answers]


def _search(labels: Any, example: Example, ontology: Ontology) -> tuple[Any, ...]:
    """What a search looks for, and what it filters by."""
    fields = rewrite.TASK.expand(labels, example.request, ontology)
    return fields["product_type"], fields["filters"], fields["exclude"], fields["price"]


def _examples(ontology: Ontology, seed: int) -> Iterator[Example]:
    for split in SPLITS:
        for query in readers.queries(split):
            words, tags = _split(query.words, query.tags)
            request = rewrite.Request(query=" ".join(words))
            yield Example(split, "queryner", request, rewrite.Labels(tags=_line_tags(tags)))
    for text, tags in queries(ontology, GENERATED_QUERIES, seed):
        yield Example(split_of_generated(text), SOURCE, rewrite.Request(query=text), rewrite.Labels(tags=tags))


def _split(words: Sequence[str], tags: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words and BIO tags of a query as requests split it: `gray/blue` is two words, of one phrase."""
    split: list[tuple[str, str]] = []
    for word, tag in zip(words, tags, strict=True):
        inside = tag.replace("B-", "I-")
        split += [(part, inside if i else tag) for i, part in enumerate(rewrite.query_words(plain(word)))]
    return [word for word, _ in split], [tag for _, tag in split]


def _line_tags(tags: Sequence[str]) -> list[str]:
    """QueryNER's BIO tags as the labels of the answer line."""
    labels: list[str] = []
    for i, tag in enumerate(tags):
        kind = tag[2:]
        if tag == "O":
            labels.append(rewrite.OTHER)
        elif tag.startswith("I-") and i and tags[i - 1][2:] == kind:
            labels.append(rewrite.CONTINUES)
        else:
            labels.append(_TYPES.get(kind, kind))
    return labels


def dictionary(train: Sequence[Example], test: Sequence[Example], ontology: Ontology) -> Answers:
    """The commonest type of each phrase of the training labels, longest match first.

    An unknown word continues the phrase before it; without one it is a product type.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for example in train:
        words = rewrite.query_words(example.request.query)
        for kind, start, end in rewrite.spans(example.labels.tags):
            counts[" ".join(words[start:end])][kind] += 1
    types = {phrase: kinds.most_common(1)[0][0] for phrase, kinds in counts.items()}
    longest = max((len(phrase.split()) for phrase in types), default=0)
    return [rewrite.Labels(tags=_tag(rewrite.query_words(e.request.query), types, longest)) for e in test]


def _tag(words: list[str], types: Mapping[str, str], longest: int) -> list[str]:
    tags: list[str] = []
    while len(tags) < len(words):
        i = len(tags)
        for n in range(min(longest, len(words) - i), 0, -1):
            if kind := types.get(" ".join(words[i : i + n])):
                tags += [kind, *[rewrite.CONTINUES] * (n - 1)]
                break
        else:
            continues = tags and tags[-1] != rewrite.OTHER
            tags.append(rewrite.CONTINUES if continues else "type")
    return tags


TRAINING = RewriteTraining(rewrite.TASK)
