"""The training side of every task: the defaults, and what each of the four with a module of its own has to hold."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields
from functools import cache
from typing import Any, ClassVar

import pytest

from adapters.ontology import Ontology
from adapters.tasks import churn, classify, copywrite, rewrite, support, task
from tests.training.tasks.builders import copy, query, review, review_labels, subscriber, tagged, text_review, title
from training.evaluation.significance import ratio
from training.examples import Example, ExampleError
from training.public.sources import sources
from training.tasks import training_task
from training.tasks.contract import TrainingTask
from training.text import is_acceptance, key
from training.tuning.recipe import Recipe

PUBLIC_SOURCES = {
    "classify": {
        *("fashion", "pricerunner", "retail", "synthetic", "mwpd", "implicit-ave", "grocery-db", "recalls", "amazon"),
        *("best-buy", "superstore", "flipkart", "pave", "contoso"),
    },
    "rewrite": {"queryner", "synthetic"},
    "extract": {
        *("dmaste", "dmaste-book", "dmaste-grocery", "dmaste-pet", "dmaste-toy", "hatn", "food", "televisions"),
        *("crowd", "t-shirts", "products", "pros-cons", "synthetic"),
    },
    "copywrite": {"written"},
}
KNOWN = {"classify": 2, "extract": 3}  # leading fields of the line that the labels of a partial example give
MUG = copywrite.Request(name="mug", attributes={"color": "red", "material": "clay"})
ANSWERED: dict[str, tuple[list[Example], list[Any]]] = {
    "classify": ([title("any", "Shirts"), title("any", "Jeans")], [classify.Labels(category="Shirts"), None]),
    "rewrite": (
        [tagged("color type +"), tagged("type")],
        [rewrite.Labels(tags=["color", "type", "type"]), rewrite.Labels(tags=["type"])],
    ),
    "extract": (
        [review("positive; no; -; fit + fit: good; price - bad"), review("neutral; no; -; -")],
        [review_labels("positive; no; -; fit + fit: good; sound - bad"), None],
    ),
    "copywrite": ([copy(MUG, "A red clay mug.")], [copywrite.Labels(description="A red mug.")]),
    "churn": (
        [subscriber("leaves; inactive"), subscriber("leaves"), subscriber("stays")],
        [churn.Labels(will_churn=True, flags=[]), None, churn.Labels(will_churn=True, flags=[])],
    ),
}
TRAIN = {
    "classify": [title(f"{color} {noun}", f"{noun}s") for color in ("red", "blue") for noun in ("Shirt", "Skirt")],
    "rewrite": [query("red shoes", "color type")],
    "extract": [text_review("good sound", "positive", (("sound", "positive"),)), text_review("bad", "negative")],
    "copywrite": [copy(MUG, "A red clay mug.")],
}
BASELINES = [(name, baseline) for name in TRAIN for baseline in training_task(name).baselines()]
TASKS = pytest.mark.parametrize("name", sorted(PUBLIC_SOURCES))


def test_a_task_without_a_module_has_the_defaults() -> None:
    training = training_task("churn")
    assert type(training) is TrainingTask
    assert (training.headline_source, training.headline_figure) == ("", "churners_f1")
    with pytest.raises(KeyError):
        training_task("baselines")  # a module of training.tasks, but no task


@TASKS
def test_a_task_module_belongs_to_its_task(name: str) -> None:
    training = training_task(name)
    assert training.task is task(name)
    assert training.recipe.keys() <= {field.name for field in fields(Recipe)}
    assert set(training.repositories.values()) <= {source.repository for source in sources()}


@pytest.mark.parametrize("name", ANSWERED)
def test_the_headline_is_the_figure_of_the_table(name: str, ontology: Ontology) -> None:
    training, (examples, answers) = training_task(name), ANSWERED[name]
    figure = training.figures(examples, answers, ontology)[training.headline_figure]
    assert ratio(training.headline_terms(examples, answers, ontology)) == pytest.approx(figure)
    assert 0.3 < figure < 0.8


def test_the_default_figures_are_of_what_the_task_counts_and_of_each_label(ontology: Ontology) -> None:
    lines = ("leaves; inactive", "leaves", "stays", "stays", "leaves; inactive")
    predicted = ("leaves", "stays", "leaves; inactive", "stays")
    answers = [*(subscriber(line).labels for line in predicted), None]
    figures = training_task("churn").figures([subscriber(line) for line in lines], answers, ontology)
    assert figures["churners_precision"] == 0.5
    assert figures["churners_recall"] == pytest.approx(1 / 3)  # a missing answer predicts nobody
    names = ("churners_f1", "will_churn_accuracy", "flags_accuracy", "exact", "right")
    assert [figures[name] for name in names] == pytest.approx([0.4, 0.4, 0.4, 0.2, 0.4])


@pytest.mark.parametrize(
    ("cited", "reply", "right"),
    [([1], "Within thirty days.", True), ([1], "Within 14 days.", False), ([2], "Within 30 days.", False)],
)
def test_by_default_an_answer_that_may_not_be_shown_is_not_right(
    cited: list[int], reply: str, right: bool, ontology: Ontology
) -> None:
    request = support.Request.model_validate({"message": "?", "context": ["In 30 days.", "b"]})
    gold = Example("test", "shop", request, support.Labels(cited=[1], reply="30 days."))
    answer = support.Labels(cited=cited, reply=reply)
    assert training_task("support").is_right(gold, answer, ontology) is right


def test_the_default_baselines_learn_the_task(ontology: Ontology) -> None:
    def months(count: int) -> Example:
        left = count < 5
        request = churn.Request(tenure_months=count, contract="monthly", services={"tv": left})
        return Example("train", "shop", request, churn.Labels(will_churn=left, flags=["monthly_contract"] * left))

    baselines = training_task("churn").baselines()
    assert baselines.keys() == {"logistic regression", "most common answer"}
    train, test = [months(n) for n in range(20)], [months(1), months(18)]
    left, stayed = baselines["logistic regression"](train, test, ontology)
    assert (left.will_churn, left.flags, stayed.will_churn) == (True, ["monthly_contract"], False)
    assert [a.will_churn for a in baselines["most common answer"](train, test, ontology)] == [False] * 2


def test_the_default_regression_answers_with_the_nearest_examples_line(ontology: Ontology) -> None:
    def question(message: str, cited: int, reply: str, *, passages: int = 2) -> Example:
        context = [support.Passage(text=text) for text in ("Refunds.", "Parcels.")[:passages]]
        labels = support.Labels(cited=[cited], reply=reply)
        return Example("train", "shop", support.Request(message=message, context=context), labels)

    train = [
        question("refund money back", 1, "Within 30 days."),
        question("refund invoice", 1, "See the invoice."),
        question("parcel where", 2, "On its way."),
        question("parcel late", 2, "It is late."),
    ]
    test = [question("my parcel is late", 2, "?"), question("parcel", 1, "?", passages=1)]
    late, without_passage = training_task("support").baselines()["logistic regression"](train, test, ontology)
    assert late == support.Labels(cited=[2], reply="It is late.")
    assert without_passage is None  # there is no second passage to cite


@pytest.mark.filterwarnings("ignore:Label .* is present in all training examples")
@pytest.mark.parametrize(("name", "baseline"), BASELINES)
def test_every_baseline_answers_in_the_tasks_labels_however_small_the_file(
    name: str, baseline: str, ontology: Ontology
) -> None:
    training, train = training_task(name), TRAIN[name]
    unknown_source = Example("test", "other", train[0].request, train[0].labels)
    for some in (train[:1], train):
        (answer,) = training.baselines()[baseline](some, [unknown_source], ontology)
        assert training.task.labels.model_validate(answer.model_dump()) == answer


@pytest.mark.parametrize(("name", "variant"), [("churn", None), ("classify", "loud"), ("copywrite", "loud")])
def test_a_task_or_variant_without_public_data_says_so(name: str, variant: str | None, ontology: Ontology) -> None:
    with pytest.raises(ExampleError, match=f"no public data has examples of {name}.*--data"):
        training_task(name).public_examples(ontology, variant=variant)


def test_a_training_example_whose_input_is_held_out_is_dropped(ontology: Ontology) -> None:
    class Repeating(TrainingTask):
        def public_readers(self) -> Any:
            splits = {"Red shirt": "train", "red shirt!": "test", "blue shirt": "train", "jeans": "validation"}
            return {None: lambda *_: (title(text, "Shirts", split=split) for text, split in splits.items())}

    examples = Repeating(classify.TASK).public_examples(ontology)
    assert [e.request.title for e in examples] == ["red shirt!", "blue shirt", "jeans"]


def test_nothing_of_an_unseen_source_is_trained_on_nor_its_equals(ontology: Ontology) -> None:
    class Unseen(TrainingTask):
        unseen: ClassVar = {"south": "validation", "west": "test"}

        def public_readers(self) -> Any:
            rows = [
                ("Red shirt", "north", "train"),
                ("red shirt!", "south", "train"),
                ("jeans", "south", "test"),
                ("coat", "west", "validation"),
                ("Coat", "north", "train"),
                ("cap", "north", "train"),
            ]
            return {None: lambda *_: (title(text, "Shirts", source, split) for text, source, split in rows)}

    examples = Unseen(classify.TASK).public_examples(ontology)
    assert [(e.request.title, e.split) for e in examples] == [
        ("red shirt!", "validation"),
        ("jeans", "validation"),
        ("coat", "test"),
        ("cap", "train"),
    ]


@TASKS
def test_each_unseen_source_is_one_of_the_tasks(name: str) -> None:
    training = training_task(name)
    repositories = training.repositories
    assert all(name in repositories or name.partition("-")[0] in repositories for name in training.unseen)
    assert set(training.unseen.values()) <= {"validation", "test"}


@cache
def public_examples(name: str) -> list[Example]:
    return training_task(name).public_examples(Ontology.load())


@pytest.mark.data
@TASKS
def test_public_examples_decode_and_no_input_is_in_two_splits(name: str, ontology: Ontology) -> None:
    examples, of = public_examples(name), task(name)
    assert {e.source for e in examples} == PUBLIC_SOURCES[name]
    assert {e.split for e in examples} == {"train", "validation", "test"}
    splits = defaultdict(set)
    for example in examples:
        if example.split == "train" and example.known_fields is None:  # gold labels of others may be no line
            assert of.decode(of.encode(example.labels), example.request, ontology) == example.labels
        splits[key(example.request.model_dump_json())].add(example.split)
    assert not [text for text, of_text in splits.items() if "train" in of_text and len(of_text) > 1]
    assert not any(is_acceptance(e.request.model_dump_json()) for e in examples)
    assert all(e.split != "test" for e in examples if e.source == "synthetic")
    assert {e.known_fields for e in examples} <= {None, KNOWN.get(name)}
