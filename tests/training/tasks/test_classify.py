"""Classify: figures by hand, the TF-IDF baseline, and the retail store's leaves."""

from __future__ import annotations

from dataclasses import replace

from adapters.ontology import Ontology
from adapters.tasks import classify
from tests.training.tasks.builders import title
from training.tasks.classify import TRAINING, tfidf
from training.tasks.retail import retail_leaves

TITLES = [
    *(title(f"{color} cotton shirt", "Shirts") for color in ("red", "blue", "green")),
    *(title(f"{color} denim jeans", "Jeans") for color in ("red", "blue", "green")),
]


def test_figures(ontology: Ontology) -> None:
    gold = [*[title("any", "Shirts", color="red")] * 3, title("any", "Shirts", gender="men")]
    answers = [
        classify.Labels(category="Shirts", attributes={"color": "red"}),
        classify.Labels(category="Tshirts", attributes={"color": "red"}),
        None,
        classify.Labels(category="Shirts", attributes={"color": "blue", "gender": "women"}),
    ]
    assert {name: round(value, 4) for name, value in TRAINING.figures(gold, answers, ontology).items()} == {
        "path_accuracy": 0.5,
        "department_accuracy": 0.75,
        "color_accuracy": 0.6667,  # of the three that have one
        "gender_accuracy": 0.0,
        "exact": 0.25,
        "level_2_accuracy": 0.75,  # shirts and t-shirts are topwear
        "macro_f1": 0.6667,  # of shirts, the only category that is expected
    }


def test_an_answer_is_right_if_its_category_is(ontology: Ontology) -> None:
    example = title("any", "Shirts", color="red")
    assert TRAINING.is_right(example, classify.Labels(category="Shirts"), ontology)
    assert not TRAINING.is_right(example, classify.Labels(category="Jeans"), ontology)
    assert not TRAINING.is_right(example, None, ontology)


def test_tfidf_learns_words_and_reads_color_and_gender(ontology: Ontology) -> None:
    test = [title("Women shirt in navy blue", "Shirts"), title("jeans denim", "Jeans")]
    first, second = tfidf(TITLES, test, ontology)
    assert (first.category, first.attributes) == ("Shirts", {"color": "navy blue", "gender": "women"})
    assert (second.category, second.attributes) == ("Jeans", {})


def test_tfidf_learns_each_source_by_itself(ontology: Ontology) -> None:
    other = [title("red cotton shirt", "Tshirts", "other"), title("denim", "Skirts", "other")]
    test = [title("cotton shirt", "Shirts"), title("cotton shirt", "Tshirts", "other")]
    assert [labels.category for labels in tfidf([*TITLES, *other], test, ontology)] == ["Shirts", "Tshirts"]


def test_tfidf_learns_from_all_sources_for_one_that_has_no_training_titles(ontology: Ontology) -> None:
    other = [replace(e, source="other") for e in TITLES]
    test = [title(e.request.title, "Shirts", "unseen", "test") for e in TITLES]
    assert [labels.category for labels in tfidf([*TITLES, *other], test, ontology)] == [
        e.labels.category for e in TITLES
    ]


def test_every_style_of_the_retail_store_has_a_leaf(ontology: Ontology) -> None:
    assert set(retail_leaves().values()) <= set(ontology.categories)
