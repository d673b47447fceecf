"""Figures on hand-made answers: what is right, what is wrong, and that no answer is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.ontology import Ontology
from adapters.tasks import churn, classify, copywrite, extract, rewrite, support
from training.evaluation.metrics import (
    HEADLINE,
    SCORERS,
    calibration_error,
    headline,
    main_figure,
    micro_f1,
    right,
    score,
)
from training.evaluation.significance import ratio
from training.examples import Example


def titles(*leaves: str, **attributes: str) -> list[Example]:
    return [
        Example("test", "fashion", classify.Request(title="any"), classify.Labels(category=leaf, attributes=attributes))
        for leaf in leaves
    ]


def queries(*lines: str) -> list[Example]:
    return [
        Example(
            "test",
            "queryner",
            rewrite.Request(query=" ".join("w" for _ in line.split())),
            rewrite.Labels(tags=line.split()),
        )
        for line in lines
    ]


def review_labels(line: str, ontology: Ontology) -> extract.Labels:
    """Of a review that says the line's own words."""
    return extract.TASK.decode(line, extract.Request(review=line), ontology)


@pytest.mark.parametrize(
    ("gold", "found", "precision", "recall", "f1"),
    [
        ([["a", "b"]], [["a", "b"]], 1.0, 1.0, 1.0),
        ([["a", "b"]], [["a", "c"]], 0.5, 0.5, 0.5),
        ([["a", "b", "c"]], [["a"]], 1.0, 1 / 3, 0.5),
        ([["a"], ["b"]], [["b"], ["a"]], 0.0, 0.0, 0.0),  # of another example
        ([["a", "a"]], [["a"]], 1.0, 0.5, 2 / 3),  # things may come twice
        ([["a"]], [["a", "a"]], 0.5, 1.0, 2 / 3),
        ([[]], [["a"]], 0.0, 0.0, 0.0),
        ([["a"]], [[]], 0.0, 0.0, 0.0),
        ([[]], [[]], 0.0, 0.0, 0.0),
    ],
)
def test_micro_f1(gold: Any, found: Any, precision: float, recall: float, f1: float) -> None:
    assert micro_f1(gold, found) == pytest.approx({"precision": precision, "recall": recall, "f1": f1})


def test_micro_f1_wants_an_answer_for_each_example() -> None:
    with pytest.raises(ValueError):
        micro_f1([["a"]], [])


def test_classify(ontology: Ontology) -> None:
    gold = titles("Shirts", "Shirts", "Shirts", "Shirts", color="red")
    gold[3] = titles("Shirts", gender="men")[0]
    answers = [
        classify.Labels(category="Shirts", attributes={"color": "red"}),
        classify.Labels(category="Tshirts", attributes={"color": "red"}),
        None,
        classify.Labels(category="Shirts", attributes={"color": "blue", "gender": "women"}),
    ]
    assert score("classify", gold, answers, ontology) == {
        "fashion": {
            "examples": 4,
            "path_accuracy": 0.5,
            "department_accuracy": 0.75,
            "color_accuracy": 0.6667,  # of the three that have one
            "gender_accuracy": 0.0,
            "exact": 0.25,
            "level_2_accuracy": 0.75,  # shirts and t-shirts are topwear
            "macro_f1": 0.6667,  # of shirts, the only category that is wanted
            "undecodable": 0.25,
            "fallback": 0.0,
        }
    }


def test_figures_are_told_for_each_source(ontology: Ontology) -> None:
    gold = titles("Shirts", "Shirts")
    gold.append(Example("test", "retail", gold[0].request, gold[0].labels))
    answers = [gold[0].labels, None, gold[2].labels]
    figures = score("classify", gold, answers, ontology)
    assert figures["fashion"]["path_accuracy"] == 0.5
    assert figures["retail"]["path_accuracy"] == 1.0
    assert (figures["fashion"]["examples"], figures["retail"]["examples"]) == (2, 1)


def test_rewrite_counts_types_with_exact_spans(ontology: Ontology) -> None:
    gold = queries("color type +", "brand type", "other other")
    answers = [
        rewrite.Labels(tags=["color", "type", "type"]),  # one of two, three found
        rewrite.Labels(tags=["brand", "type"]),  # both
        rewrite.Labels(tags=["other", "other"]),  # none to find
    ]
    figures = score("rewrite", gold, answers, ontology)["queryner"]
    assert figures["entity_precision"] == 0.6
    assert figures["entity_recall"] == 0.75
    assert figures["entity_f1"] == pytest.approx(2 * 0.6 * 0.75 / 1.35, abs=1e-4)
    assert figures["exact"] == 0.6667


def test_rewrite_counts_queries_whose_filters_are_all_right(ontology: Ontology) -> None:
    def query(text: str, line: str) -> Example:
        labels = rewrite.Labels(tags=line.split())
        return Example("test", "queryner", rewrite.Request(query=text), labels)

    gold = [query("red cotton shirt", "color material type"), query("shirt under $20", "type price +")]
    answers = [
        rewrite.Labels(tags=["color", "color", "type"]),  # cotton is a material for all that
        rewrite.Labels(tags=["type", "other", "other"]),  # no price
    ]
    figures = score("rewrite", gold, answers, ontology)["queryner"]
    assert (figures["exact"], figures["filters_exact"]) == (0.0, 0.5)


def test_no_answer_is_never_right(ontology: Ontology) -> None:
    """Also where there was nothing to find."""
    figures = score("rewrite", queries("other"), [None], ontology)["queryner"]
    assert (figures["exact"], figures["undecodable"]) == (0.0, 1.0)
    gold = [Example("test", "dmaste", extract.Request(review="any"), review_labels("neutral; no; -; -", ontology))]
    figures = score("extract", gold, [None], ontology)["dmaste"]
    wrong = ("overall_accuracy", "use_case_accuracy", "mentions_difficulty_accuracy", "pair_f1")
    assert [figures[name] for name in wrong] == [0.0] * 4
    assert figures["undecodable"] == 1.0


def test_extract(ontology: Ontology) -> None:
    said = "positive; no; gift; comfort - handle: stiff; price + cheap; general + great"
    gold = [Example("test", "dmaste", extract.Request(review="any"), review_labels(said, ontology))]
    answer = review_labels(
        "positive; yes; gift; comfort - grip: stiff; price + cheap; general + great; sound + great", ontology
    )
    figures = score("extract", gold, [answer], ontology)["dmaste"]
    assert figures["overall_accuracy"] == 1.0
    assert figures["use_case_accuracy"] == 1.0
    assert figures["mentions_difficulty_accuracy"] == 0.0
    assert (figures["pair_precision"], figures["pair_recall"]) == (0.75, 1.0)
    assert (figures["triplet_precision"], figures["triplet_recall"]) == (0.6667, 0.6667)
    assert figures["specific_pair_f1"] == 0.8  # two of two, of three; `general` is not counted


def test_a_label_against_the_ontologys_words_is_a_miss(ontology: Ontology) -> None:
    labels = review_labels("negative; no; -; sound - handle: uncomfortable", ontology)
    gold = [Example("test", "dmaste", extract.Request(review="any"), labels)]
    assert score("extract", gold, [labels], ontology)["dmaste"]["pair_f1"] == 0.0  # it says comfort
    assert ratio(headline("extract", gold, [labels], ontology)) == 0.0


def test_extract_of_which_only_the_sentiment_is_known(ontology: Ontology) -> None:
    labels = review_labels("negative; no; -; -", ontology)
    gold = [Example("test", "hatn", extract.Request(review="any"), labels, known_fields=3)]
    figures = score("extract", gold, [labels], ontology)["hatn"]
    assert figures == {"examples": 1, "overall_accuracy": 1.0, "undecodable": 0.0, "fallback": 0.0}


def test_copywrite(ontology: Ontology) -> None:
    request = copywrite.Request(
        name="Calm Candle", category="Candles", attributes={"color": "white", "material": "soy wax"}
    )
    told = (
        "A white candle of soy wax.",
        "A blue candle.",
        "A white soy wax candle, so calm so calm so calm so calm so calm so calm.",
        None,
    )
    gold = [Example("test", "retail", request, copywrite.Labels(description="x")) for _ in told]
    answers = [None if text is None else copywrite.Labels(description=text) for text in told]
    figures = score("copywrite", gold, answers, ontology)["retail"]
    assert figures["attributes_mentioned"] == 0.5  # four of eight
    assert figures["invented_color_or_material"] == 0.25
    assert figures["unsupported_claims"] == 0.25
    assert figures["loops"] == 0.25
    assert figures["undecodable"] == 0.25
    assert figures["edit_distance"] == 1.0  # not a word is the reference's
    assert "within_max_words" not in figures  # no request has a limit


def test_copywrite_is_measured_on_its_words(ontology: Ontology) -> None:
    reference = "A white candle of soy wax."
    wanted, request = copywrite.Labels(description=reference), copywrite.Request(name="candle")
    limited = copywrite.Request(name="candle", max_words=5)
    gold = [Example("test", "retail", r, wanted) for r in (request, limited, limited)]
    told = (reference, "A white candle of wax.", "A white candle of soy wax. It burns for long.")
    answers = [copywrite.Labels(description=text) for text in told]
    figures = score("copywrite", gold, answers, ontology)["retail"]
    assert figures["within_max_words"] == 0.5  # as written, not as it is cut
    assert figures["edit_distance"] == pytest.approx((0 + 1 / 6 + 1 / 6) / 3, abs=1e-4)
    assert figures["repetition"] == 0.0
    assert figures["distinct_1"] == pytest.approx(6 / 16, abs=1e-4)


def test_right_is_what_a_confidence_is_about(ontology: Ontology) -> None:
    title, query = titles("Shirts", color="red")[0], queries("color type")[0]
    assert right("classify", title, classify.Labels(category="Shirts"), ontology)
    assert not right("classify", title, classify.Labels(category="Jeans"), ontology)
    assert right("rewrite", query, rewrite.Labels(tags=["color", "type"]), ontology)
    assert not right("rewrite", query, rewrite.Labels(tags=["type", "color"]), ontology)
    for task, example in (("classify", title), ("rewrite", query)):
        assert not right(task, example, None, ontology)


def subscribers(*lines: str) -> list[Example]:
    request = churn.Request(tenure_months=3, contract="monthly")
    return [Example("test", "telco", request, churn.TASK.decode(line, request, Ontology.load())) for line in lines]


def test_a_task_is_scored_by_what_it_counts_and_by_each_label(ontology: Ontology) -> None:
    gold = subscribers("leaves; inactive", "leaves", "stays", "stays", "leaves; inactive")
    said = subscribers("leaves", "stays", "leaves; inactive", "stays", "leaves; inactive")
    answers = [e.labels for e in said[:4]] + [None]
    figures = score("churn", gold, answers, ontology)["telco"]
    assert figures["churners_precision"] == 0.5
    assert figures["churners_recall"] == 0.3333  # no answer finds nobody
    assert figures["churners_f1"] == 0.4
    assert (figures["will_churn_accuracy"], figures["flags_accuracy"]) == (0.4, 0.4)
    assert (figures["exact"], figures["right"], figures["undecodable"]) == (0.2, 0.4, 0.2)
    assert main_figure("churn") == ("", "churners_f1")
    assert ratio(headline("churn", gold, answers, ontology)) == pytest.approx(0.4)


def test_an_answer_that_may_not_be_shown_is_not_right(ontology: Ontology) -> None:
    request = support.Request.model_validate({"message": "?", "context": ["In 30 days.", "b"]})
    gold = Example("test", "shop", request, support.Labels(cited=[1], reply="30 days."))
    for cited, reply, is_right in (
        ([1], "Within thirty days.", True),
        ([1], "Within 14 days.", False),
        ([2], "Within 30 days.", False),
    ):
        labels = support.Labels(cited=cited, reply=reply)
        assert right("support", gold, labels, ontology) is is_right


def test_every_task_is_scored_and_has_a_headline(ontology: Ontology) -> None:
    gold = {"classify": titles("Shirts"), "rewrite": queries("color")}
    for task, examples in gold.items():
        assert HEADLINE[task][1] in SCORERS[task](examples, [None], ontology)
    assert SCORERS.keys() == HEADLINE.keys()


def test_the_headline_is_the_figure_of_the_table(ontology: Ontology) -> None:
    labels = {
        "classify": (titles("Shirts", "Jeans"), [classify.Labels(category="Shirts"), None]),
        "rewrite": (
            queries("color type +", "type"),
            [rewrite.Labels(tags=["color", "type", "type"]), rewrite.Labels(tags=["type"])],
        ),
        "extract": (
            [
                Example("test", "dmaste", extract.Request(review="any"), review_labels(told, ontology))
                for told in ("positive; no; -; fit + fit: good; price - bad", "neutral; no; -; -")
            ],
            [review_labels("positive; no; -; fit + fit: good; sound - bad", ontology), None],
        ),
        "copywrite": (
            [
                Example(
                    "test",
                    "retail",
                    copywrite.Request(name="mug", attributes={"color": "red", "material": "clay"}),
                    copywrite.Labels(description="A red clay mug."),
                )
            ],
            [copywrite.Labels(description="A red mug.")],
        ),
    }
    for task, (gold, answers) in labels.items():
        source, name = HEADLINE[task]
        figure = score(task, gold, answers, ontology)[source][name]
        assert ratio(headline(task, gold, answers, ontology)) == pytest.approx(figure, abs=1e-4)
        assert 0.3 < figure < 0.8


@pytest.mark.parametrize(
    ("confidences", "rights", "error"),
    [
        ([0.95, 0.95], [True, True], 0.05),
        ([0.95, 0.95], [True, False], 0.45),
        ([1.0, 0.0], [True, False], 0.0),
        ([0.8, 0.2], [False, True], 0.8),
        ([], [], 0.0),
    ],
)
def test_calibration_error(confidences: list[float], rights: list[bool], error: float) -> None:
    assert calibration_error(confidences, rights) == pytest.approx(error)
