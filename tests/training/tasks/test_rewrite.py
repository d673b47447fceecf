"""Rewrite: figures by hand, QueryNER's tags as labels of the line, and the dictionary baseline."""

from __future__ import annotations

import pytest

from adapters.ontology import Ontology
from adapters.tasks import rewrite
from tests.training.tasks.builders import query, tagged
from training.tasks.rewrite import TRAINING, _line_tags, _split, dictionary


def test_figures_count_types_with_exact_spans(ontology: Ontology) -> None:
    gold = [tagged("color type +"), tagged("brand type"), tagged("other other")]
    answers = [
        rewrite.Labels(tags=["color", "type", "type"]),  # one of two, three predicted
        rewrite.Labels(tags=["brand", "type"]),  # both
        rewrite.Labels(tags=["other", "other"]),  # none to find
    ]
    figures = TRAINING.figures(gold, answers, ontology)
    assert (figures["entity_precision"], figures["entity_recall"]) == (0.6, 0.75)
    assert figures["entity_f1"] == pytest.approx(2 * 0.6 * 0.75 / 1.35)
    assert figures["exact"] == pytest.approx(2 / 3)


def test_figures_count_queries_whose_filters_are_all_right(ontology: Ontology) -> None:
    gold = [query("red cotton shirt", "color material type"), query("gold shirt", "material type")]
    answers = [
        rewrite.Labels(tags=["color", "color", "type"]),  # the ontology reads cotton as a material all the same
        rewrite.Labels(tags=["color", "type"]),  # gold as another attribute
    ]
    figures = TRAINING.figures(gold, answers, ontology)
    assert (figures["exact"], figures["filters_exact"]) == (0.0, 0.5)


def test_no_answer_is_not_exact_even_where_there_is_nothing_to_find(ontology: Ontology) -> None:
    assert TRAINING.figures([tagged("other")], [None], ontology)["exact"] == 0.0


@pytest.mark.parametrize(
    ("tags", "line"),
    [
        ("B-color B-core_product_type I-core_product_type", "color type +"),
        ("O B-UoM I-UoM O", "other size + other"),
        ("B-creator B-product_name B-product_number", "brand name number"),
        ("B-color B-color", "color color"),
        ("I-color I-color", "color +"),  # an I without a B begins a phrase
        ("B-color I-material", "color material"),
    ],
)
def test_queryner_tags_become_labels_of_the_line(tags: str, line: str) -> None:
    assert _line_tags(tags.split()) == line.split()


@pytest.mark.parametrize(
    ("words", "tags", "line"),
    [
        ("rug black/ivory", "B-core_product_type B-color", "rug/type black/color ivory/+"),
        ("non-stick pan,", "B-modifier B-core_product_type", "non/modifier stick/+ pan/type"),
        ("red & <br> dress", "B-color O B-color B-core_product_type", "red/color &/other dress/type"),
        ("navy+boots", "O", "navy/other boots/other"),
    ],
)
def test_queryner_words_are_split_as_requests_are(words: str, tags: str, line: str) -> None:
    split, labels = _split(words.split(), tags.split())
    assert [f"{word}/{tag}" for word, tag in zip(split, _line_tags(labels), strict=True)] == line.split()
    assert rewrite.query_words(rewrite.Request(query=words).query) == split


def test_the_dictionary_takes_the_commonest_type_of_the_longest_phrase(ontology: Ontology) -> None:
    train = [
        query("red running shoes", "color type +"),
        query("running belt", "modifier type"),
        query("apple phone", "brand type"),
        query("apple tree", "type +"),
        query("apple watch for men", "brand type other department"),
    ]
    texts = ("RED running shoes", "apple shoes", "belt unknown", "unknown thing", "running men")
    answers = dictionary(train, [query(text, "other") for text in texts], ontology)
    lines = [" ".join(labels.tags) for labels in answers]
    assert lines == ["color type +", "brand +", "type +", "type +", "modifier department"]


def test_the_dictionary_of_no_phrases_takes_every_query_for_a_type(ontology: Ontology) -> None:
    (labels,) = dictionary([query("a b", "other other")], [query("c", "other")], ontology)
    assert labels.tags == ["type"]


def test_an_answer_is_right_if_a_search_with_it_is(ontology: Ontology) -> None:
    example = query("cheap red mug", "other color type")
    same = rewrite.Labels(tags=["modifier", "color", "type"])  # `cheap` is a keyword either way
    assert TRAINING.is_right(example, same, ontology)
    assert not TRAINING.is_right(example, rewrite.Labels(tags=["other", "type", "+"]), ontology)
    assert not TRAINING.is_right(example, None, ontology)
