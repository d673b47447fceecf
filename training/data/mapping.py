"""Which column is which field of a task: guessed from the names of columns, written as YAML, read again.

Reads no rows. Called by `importing` and `cli`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_origin

import yaml

from adapters.errors import ShopLoraError
from adapters.ontology import Ontology
from training.data.normalise import STEPS
from training.data.reading import ASSISTANT, USER
from training.tasks.contract import TrainingTask

MAX_FILE = 1_000_000  # bytes
KEYS = ("task", "fields", "values", "normalise")
ORIGIN, LABELS = "origin.", "labels"

_IDENTITIES = (
    "sku,id,product id,item id,parent sku,parent id,cluster id,group id,asin,gtin,ean,upc,order id,customer id"
)
_HEAD = """\
# How columns become fields of the task {task}. Edit it and import again with --map.
#   fields      field of the task: name of the column. origin.* identifies rows, or groups them in a split.
#   values      field: value in the column: value of the field. Case does not count.
#   normalise   what is spelled one way in all texts: {steps}; [] for none.
# Columns that are not read: {unused}
"""


class MappingError(ShopLoraError):
    """A mapping cannot be used; the message says what to change."""


@dataclass(frozen=True)
class Mapping:
    """How rows become examples.

    Attributes:
        fields: field to column.
        values: field to the meaning of a value of its column; the value is case-folded.
        normalise: names of the steps that texts go through.
    """

    task: str
    fields: dict[str, str]
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    normalise: tuple[str, ...] = tuple(STEPS)


def fields_of(training: TrainingTask, ontology: Ontology) -> dict[str, bool]:
    """Every field that a column can fill, and whether it is required; the required ones first."""
    fields: dict[str, bool] = {}
    for part, model in (("request", training.task.request), (LABELS, training.task.labels)):
        for name, info in model.model_fields.items():
            path = f"{part}.{name}"
            if get_origin(info.annotation) is not dict:
                fields[path] = info.is_required()
            elif part == LABELS:
                fields |= {entry: False for entry in training.column_names if entry.startswith(f"{path}.")}
            elif name == "attributes":
                fields |= {f"{path}.{attribute}": False for attribute in ontology.attributes}
    return dict(sorted(fields.items(), key=lambda field: not field[1]))


def guess(training: TrainingTask, columns: Sequence[str], ontology: Ontology) -> Mapping:
    """The mapping that the columns' names suggest; `missing` names the required fields without a column."""
    plain: dict[str, str] = {}  # plain name to column
    for column in columns:
        plain.setdefault(_plain(column), column)
    fields: dict[str, str] = {}
    if ASSISTANT in columns and USER in columns:
        fields[LABELS] = ASSISTANT
    known = fields_of(training, ontology)
    fields |= {c: c for c in columns if c in known or _is_dict_entry(c, training)}
    for column in fields.values():
        plain.pop(_plain(column), None)
    for path in known:
        if path not in fields and not (LABELS in fields and path.startswith(f"{LABELS}.")):
            names = (*training.column_names.get(path, ()), path.rpartition(".")[2].replace("_", " "))
            if name := next((name for name in names if name in plain), None):
                fields[path] = plain.pop(name)
    fields |= {f"{ORIGIN}{n.replace(' ', '_')}": plain.pop(n) for n in _IDENTITIES.split(",") if n in plain}
    meanings = {path: training.cell_values(path, _plain(column)) for path, column in fields.items()}
    # Where each word has a label, a step must not join or split words.
    steps = () if training.word_label else tuple(STEPS)
    return Mapping(
        training.task.name, fields, {path: dict(values) for path, values in meanings.items() if values}, steps
    )


def guess_to_file(training: TrainingTask, columns: Sequence[str], ontology: Ontology, draft: Path) -> Mapping:
    """The guessed mapping, written to a file for a person to review.

    Raises:
        MappingError: a required field has no column, or the file holds other settings than the guess.
    """
    mapping = guess(training, columns, ontology)
    lacking = missing(mapping, training, ontology)
    write_draft(draft, as_yaml(mapping, columns, lacking))
    if lacking:
        raise MappingError(
            f"no column looks like {' or '.join(lacking)}; there are {', '.join(columns)}: "
            f"fill in {draft} and pass it with --map"
        )
    return mapping


def write_draft(file: Path, text: str) -> None:
    """Write a guessed mapping, but never over one that a person has edited.

    Raises:
        MappingError: the file holds other settings.
    """
    if file.exists() and _settings(file.read_text(encoding="utf-8", errors="replace")) != _settings(text):
        raise MappingError(f"{file} differs from a new guess: pass it with --map, or remove it")
    file.write_text(text, encoding="utf-8", errors="replace")


def _settings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def missing(mapping: Mapping, training: TrainingTask, ontology: Ontology) -> list[str]:
    """The required fields that no column fills."""
    has_labels = LABELS in mapping.fields
    return [
        path
        for path, required in fields_of(training, ontology).items()
        if required and not mapping.fields.get(path) and not (has_labels and path.startswith(f"{LABELS}."))
    ]


def _plain(column: str) -> str:
    """A column's name as it is compared: `product title` for `ProductTitle` and `product_title`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    return re.sub(r"[\W_]+", " ", spaced).strip().lower()


def _is_dict_entry(path: str, training: TrainingTask) -> bool:
    """Whether the path is an entry, of any name, of a dict in the request, such as `request.attributes.scent`."""
    part, _, rest = path.partition(".")
    name, _, entry = rest.partition(".")
    info = training.task.request.model_fields.get(name)
    return bool(part == "request" and entry and info and get_origin(info.annotation) is dict)


def read(file: Path, training: TrainingTask, ontology: Ontology) -> Mapping:
    """A mapping from its file.

    Raises:
        MappingError: the file is not a mapping, or names an unknown task, field or step.
        OSError: the file cannot be read.
    """
    task = training.task.name
    if file.stat().st_size > MAX_FILE:
        raise MappingError(f"{file} is over {MAX_FILE:,} bytes")
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise MappingError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or not isinstance(content.get("fields"), dict):
        raise MappingError(f"{file}: there must be `fields`, a mapping of field to column")
    if unknown := [str(key) for key in content if key not in KEYS]:
        raise MappingError(f"{file}: no key {unknown[0]!r}; there are {', '.join(KEYS)}")
    if content.get("task", task) != task:
        raise MappingError(f"{file} is for the task {content['task']!r}, not {task!r}")
    steps, values = content.get("normalise", list(STEPS)), content.get("values") or {}
    if not isinstance(steps, list) or any(step not in list(STEPS) for step in steps):
        raise MappingError(f"{file}: normalise is a list of {', '.join(STEPS)}, or []")
    if not isinstance(values, dict) or not all(map(_is_renames, values.values())):
        raise MappingError(f"{file}: values must map a field to pairs of text")
    fields = {path: column for path, column in content["fields"].items() if column}
    known = fields_of(training, ontology)
    items_of_lists = training.label_names(ontology)  # such as labels.aspects.category
    for path in (*fields, *values):
        own_origin = path.startswith(ORIGIN) and path not in (ORIGIN, f"{ORIGIN}file", f"{ORIGIN}row")
        listed = path in values and path in items_of_lists
        if not (path in known or path == LABELS or listed or own_origin or _is_dict_entry(path, training)):
            raise MappingError(
                f"{file}: {task} has no field {path!r}; there are {', '.join(known)}, labels and origin.NAME"
            )
        if not isinstance(fields.get(path, ""), str):
            raise MappingError(f"{file}: {path} needs the name of one column")
    folded = {path: {k.casefold(): v for k, v in (renames or {}).items()} for path, renames in values.items()}
    return Mapping(task, fields, folded, tuple(steps))


def _is_renames(value: Any) -> bool:
    return not value or (isinstance(value, dict) and all(isinstance(meaning, str) for meaning in value.values()))


def as_yaml(
    mapping: Mapping,
    columns: Iterable[str],
    lacking: Iterable[str] = (),
    unlisted: Iterable[tuple[int, str, str, str]] = (),
) -> str:
    """The YAML of a mapping for a person to review.

    Args:
        mapping: what to write.
        columns: all columns of the sources.
        lacking: required fields without a column.
        unlisted: number of rows, field, value, and nearest listed name or an empty text.
    """
    unused = [c for c in columns if c not in mapping.fields.values()]
    unused_names = ", ".join(" ".join(column.split()) for column in unused) or "none"
    head = _HEAD.format(task=mapping.task, steps=", ".join(STEPS), unused=unused_names)
    fields = {**dict.fromkeys(lacking, ""), **mapping.fields}
    body = yaml.safe_dump(
        {"task": mapping.task, "normalise": list(mapping.normalise), "fields": fields, "values": mapping.values},
        sort_keys=False,
        allow_unicode=True,
        width=1000,
    )
    notes: dict[str, list[str]] = {}
    for rows, path, value, nearest in unlisted:
        line = f"#     {json.dumps(value, ensure_ascii=False)}: {json.dumps(nearest)}  # {rows:,} rows"
        notes.setdefault(path, []).append(line)
    lines = [line for path, renames in notes.items() for line in (f"#   {path}:", *renames)]
    if lines:
        lines.insert(0, "\n# Not in the ontology. To rename them, remove the # of these lines:\n# values:")
    return head + body + "".join(f"{line}\n" for line in lines)
