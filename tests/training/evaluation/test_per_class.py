"""Precision, recall and F1 of each class, by hand and against scikit-learn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support
from tests.training.test_metrics import queries, review_labels, titles

from adapters.ontology import Ontology
from adapters.tasks import classify, copywrite, extract, rewrite
from training.evaluation.per_class import by_class
from training.examples import Example


def test_classes_of_phrases_have_exact_spans(ontology: Ontology) -> None:
    gold = queries("color type +", "brand type")
    answers = [rewrite.Labels(tags=["color", "type", "type"]), None]
    found = by_class("rewrite", gold, answers, ontology)
    assert found.keys() == {"color", "type", "brand"}
    assert found["color"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "examples": 1}
    assert found["type"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "examples": 2}
    assert found["brand"]["recall"] == 0.0


def test_what_is_not_labelled_counts_in_no_class(ontology: Ontology) -> None:
    labels = review_labels("negative; no; -; -", ontology)
    gold = [Example("test", "hatn", extract.Request(review="any"), labels, known_fields=3)]
    answer = review_labels("negative; no; -; fit - fit: bad", ontology)
    assert by_class("extract", gold, [answer], ontology) == {}


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(*[st.sampled_from(["Shirts", "Jeans", "Coats"])] * 2), min_size=1))
def test_classes_agree_with_scikit_learn(pairs: list[tuple[str, str]], ontology: Ontology) -> None:
    wanted, said = zip(*pairs, strict=True)
    answers = [classify.Labels(category=leaf) for leaf in said]
    found = by_class("classify", titles(*wanted), answers, ontology)
    names = sorted({*wanted, *said})
    assert list(found) == names
    theirs = precision_recall_fscore_support(wanted, said, labels=names, zero_division=0)
    for name, *told in zip(names, *theirs, strict=True):
        assert list(found[name].values()) == pytest.approx(told)


def test_a_text_has_no_class(ontology: Ontology) -> None:
    labels = copywrite.Labels(description="A mug.")
    gold = [Example("test", "retail", copywrite.Request(name="mug"), labels)]
    assert by_class("copywrite", gold, [labels], ontology) == {}
