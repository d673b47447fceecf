"""Mappings: guessed from names, written and read again, and each mistake told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.tasks import task, tasks
from training.data import mapping
from training.data.mapping import Mapping, MappingError, fields_of, guess, missing, read, written
from training.data.normalise import STEPS

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
    given_names = columns.replace(",", " ").split()
    found = guess(task(name), given_names, SHOP)
    assert found.fields == fields
    assert missing(found, task(name), SHOP) == []


def test_stars_stand_for_a_sentiment_but_for_three() -> None:
    found = guess(task("extract"), ["review", "rating"], SHOP)
    assert found.values["labels.overall_sentiment"] == mapping._STARS
    assert guess(task("extract"), ["review", "sentiment"], SHOP).values == {}


def test_nothing_changes_the_words_that_labels_count() -> None:
    assert guess(task("rewrite"), ["query", "tags"], SHOP).normalise == ()


def test_what_is_missing_is_named() -> None:
    of = task("classify")
    found = guess(of, ["sku", "price"], SHOP)
    assert missing(found, of, SHOP) == ["request.title", "labels.category"]
    text = written(found, ["sku", "price"], missing(found, of, SHOP))
    assert "request.title: ''" in text
    assert "read from: price" in text


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(tasks())),
    data=st.data(),
    renames=st.dictionaries(NAMES.map(str.casefold), NAMES, max_size=3),
    steps=st.lists(st.sampled_from(sorted(STEPS)), unique=True),
)
def test_what_is_written_is_read_again(
    name: str, data: st.DataObject, renames: dict[str, str], steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    of = task(name)
    paths = st.sampled_from([*fields_of(of, SHOP), "labels", "origin.sku"])
    fields = data.draw(st.dictionaries(paths, NAMES, min_size=1, max_size=5))
    values = {next(iter(fields)): renames} if renames else {}
    chosen = Mapping(name, fields, values, tuple(steps))
    unknown = [(3, "labels.category", "T-Shirtz", "Tshirts"), (1, "labels.category", "#\n", "")]
    file = tmp_path_factory.mktemp("map") / "map.yaml"
    file.write_text(written(chosen, ["unused"], unknown=unknown), encoding="utf-8")
    assert read(file, of, SHOP) == chosen


def test_the_suggestions_can_be_taken_as_they_are(tmp_path: Path) -> None:
    chosen = guess(task("classify"), ["title", "category"], SHOP)
    text = written(chosen, [], unknown=[(3, "labels.category", 'T-"Shirtz"', "Tshirts")])
    head, _, notes = text.partition("# Not in the ontology")
    taken = "\n".join(line.removeprefix("# ") for line in notes.splitlines()[1:])
    file = tmp_path / "map.yaml"
    file.write_text(head.replace("values: {}", "") + taken)
    assert read(file, task("classify"), SHOP).values == {"labels.category": {'t-"shirtz"': "Tshirts"}}


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
def test_each_mistake_is_told(text: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(text)
    with pytest.raises(MappingError) as refused:
        read(file, task("classify"), SHOP)
    assert reason in str(refused.value)
    assert "map.yaml" in str(refused.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"map\.yaml cannot be read"):
        read(tmp_path / "map.yaml", task("classify"), SHOP)
    (tmp_path / "map.yaml").write_bytes(b"fields: {a: \xff}")
    with pytest.raises(MappingError, match="is not valid YAML"):
        read(tmp_path / "map.yaml", task("classify"), SHOP)
