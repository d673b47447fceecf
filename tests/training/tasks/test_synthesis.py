"""Generated examples: their labels are those of what the templates were filled with."""

from __future__ import annotations

import random
import re
from collections import defaultdict

import pytest
from rapidfuzz.distance import OSA

from adapters.candidates import candidates
from adapters.ontology import Ontology
from adapters.tasks import classify, extract, rewrite
from training.tasks.synthesis import queries as query_templates
from training.tasks.synthesis import reviews as review_templates
from training.tasks.synthesis import split_of_generated
from training.tasks.synthesis import titles as title_templates
from training.text import ACCEPTANCE

Titles = list[tuple[str, classify.Labels]]
Queries = list[tuple[str, list[str]]]
Reviews = list[tuple[str, extract.Labels]]
TEMPLATE_WORDS = {word for template in query_templates._QUERIES for word in template.split() if "{" not in word}


@pytest.fixture(scope="module")
def queries(ontology: Ontology) -> Queries:
    return list(query_templates.queries(ontology, 1000, seed=0))


@pytest.fixture(scope="module")
def reviews(ontology: Ontology) -> Reviews:
    return list(review_templates.reviews(ontology, 1000, seed=0))


@pytest.fixture(scope="module")
def titles(ontology: Ontology) -> Titles:
    return list(title_templates.titles(ontology, 10, seed=0))


def test_all_labels_decode_and_every_leaf_has_titles(
    titles: Titles, queries: Queries, reviews: Reviews, ontology: Ontology
) -> None:
    assert {labels.category for _, labels in titles} == set(ontology.categories)
    assert len(queries) == len(reviews) == 1000
    for task, field, pairs in (
        (classify.TASK, "title", titles),
        (rewrite.TASK, "query", [(query, rewrite.Labels(tags=tags)) for query, tags in queries]),
        (extract.TASK, "review", reviews),
    ):
        for text, labels in pairs:
            assert task.decode(task.encode(labels), task.request(**{field: text}), ontology) == labels


def test_a_title_states_its_labels_or_points_at_them_unless_it_has_a_typo(
    ontology: Ontology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(title_templates, "_TYPO_SHARE", 0)
    for title, labels in title_templates.titles(ontology, 3, seed=0):
        category = ontology.category_in(title)
        assert category.name == labels.category if category else labels.category in candidates(title, ontology), title
        stated = {attribute: value for attribute, value, _, _ in ontology.values_in(title)}
        assert "color" not in labels.attributes or "color" in stated, title


def test_a_title_with_a_typo_differs_by_a_letter() -> None:
    title = "Pra Yoga Mats 12 cm"
    typos = [title_templates._with_typo(title, random.Random(seed)) for seed in range(100)]
    assert max(OSA.distance(title, typed) for typed in typos) == 1


def test_labelled_words_are_what_the_slots_were_filled_with(queries: Queries, ontology: Ontology) -> None:
    """A phrase is one of the slot's own values or synonyms, perhaps led by words as `for a`."""
    slots = {slot for template in query_templates._QUERIES for slot in re.findall(r"{(\w+)}", template)} - {"price"}
    allowed = defaultdict(set)
    for slot in slots:
        attribute = query_templates._ATTRIBUTES.get(slot, slot)
        if slot == "type":
            phrases = [t for c in ontology.categories.values() for t in (c.name, *c.synonyms)]
        else:
            values = ontology.attributes[attribute].values
            phrases = [t for v in values for t in (v, *ontology.phrases(attribute, v))]
        allowed[query_templates._LABELS.get(slot, slot)] |= {
            lead + text.lower() for text in phrases for lead in ("", "for a ", "to a ", "for ")
        }
    seen = set()
    for query, tags in queries:
        words = rewrite.query_words(query)
        for kind, start, end in rewrite.spans(tags):
            seen.add(kind)
            phrase = " ".join(words[start:end])
            assert re.search(r"\d", phrase) if kind == "price" else phrase in allowed[kind], (query, kind, phrase)
    assert seen == {*allowed, "price"}


def test_words_of_the_template_are_labelled_other(queries: Queries) -> None:
    pairs = [pair for query, tags in queries for pair in zip(rewrite.query_words(query), tags, strict=True)]
    assert {word for word, tag in pairs if tag == rewrite.OTHER} <= TEMPLATE_WORDS


@pytest.mark.parametrize(
    ("template", "tags"),
    [
        ("something {color} [for a {occasion}]", ["other", "color", "occasion", "+", "+"]),
        ("i wear [to a {occasion}] {color}", ["other", "other", "occasion", "+", "+", "color"]),
        ("{color} {color} gift", ["color", "color", "other"]),
    ],
)
def test_a_bracketed_phrase_is_labelled_as_one(
    template: str, tags: list[str], ontology: Ontology, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = {"color": ("color", "red"), "occasion": ("occasion", "wedding")}
    monkeypatch.setattr(query_templates, "_fill", lambda slot, *_: filled[slot])
    query, labels = query_templates._query(template, ontology, random.Random(0))
    assert labels == tags
    assert len(query.split()) == len(tags)


def test_prices_are_understood(queries: Queries, ontology: Ontology) -> None:
    for query, tags in queries:
        if "price" in tags:
            fields = rewrite.TASK.expand(rewrite.Labels(tags=tags), rewrite.Request(query=query), ontology)
            assert fields["price"] is not None, query
            assert fields["price"].max is not None or "over" in query


def test_parts_and_opinions_are_in_the_review(reviews: Reviews, ontology: Ontology) -> None:
    for review, labels in reviews:
        for aspect in labels.aspects:
            for span in (aspect.aspect, aspect.opinion):
                assert span is None or span in review.lower(), (review, span)
        fields = extract.TASK.expand(labels, extract.Request(review=review), ontology)
        assert len(fields["aspects"]) == len(labels.aspects), review


def test_reviews_are_of_many_kinds(reviews: Reviews, ontology: Ontology) -> None:
    labels = [labels for _, labels in reviews]
    assert {label.overall_sentiment for label in labels} == {*extract.OVERALL}
    assert {label.mentions_difficulty for label in labels} == {True, False}
    assert {label.use_case for label in labels} == {None, *ontology.use_cases}
    assert len({a.category for label in labels for a in label.aspects}) > 10


def test_opinions_are_worded_in_hundreds_of_ways(reviews: Reviews) -> None:
    of_sign = defaultdict(set)
    for _, labels in reviews:
        for aspect in labels.aspects:
            of_sign[aspect.sentiment].add(aspect.opinion)
    assert len(of_sign["positive"]) > 200 and len(of_sign["negative"]) > 250
    negated = re.compile(r"\b(?:not?|never|can't|couldn't|won't|\w+n't|without|wish|could|expected|hoped)\b")
    for sign in ("positive", "negative"):
        assert sum(bool(negated.search(opinion or "")) for opinion in of_sign[sign]) > 100, sign


def test_every_word_class_of_the_constructions_is_filled() -> None:
    tables = {name: review_templates._table(name) for name in ("reviews", "goods", "scales")}
    own = {"part", "thing", "do", "fault", "faults", "use"}
    words = own | set(tables["reviews"]["words"]) | {name for scale in tables["scales"].values() for name in scale}
    kinds = [tables["reviews"][kind] for kind in ("praise", "complaint", "neutral", "facts", "use", "hard", "easy")]
    templates = [t for kind in kinds for lines in (kind.values() if isinstance(kind, dict) else [kind]) for t in lines]
    assert set(re.findall(r"{(\w+)}", " ".join(templates))) <= words
    for goods in tables["goods"].values():
        assert goods["things"] and goods["does"] and goods["faults"]
        assert set(goods["parts"].values()) <= set(tables["scales"])


@pytest.mark.parametrize(
    ("text", "sign", "clause", "aspect"),
    [
        ("the <lid> is [not deep enough]", -1, "the lid is not deep enough", ("lid", "negative", "not deep enough")),
        (
            "i [wish the <lid> were deeper]",
            -1,
            "i wish the lid were deeper",
            ("lid", "negative", "wish the lid were deeper"),
        ),
        ("you [won't regret] it", 1, "you won't regret it", (None, "positive", "won't regret")),
    ],
)
def test_a_clause_says_what_its_marks_hold(
    text: str, sign: int, clause: str, aspect: tuple[str | None, str, str], ontology: Ontology
) -> None:
    parsed = review_templates._parsed(text, sign, ontology)
    (labels,) = parsed.aspects
    assert (parsed.text, (labels["aspect"], labels["sentiment"], labels["opinion"])) == (clause, aspect)


def test_the_acceptance_examples_are_never_generated(ontology: Ontology, monkeypatch: pytest.MonkeyPatch) -> None:
    filled = {"color": ("color", "red"), "shape": ("shape", "flowy"), "occasion": ("occasion", "wedding")}
    templates = ("something {color} and {shape} [for a {occasion}]", "something {color}")
    monkeypatch.setattr(query_templates, "_QUERIES", templates)
    monkeypatch.setattr(query_templates, "_fill", lambda slot, *_: filled[slot])
    assert {query for query, _ in query_templates.queries(ontology, 20, 0)} == {"something red"}
    generated = iter([(ACCEPTANCE[1], None), ("good", None)])
    monkeypatch.setattr(review_templates, "_review", lambda *_: next(generated))
    assert [review for review, _ in review_templates.reviews(ontology, 1, 0)] == ["good"]


def test_a_generated_text_is_never_in_the_test_split() -> None:
    assert {split_of_generated(f"text {n}") for n in range(100)} == {"train", "validation"}


def test_the_seed_decides(ontology: Ontology) -> None:
    for generate in (title_templates.titles, query_templates.queries, review_templates.reviews):
        assert list(generate(ontology, 50, 3)) == list(generate(ontology, 50, 3))
        assert list(generate(ontology, 50, 3)) != list(generate(ontology, 50, 4))
