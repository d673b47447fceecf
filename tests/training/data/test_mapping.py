"""Mappings: guessed from names, written and read again, and each mistake in a file is reported."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.tasks import tasks
from training.data.mapping import Mapping, MappingError, as_yaml, fields_of, guess, missing, read
from training.data.normalise import STEPS
from training.tasks import training_task
from training.tasks.extract import STARS

SHOP = Ontology.load()
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    lambda name: name.strip() == name
)


@pytest.mark.parametrize(
    ("name", "columns", "fields"),
    [
        (
            "classify",
            "productDisplayName articleType baseColour gender id year",
            {
                "request.title": "productDisplayName",
                "labels.category": "articleType",
                "labels.attributes.color": "baseColour",
                "labels.attributes.gender": "gender",
                "origin.id": "id",
            },
        ),
        ("classify", "Title name class", {"request.title": "Title", "labels.category": "class"}),
        ("classify", "user assistant", {"labels": "assistant", "request.title": "user"}),
        (
            "classify",
            "request.title labels.category labels.attributes.color title",
            {
                "request.title": "request.title",
                "labels.category": "labels.category",
                "labels.attributes.color": "labels.attributes.color",
            },
        ),
        ("rewrite", "search_query tags", {"request.query": "search_query", "labels.tags": "tags"}),
        (
            "extract",
            "review_body,stars,product_title",
            {"request.review": "review_body", "labels.overall_sentiment": "stars", "request.product": "product_title"},
        ),
        (
            "copywrite",
            "name description color Material request.attributes.scent",
            {
                "request.name": "name",
                "labels.description": "description",
                "request.attributes.color": "color",
                "request.attributes.material": "Material",
                "request.attributes.scent": "request.attributes.scent",
            },
        ),
    ],
)
def test_names_of_columns_suggest_fields(name: str, columns: str, fields: dict[str, str]) -> None:
    guessed = guess(training_task(name), columns.replace(",", " ").split(), SHOP)
    assert guessed.fields == fields
    assert missing(guessed, training_task(name), SHOP) == []


def test_stars_mean_a_sentiment_except_three() -> None:
    guessed = guess(training_task("extract"), ["review", "rating"], SHOP)
    assert guessed.values == {"labels.overall_sentiment": STARS}
    assert guess(training_task("extract"), ["review", "sentiment"], SHOP).values == {}


def test_no_step_changes_words_that_have_labels() -> None:
    assert guess(training_task("rewrite"), ["query", "tags"], SHOP).normalise == ()


def test_what_is_missing_is_named() -> None:
    classify = training_task("classify")
    guessed = guess(classify, ["sku", "price"], SHOP)
    assert missing(guessed, classify, SHOP) == ["request.title", "labels.category"]
    text = as_yaml(guessed, ["sku", "price"], missing(guessed, classify, SHOP))
    assert "request.title: ''" in text
    assert "not read: price" in text


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(tasks())),
    data=st.data(),
    renames=st.dictionaries(NAMES.map(str.casefold), NAMES, max_size=3),
    steps=st.lists(st.sampled_from(sorted(STEPS)), unique=True),
)
def test_a_mapping_that_is_written_is_read_again(
    name: str, data: st.DataObject, renames: dict[str, str], steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    training = training_task(name)
    paths = st.sampled_from([*fields_of(training, SHOP), "labels", "origin.sku"])
    fields = data.draw(st.dictionaries(paths, NAMES, min_size=1, max_size=5))
    values = {next(iter(fields)): renames} if renames else {}
    chosen = Mapping(name, fields, values, tuple(steps))
    unlisted = [(3, "labels.category", "T-Shirtz", "Tshirts"), (1, "labels.category", "#\n", "")]
    file = tmp_path_factory.mktemp("map") / "map.yaml"
    file.write_text(as_yaml(chosen, ["unused"], unlisted=unlisted), encoding="utf-8")
    assert read(file, training, SHOP) == chosen


def test_the_suggested_renames_are_valid_when_uncommented(tmp_path: Path) -> None:
    chosen = guess(training_task("classify"), ["title", "category"], SHOP)
    text = as_yaml(chosen, [], unlisted=[(3, "labels.category", 'T-"Shirtz"', "Tshirts")])
    head, _, notes = text.partition("# Not in the ontology")
    renames = "\n".join(line.removeprefix("# ") for line in notes.splitlines()[1:])
    file = tmp_path / "map.yaml"
    file.write_text(head.replace("values: {}", "") + renames)
    assert read(file, training_task("classify"), SHOP).values == {"labels.category": {'t-"shirtz"': "Tshirts"}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fields: {request.title: [a, b]}", "needs the name of one column"),
        ("fields: {request.titel: a}", "no field 'request.titel'; there are request.title"),
        ("fields: {origin.row: a}", "no field 'origin.row'"),
        ("fields: {}\nfield: {}", "no key 'field'"),
        ("fields: [a]", "there must be `fields`"),
        ("- a", "there must be `fields`"),
        ("", "there must be `fields`"),
        ("fields: {", "is not valid YAML"),
        ("fields: {}\nvalues: [a]", "pairs of text"),
        ("fields: {}\nvalues: {labels.category: {a: [b]}}", "pairs of text"),
        ("fields: {}\nvalues: {labels.colour: {a: b}}", "no field 'labels.colour'"),
        ("fields: {}\nnormalise: [unit]", "normalise is a list of units, currencies"),
        ("fields: {}\ntask: extract", "is for the task 'extract', not 'classify'"),
        ("[" * 5000, "is not valid YAML"),
        ("? [a]\n: b", "is not valid YAML"),
        ("fields: {}\nnormalise: [[a]]", "normalise is a list"),
    ],
)
def test_each_mistake_is_reported(text: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(text)
    with pytest.raises(MappingError) as refused:
        read(file, training_task("classify"), SHOP)
    assert reason in str(refused.value)
    assert "map.yaml" in str(refused.value)


def test_a_file_that_is_not_utf_8_is_reported(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_bytes(b"fields: {a: \xff}")
    with pytest.raises(MappingError, match="is not valid YAML"):
        read(tmp_path / "map.yaml", training_task("classify"), SHOP)
