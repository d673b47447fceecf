"""The cheap baselines learn what a few made-up examples show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.ontology import Ontology
from adapters.tasks import churn, classify, copywrite, extract, rewrite, support, task, tasks
from training.examples import Example
from training.tasks.baselines import BASELINES, baselines_of, dictionary_rewrite, tfidf_classify, tfidf_extract


def title(text: str, leaf: str, source: str = "shop") -> Example:
    return Example("train", source, classify.Request(title=text), classify.Labels(category=leaf))


def query(text: str, tags: str) -> Example:
    return Example("train", "shop", rewrite.Request(query=text), rewrite.Labels(tags=tags.split()))


def review(text: str, sentiment: str, aspects: tuple[tuple[str, str], ...] = ()) -> Example:
    labels = {
        "overall_sentiment": sentiment,
        "aspects": [{"aspect": None, "category": c, "sentiment": s, "opinion": None} for c, s in aspects],
    }
    return Example("train", "shop", extract.Request(review=text), extract.Labels.model_validate(labels))


TITLES = [
    *(title(f"{color} cotton shirt", "Shirts") for color in ("red", "blue", "green")),
    *(title(f"{color} denim jeans", "Jeans") for color in ("red", "blue", "green")),
]
REVIEWS = [
    *(
        review(f"{w} sound and a good price", "positive", (("sound", "positive"), ("price", "positive")))
        for w in ("clear", "rich")
    ),
    *(review(f"{w} sound", "positive", (("sound", "positive"),)) for w in ("good", "warm")),
    *(review(f"the battery is {w}", "negative", (("battery", "negative"),)) for w in ("bad", "dead")),
]


def test_classify_learns_words_and_reads_colors_and_gender(ontology: Ontology) -> None:
    test = [title("Women shirt in navy blue", "Shirts"), title("jeans denim", "Jeans")]
    found = tfidf_classify(TITLES, test, ontology)
    assert [labels.category for labels in found] == ["Shirts", "Jeans"]
    assert found[0].attributes == {"color": "navy blue", "gender": "women"}
    assert found[1].attributes == {}


def test_classify_learns_each_source_for_itself(ontology: Ontology) -> None:
    other = [title("red cotton shirt", "Tshirts", "other"), title("denim", "Skirts", "other")]
    test = [title("cotton shirt", "Shirts"), title("cotton shirt", "Tshirts", "other")]
    found = tfidf_classify([*TITLES, *other], test, ontology)
    assert [labels.category for labels in found] == ["Shirts", "Tshirts"]


def test_rewrite_takes_the_commonest_type_of_the_longest_phrase(ontology: Ontology) -> None:
    train = [
        query("red running shoes", "color type +"),
        query("running belt", "modifier type"),
        query("apple phone", "brand type"),
        query("apple tree", "type +"),
        query("apple watch for men", "brand type other department"),
    ]
    said = ("RED running shoes", "apple shoes", "belt unknown", "unknown thing", "running men")
    test = [query(text, "other") for text in said]
    found = [" ".join(labels.tags) for labels in dictionary_rewrite(train, test, ontology)]
    assert found == ["color type +", "brand +", "type +", "type +", "modifier department"]


def test_extract_learns_pairs_and_the_overall_sentiment(ontology: Ontology) -> None:
    test = [review("rich sound", "positive"), review("dead battery", "negative")]
    good, bad = tfidf_extract(REVIEWS, test, ontology)
    assert (good.overall_sentiment, bad.overall_sentiment) == ("positive", "negative")
    assert [(a.category, a.sentiment) for a in good.aspects] == [("sound", "positive")]
    assert [(a.category, a.sentiment) for a in bad.aspects] == [("battery", "negative")]


def subscriber(months: int, left: bool, split: str = "train") -> Example:
    request = churn.Request(tenure_months=months, contract="monthly", services={"tv": left})
    flags: list[churn.Flag] = ["monthly_contract"] if left else []
    return Example(split, "shop", request, churn.Labels(will_churn=left, flags=flags))


def test_a_task_without_baselines_has_regression_and_the_commonest_answer(ontology: Ontology) -> None:
    train = [subscriber(months, months < 5) for months in range(20)]
    test = [subscriber(1, True, "test"), subscriber(18, False, "test")]
    sides = baselines_of(task("churn"))
    assert sides.keys() == {"logistic regression", "most common answer"}
    left, stayed = sides["logistic regression"](train, test, ontology)
    assert (left.will_churn, left.flags) == (True, ["monthly_contract"])
    assert not stayed.will_churn
    assert [a.will_churn for a in sides["most common answer"](train, test, ontology)] == [False] * 2


def test_the_rest_of_an_answer_is_the_most_similar_examples(ontology: Ontology) -> None:
    told = {
        "refund money back": (1, "Within 30 days."),
        "refund invoice": (1, "See the invoice."),
        "parcel where": (2, "On its way."),
        "parcel late": (2, "It is late."),
    }
    context = [support.Passage(text="Refunds."), support.Passage(text="Parcels.")]
    train = [
        Example(
            "train",
            "shop",
            support.Request(message=message, context=context),
            support.Labels(cited=[cited], reply=reply),
        )
        for message, (cited, reply) in told.items()
    ]
    test = [
        support.Request(message="my parcel is late", context=context),
        support.Request(message="parcel", context=context[:1]),
    ]
    late, beyond = baselines_of(task("support"))["logistic regression"](
        train, [replace(train[0], request=request) for request in test], ontology
    )
    assert late == support.Labels(cited=[2], reply="It is late.")
    assert beyond is None  # there is no second passage to cite


TRAIN = {
    "classify": TITLES,
    "rewrite": [query("red shoes", "color type")],
    "extract": REVIEWS,
    "copywrite": [
        Example(
            "train",
            "shop",
            copywrite.Request(name="Mug", attributes={"color": "white"}),
            copywrite.Labels(description="A white mug."),
        )
    ],
}
EVERY = [(task, name) for task, named in BASELINES.items() for name in named]


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_every_baseline_answers_in_the_tasks_own_labels(task: str, name: str, ontology: Ontology) -> None:
    of = tasks()[task]
    answers = BASELINES[task][name](TRAIN[task], TRAIN[task], ontology)
    assert len(answers) == len(TRAIN[task])
    for answer in answers:
        assert of.labels.model_validate(answer.model_dump()) == answer


@pytest.mark.filterwarnings("ignore:Label .* is present in all training examples")
@pytest.mark.parametrize(("task", "name"), EVERY)
def test_a_small_file_is_no_error(task: str, name: str, ontology: Ontology) -> None:
    """One training example, or none of the test example's source."""
    of, train = tasks()[task], TRAIN[task]
    other = Example("test", "other", train[0].request, train[0].labels)
    for few in (train[:1], train):
        (answer,) = BASELINES[task][name](few, [other], ontology)
        assert of.labels.model_validate(answer.model_dump()) == answer


def test_labels_without_phrases_or_aspects_are_no_error(ontology: Ontology) -> None:
    (tagged,) = dictionary_rewrite([query("a b", "other other")], [query("c", "other")], ontology)
    assert tagged.tags == ["type"]
    (told,) = tfidf_extract([review("fine", "neutral")], [review("good", "positive")], ontology)
    assert (told.overall_sentiment, told.aspects) == ("neutral", [])
