"""Extract: figures by hand, the rules for what DMASTE does not label, and the TF-IDF baseline."""

from __future__ import annotations

import pytest

from adapters.ontology import Ontology
from adapters.tasks import extract
from tests.training.tasks.builders import review, review_labels, text_review
from training.evaluation.significance import ratio
from training.public.readers import Review, Triplet
from training.tasks.extract import TRAINING, _overall, is_difficult, tfidf

REVIEWS = [
    *(
        text_review(f"{w} sound and a good price", "positive", (("sound", "positive"), ("price", "positive")))
        for w in ("clear", "rich")
    ),
    *(text_review(f"{w} sound", "positive", (("sound", "positive"),)) for w in ("good", "warm")),
    *(text_review(f"the battery is {w}", "negative", (("battery", "negative"),)) for w in ("bad", "dead")),
]


def test_figures(ontology: Ontology) -> None:
    gold = [review("positive; no; gift; comfort - handle: stiff; price + cheap; general + great")]
    line = "positive; yes; gift; comfort - grip: stiff; price + cheap; general + great; sound + great"
    figures = TRAINING.figures(gold, [review_labels(line)], ontology)
    assert figures["overall_accuracy"] == 1.0
    assert figures["use_case_accuracy"] == 1.0
    assert figures["mentions_difficulty_accuracy"] == 0.0
    assert (figures["pair_precision"], figures["pair_recall"]) == (0.75, 1.0)
    assert (figures["triplet_precision"], figures["triplet_recall"]) == pytest.approx((2 / 3, 2 / 3))
    assert figures["specific_pair_f1"] == 0.8  # two of two, of three predicted; `general` is not counted


def test_no_answer_is_wrong_in_every_figure(ontology: Ontology) -> None:
    figures = TRAINING.figures([review("neutral; no; -; -")], [None], ontology)
    assert set(figures.values()) == {0.0}


def test_a_label_against_the_ontologys_words_is_a_miss(ontology: Ontology) -> None:
    example = review("negative; no; -; sound - handle: uncomfortable")  # the ontology answers comfort
    assert TRAINING.figures([example], [example.labels], ontology)["pair_f1"] == 0.0
    assert ratio(TRAINING.headline_terms([example], [example.labels], ontology)) == 0.0


def test_of_partial_examples_only_the_overall_sentiment_is_scored(ontology: Ontology) -> None:
    example = review("negative; no; -; -", "hatn", known_fields=3)
    assert TRAINING.figures([example], [example.labels], ontology) == {"overall_accuracy": 1.0}
    answers = [example.labels, review_labels("positive; no; -; -")]
    assert ratio(TRAINING.headline_terms([example] * 2, answers, ontology)) == 0.5


@pytest.mark.parametrize(
    "text",
    "It is hard to use; the lid is DIFFICULT to open; I struggled with the manual; a pain to clean; "
    "not easy to assemble; confusing instructions; couldn't figure it out; had trouble getting it started; "
    "very frustrating; not hard to open but difficult to close".split("; "),
)
def test_a_difficult_review(text: str) -> None:
    assert is_difficult(text)


@pytest.mark.parametrize(
    "text",
    "It is not hard to use; isn't very difficult at all; no trouble with it; easy to use; a hard case that lasts; "
    "great for beginners but the handle is uncomfortable after 20 minutes".split("; "),
)
def test_a_review_that_is_not_difficult(text: str) -> None:
    assert not is_difficult(text)


@pytest.mark.parametrize(
    ("overall", "reviews"),
    [("positive", ["+", "++-", "+=="]), ("negative", ["-", "+--"]), ("mixed", ["+-", "+++--"]), ("neutral", ["", "="])],
)
def test_the_overall_sentiment_is_that_of_most_triplets(overall: str, reviews: list[str]) -> None:
    for signs in reviews:
        triplets = tuple(Triplet("strap", "fine", extract.SIGNS[sign]) for sign in signs)
        assert _overall(Review("train", "home", "text", triplets)) == overall


def test_tfidf_learns_pairs_and_the_overall_sentiment(ontology: Ontology) -> None:
    test = [text_review("rich sound", "positive"), text_review("dead battery", "negative")]
    good, bad = tfidf(REVIEWS, test, ontology)
    assert (good.overall_sentiment, bad.overall_sentiment) == ("positive", "negative")
    assert [(a.category, a.sentiment) for a in good.aspects] == [("sound", "positive")]
    assert [(a.category, a.sentiment) for a in bad.aspects] == [("battery", "negative")]


def test_tfidf_without_aspects_in_training_answers_none(ontology: Ontology) -> None:
    (labels,) = tfidf([text_review("fine", "neutral")], [text_review("good", "positive")], ontology)
    assert (labels.overall_sentiment, labels.aspects) == ("neutral", [])
