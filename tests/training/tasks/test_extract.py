"""Extract: figures by hand, the rules for what DMASTE does not label, and the TF-IDF baseline."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from adapters.ontology import Ontology
from adapters.tasks import extract
from tests.training.tasks.builders import review, review_labels, text_review
from tests.typed.measure import lines
from training.evaluation.significance import ratio
from training.public.readers import Review, Triplet
from training.public.reviews import ProsCons
from training.tasks.extract import TRAINING, tfidf
from training.tasks.review_labels import is_difficult, labels_of, overall_of, with_opinions
from training.tasks.synthesis import joined
from training.text import key

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
        assert overall_of(triplets) == overall


def test_tfidf_learns_pairs_and_the_overall_sentiment(ontology: Ontology) -> None:
    test = [text_review("rich sound", "positive"), text_review("dead battery", "negative")]
    good, bad = tfidf(REVIEWS, test, ontology)
    assert (good.overall_sentiment, bad.overall_sentiment) == ("positive", "negative")
    assert [(a.category, a.sentiment) for a in good.aspects] == [("sound", "positive")]
    assert [(a.category, a.sentiment) for a in bad.aspects] == [("battery", "negative")]


def test_tfidf_without_aspects_in_training_answers_none(ontology: Ontology) -> None:
    (labels,) = tfidf([text_review("fine", "neutral")], [text_review("good", "positive")], ontology)
    assert (labels.overall_sentiment, labels.aspects) == ("neutral", [])


def food(text: str, *triplets: Triplet) -> Review:
    return Review("train", "food", text, triplets)


def test_a_target_s_opinion_is_the_nearest_of_its_sign(ontology: Ontology) -> None:
    review = food(
        "The fabric is soft but the sleeves are too short.",
        Triplet("fabric", None, "positive"),
        Triplet("sleeves", None, "negative"),
    )
    filled, is_complete = with_opinions(review, ontology)
    assert is_complete and [t.opinion for t in filled.triplets] == ["soft", "too short"]


def test_an_opinion_of_the_whole_is_added_and_one_of_another_part_leaves_labels_incomplete(ontology: Ontology) -> None:
    whole, is_complete = with_opinions(food("Good product. Bad color.", Triplet("color", None, "negative")), ontology)
    assert is_complete
    assert [(t.aspect, t.opinion, t.sentiment) for t in whole.triplets] == [
        ("color", "bad", "negative"),
        (None, "good", "positive"),
    ]
    _, is_complete = with_opinions(food("Great sleeves. Bad color.", Triplet("color", None, "negative")), ontology)
    assert not is_complete


def test_a_target_without_an_opinion_of_its_sign_stays_without(ontology: Ontology) -> None:
    filled, is_complete = with_opinions(food("The color ran.", Triplet("color", None, "negative")), ontology)
    assert not is_complete and filled.triplets[0].opinion is None


def test_a_data_set_s_category_counts_where_the_words_have_none(ontology: Ontology) -> None:
    vague, stated = Triplet(None, "fair", "positive", "food prices"), Triplet(None, "tasty", "positive", "food prices")
    labels = labels_of("fair and tasty", "positive", ontology, (vague, stated))
    assert [aspect.category for aspect in labels.aspects] == ["price", "taste"]


PIECES = [
    review_of
    for i in range(6)
    for review_of in (
        text_review(f"the lid {i} is great", "positive", (("parts", "positive"),)),
        text_review(f"the cord {i} is weak", "negative", (("parts", "negative"),)),
    )
]


def test_joined_reviews_have_both_pieces_and_mixed_where_the_signs_differ(ontology: Ontology) -> None:
    pieces = [replace(e, labels=_quoted(e.labels)) for e in PIECES]
    made = list(joined.mixed(pieces, 60, ontology, random.Random(0)))
    texts = {e.request.review for e in pieces}
    assert len(made) == 60 and len({e.request.review for e in made}) > 40
    assert {e.labels.overall_sentiment for e in made} == {"positive", "negative", "mixed"}
    for example in made:
        signs = {aspect.sentiment for aspect in example.labels.aspects}
        assert (example.labels.overall_sentiment == "mixed") == (len(signs) == 2)
        assert sum(text in example.request.review for text in texts) == 2
        assert example.split == "train" and example.source == "shop"
    praise_first = [e.labels.aspects[0].sentiment == "positive" for e in made if e.labels.overall_sentiment == "mixed"]
    assert 0.2 < sum(praise_first) / len(praise_first) < 0.8


def _quoted(labels: extract.Labels) -> extract.Labels:
    words = {"positive": "great", "negative": "weak", "neutral": None}
    aspects = [aspect.model_copy(update={"opinion": words[aspect.sentiment]}) for aspect in labels.aspects]
    return labels.model_copy(update={"aspects": aspects})


def test_lists_of_pros_and_cons_are_partial(ontology: Ontology) -> None:
    lines = [ProsCons("train", "easy to use", "positive"), ProsCons("train", "poor battery", "negative")]
    made = list(joined.lists(lines, 5, ontology, random.Random(0)))
    assert [e.labels.overall_sentiment for e in made] == ["mixed", "mixed", "mixed", "positive", "negative"]
    assert made[0].request.review == "Pros: easy to use. Cons: poor battery." and made[0].known_fields == 3


@pytest.mark.data
def test_no_unseen_or_held_out_or_typed_review_is_trained_on(ontology: Ontology) -> None:
    examples = TRAINING.public_examples(ontology)
    train = [e for e in examples if e.split == "train"]
    assert not {e.source for e in train} & set(TRAINING.unseen)
    for source, split in TRAINING.unseen.items():
        assert {e.split for e in examples if e.source == source} == {split}
    trained = {key(e.request.review) for e in train}
    assert not trained & {key(e.request.review) for e in examples if e.split != "train"}
    assert not trained & {key(fields[0]) for fields in lines("extract")}
    assert 8_000 <= len(train) <= 12_000
    mixed = sum(e.labels.overall_sentiment == "mixed" for e in train) / len(train)
    assert 0.1 <= mixed <= 0.25
    for example in train:
        line = extract.TASK.encode(example.labels)
        assert example.known_fields is not None or extract.TASK.read(line, example.request, ontology) == example.labels
