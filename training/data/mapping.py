"""Which column is which field of a task: guessed from the names, written as YAML, read again.

Knows names and the tasks' models, no row. Called by `importing` and `cli`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_origin

import yaml

from adapters.ontology import Ontology
from adapters.tasks import classify
from adapters.tasks.contract import Task
from training.data.normalise import STEPS
from training.data.reading import ASSISTANT, USER

MAX_FILE = 1_000_000  # bytes
KEYS = ("task", "fields", "values", "normalise")
ORIGIN, LABELS = "origin.", "labels"

# What shops call a field, the likeliest first; after them the field's own name with spaces.
_TEXT = ["text", "content", USER]
_NAMES = {
    "request.title": [
        "title",
        "product title",
        "product name",
        "product display name",
        "item name",
        "item title",
        "listing title",
        "name",
        "product",
        "item",
        *_TEXT,
    ],
    "request.description": ["description", "product description", "long description", "details"],
    "request.brand": ["brand", "brand name", "manufacturer", "vendor"],
    "labels.category": [
        "category",
        "product category",
        "category name",
        "category label",
        "category path",
        "product type",
        "article type",
        "subcategory",
        "sub category",
        "type",
        "label",
        "class",
    ],
    "request.query": ["query", "search query", "search term", "search", "keyword", "q", *_TEXT],
    "labels.tags": ["tags", "labels", "tag"],
    "request.review": ["review", "review text", "review body", "comment", "feedback", "body", *_TEXT],
    "request.product": ["product", "product name", "product title", "item"],
    "labels.overall_sentiment": [
        "overall sentiment",
        "sentiment",
        "polarity",
        "label",
        "rating",
        "stars",
        "star rating",
        "score",
    ],
    "request.name": ["name", "product name", "product title", "title", "item name", USER],
    "request.category": ["category", "product category", "category name", "product type", "type"],
    "labels.description": ["description", "product description", "copy", "long description", "text"],
    "color": ["color", "colour", "base color", "base colour"],
    "gender": ["gender", "sex", "target gender"],
}
_IDENTITIES = (
    "sku",
    "id",
    "product id",
    "item id",
    "parent sku",
    "parent id",
    "cluster id",
    "group id",
    "asin",
    "gtin",
    "ean",
    "upc",
    "order id",
    "customer id",
)
_STARS = {"1": "negative", "2": "negative", "4": "positive", "5": "positive"}  # 3 is for you to say
_STAR_NAMES = ("rating", "stars", "star rating", "score")

_HEAD = """\
# How columns become fields of the task {task}. Edit it and import again with --map.
#   fields      field of the task: name of the column. origin.* is kept to tell rows apart by.
#   values      field: what the column says: what it means. Case does not count.
#   normalise   what is spelled one way in all texts: {steps}; [] for none.
# Columns that nothing is read from: {unused}
"""


class MappingError(ValueError):
    """A mapping cannot be used or guessed; the message says what to change."""


@dataclass(frozen=True)
class Mapping:
    """`fields`: field to column; `values`: field to what a value (case folded) stands for."""

    task: str
    fields: dict[str, str]
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    normalise: tuple[str, ...] = tuple(STEPS)


def fields_of(of: Task[Any, Any], ontology: Ontology) -> dict[str, bool]:
    """Every field that a column can fill, and whether one must; attributes by the ontology."""
    found: dict[str, bool] = {}
    for part, model in (("request", of.request), ("labels", of.labels)):
        for name, info in model.model_fields.items():
            if get_origin(info.annotation) is not dict:
                found[f"{part}.{name}"] = info.is_required()
            elif name == "attributes":
                names = classify.DECIDED if part == LABELS else tuple(ontology.attributes)
                found |= {f"{part}.{name}.{attribute}": False for attribute in names}
    return dict(sorted(found.items(), key=lambda each: not each[1]))


def guess(of: Task[Any, Any], columns: Sequence[str], ontology: Ontology) -> Mapping:
    """The mapping that the columns' names suggest; required fields may lack one, see `missing`."""
    plain: dict[str, str] = {}
    for column in columns:
        plain.setdefault(_plain(column), column)
    fields: dict[str, str] = {}
    if ASSISTANT in columns and USER in columns:
        fields[LABELS] = ASSISTANT
    known = fields_of(of, ontology)
    fields |= {c: c for c in columns if c in known or _of_dict(c, of)}
    for column in fields.values():
        plain.pop(_plain(column), None)
    for path in known:
        if path not in fields and not (LABELS in fields and path.startswith(f"{LABELS}.")):
            own = path.rpartition(".")[2]
            names = (*_NAMES.get(path, _NAMES.get(own, [])), own.replace("_", " "))
            found = next((name for name in names if name in plain), None)
            if found is not None:
                fields[path] = plain.pop(found)
    fields |= {f"{ORIGIN}{n.replace(' ', '_')}": plain.pop(n) for n in _IDENTITIES if n in plain}
    rated = _plain(fields.get("labels.overall_sentiment", "")) in _STAR_NAMES
    values = {"labels.overall_sentiment": dict(_STARS)} if rated else {}
    # A query has a label for each of its words: nothing may join or part them.
    steps = () if "labels.tags" in known else tuple(STEPS)
    return Mapping(of.name, fields, values, steps)


def missing(mapping: Mapping, of: Task[Any, Any], ontology: Ontology) -> list[str]:
    """The required fields that no column fills."""
    whole = LABELS in mapping.fields
    return [
        path
        for path, required in fields_of(of, ontology).items()
        if required and not mapping.fields.get(path) and not (whole and path.startswith(f"{LABELS}."))
    ]


def _plain(column: str) -> str:
    """A column's name as it is compared: `ProductTitle`, `product_title`, `Product title`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    return re.sub(r"[\W_]+", " ", parted).strip().lower()


def _of_dict(path: str, of: Task[Any, Any]) -> bool:
    """Whether the path names an entry of a request's dict, such as attributes, by any name."""
    part, _, rest = path.partition(".")
    name, _, entry = rest.partition(".")
    if part != "request" or not entry or name not in of.request.model_fields:
        return False
    return bool(get_origin(of.request.model_fields[name].annotation) is dict)


def read(file: Path, of: Task[Any, Any], ontology: Ontology) -> Mapping:
    """A mapping from its file.

    Raises:
        MappingError: it cannot be read, or names a task, field or step that there is not.
    """
    try:
        if file.stat().st_size > MAX_FILE:
            raise MappingError(f"{file} is over {MAX_FILE:,} bytes")
        told = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except OSError as error:
        raise MappingError(f"{file} cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise MappingError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(told, dict) or not isinstance(told.get("fields"), dict):
        raise MappingError(f"{file}: there must be `fields`, a mapping of field to column")
    if unknown := [str(key) for key in told if key not in KEYS]:
        raise MappingError(f"{file}: no key {unknown[0]!r}; there are {', '.join(KEYS)}")
    if told.get("task", of.name) != of.name:
        raise MappingError(f"{file} is for the task {told['task']!r}, not {of.name!r}")
    steps, values = told.get("normalise", list(STEPS)), told.get("values") or {}
    if not isinstance(steps, list) or any(step not in list(STEPS) for step in steps):
        raise MappingError(f"{file}: normalise is a list of {', '.join(STEPS)}, or []")
    if not isinstance(values, dict) or not all(_renames(each) for each in values.values()):
        raise MappingError(f"{file}: values must map a field to pairs of text")
    fields = {path: column for path, column in told["fields"].items() if column}
    for path, column in fields.items():
        _check_field(path, column, file, of, ontology)
    for path in values:
        _check_field(path.replace(".aspects.category", ".aspects"), "", file, of, ontology)
    folded = {path: {k.casefold(): v for k, v in (each or {}).items()} for path, each in values.items()}
    return Mapping(of.name, fields, folded, tuple(steps))


def _renames(each: Any) -> bool:
    return not each or (isinstance(each, dict) and all(isinstance(v, str) for v in each.values()))


def _check_field(path: str, column: object, file: Path, of: Task[Any, Any], ontology: Ontology) -> None:
    known = fields_of(of, ontology)
    if not isinstance(column, str):
        raise MappingError(f"{file}: {path} needs the name of one column")
    if path not in known and path != LABELS and not _of_dict(path, of):
        if path.startswith(ORIGIN) and path not in (ORIGIN, f"{ORIGIN}file", f"{ORIGIN}row"):
            return
        raise MappingError(
            f"{file}: {of.name} has no field {path!r}; there are {', '.join(known)}, labels and origin.NAME"
        )


def written(
    mapping: Mapping,
    columns: Iterable[str],
    lacking: Iterable[str] = (),
    unknown: Iterable[tuple[int, str, str, str]] = (),
) -> str:
    """The YAML of a mapping for a person to review.

    `lacking` are required fields to fill in, `unknown` (rows, field, value, nearest listed value).
    """
    unused = [c for c in columns if c not in mapping.fields.values()]
    listed = ", ".join(" ".join(column.split()) for column in unused) or "none"
    head = _HEAD.format(task=mapping.task, steps=", ".join(STEPS), unused=listed)
    fields = {**dict.fromkeys(lacking, ""), **mapping.fields}
    body = yaml.safe_dump(
        {"task": mapping.task, "normalise": list(mapping.normalise), "fields": fields, "values": mapping.values},
        sort_keys=False,
        allow_unicode=True,
        width=1000,
    )
    notes: dict[str, list[str]] = {}
    for rows, path, value, near in unknown:
        line = f"#     {json.dumps(value, ensure_ascii=False)}: {json.dumps(near)}  # {rows:,} rows"
        notes.setdefault(path, []).append(line)
    lines = [line for path, each in notes.items() for line in (f"#   {path}:", *each)]
    if lines:
        lines.insert(0, "\n# Not in the ontology. What these should stand for:\n# values:")
    return head + body + "".join(f"{line}\n" for line in lines)
