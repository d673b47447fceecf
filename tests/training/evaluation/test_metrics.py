"""Figures by source and by class, and main figures with p against the adapter."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from adapters.ontology import Ontology
from adapters.tasks import classify, rewrite
from tests.training.tasks.builders import review, review_labels, tagged, title
from training.evaluation.metrics import by_class, headlines, score
from training.evaluation.results import ADAPTER, ONE_SAMPLE
from training.tasks import training_task

CLASSIFY, REWRITE = training_task("classify"), training_task("rewrite")


def test_figures_are_given_for_each_source(ontology: Ontology) -> None:
    gold = [title("any", "Shirts"), title("any", "Shirts"), title("any", "Shirts", "retail")]
    figures = score(CLASSIFY, gold, [gold[0].labels, None, gold[2].labels], ontology)
    assert [(f["examples"], f["path_accuracy"]) for f in figures.values()] == [(2, 0.5), (1, 1.0)]
    assert list(figures) == ["fashion", "retail"]


def test_missing_answers_and_fallbacks_are_counted(ontology: Ontology) -> None:
    gold = [tagged("other")] * 3
    figures = score(REWRITE, gold, [None, gold[0].labels, gold[0].labels], ontology, [False, True, False])["queryner"]
    assert (figures["undecodable"], figures["fallback"]) == (0.3333, 0.3333)
    assert figures["exact"] == 0.6667


def test_the_adapter_and_its_single_samples_are_what_p_compares_with(ontology: Ontology) -> None:
    gold = [title("any", "Shirts")] * 20
    right, wrong = [e.labels for e in gold], [classify.Labels(category="Jeans")] * 20
    single = f"{ADAPTER}{ONE_SAMPLE}"
    sides = {ADAPTER: right, "base": wrong, single: wrong, f"base{ONE_SAMPLE}": wrong}
    values = {side: by_source["fashion"] for side, by_source in headlines(CLASSIFY, gold, sides, ontology).items()}
    assert (values[ADAPTER].value, values["base"].value) == (1.0, 0.0)
    assert (values[ADAPTER].p, values[single].p) == (None, None)
    assert values["base"].p is not None and values["base"].p < 0.001
    assert values[f"base{ONE_SAMPLE}"].p == 1.0  # as the adapter's single samples


def test_classes_of_phrases_have_exact_spans(ontology: Ontology) -> None:
    answers = [rewrite.Labels(tags=["color", "type", "type"]), None]
    classes = by_class(REWRITE, [tagged("color type +"), tagged("brand type")], answers, ontology)["queryner"]
    assert list(classes) == ["brand", "color", "type"]
    assert classes["color"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "examples": 1}
    assert classes["type"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "examples": 2}
    assert classes["brand"]["recall"] == 0.0


def test_partial_examples_count_in_no_class(ontology: Ontology) -> None:
    gold = [review("negative; no; -; -", "hatn", known_fields=3)]
    answers = [review_labels("negative; no; -; fit - fit: bad")]
    assert by_class(training_task("extract"), gold, answers, ontology) == {"hatn": {}}


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(*[st.sampled_from(["Shirts", "Jeans", "Coats"])] * 2), min_size=1))
def test_classes_agree_with_scikit_learn(pairs: list[tuple[str, str]], ontology: Ontology) -> None:
    gold, predicted = zip(*pairs, strict=True)
    answers = [classify.Labels(category=leaf) for leaf in predicted]
    classes = by_class(CLASSIFY, [title("any", leaf) for leaf in gold], answers, ontology)["fashion"]
    names = sorted({*gold, *predicted})
    assert list(classes) == names
    reference = precision_recall_fscore_support(gold, predicted, labels=names, zero_division=0)
    for name, *scores in zip(names, *reference, strict=True):
        assert list(classes[name].values()) == pytest.approx(scores, abs=1e-4)
