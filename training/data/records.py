"""The lines of a file of examples, valid or not, and what is compared and counted of them.

Knows one record at a time. Called by `check`, which must see what `training.examples` refuses, and
by `split`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from adapters.tasks import rewrite, tasks
from adapters.tasks import task as find_task
from training.data.duplicates import input_text
from training.data.reading import MAX_LINE, too_deep

ASKED = 1_000  # records that say which task a file is for


class RecordError(ValueError):
    """A file of examples cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Record:
    line: int
    told: dict[str, Any]

    @property
    def request(self) -> Any:
        return self.told.get("request")

    @property
    def labels(self) -> Any:
        return self.told.get("labels")

    @property
    def text(self) -> str:
        return input_text(self.request)


def compared(model: type[BaseModel], request: Any) -> str:
    """The text that tells a request from others, without the records given with it.

    A request that need not hold a text, such as a row of numbers, is the same as another or not
    like it at all.
    """
    fields = model.model_fields
    if not isinstance(request, dict):
        return input_text(request)
    if any(info.is_required() and info.annotation is str for info in fields.values()):
        given = {name for name, info in fields.items() if _of_records(info.annotation)}
        return input_text({name: told for name, told in request.items() if name not in given})
    told = json.dumps(request, sort_keys=True, default=str)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()


def _of_records(annotation: Any) -> bool:
    return any(isinstance(a, type) and issubclass(a, BaseModel) for a in get_args(annotation))


def read(file: Path) -> tuple[list[Record], list[tuple[int, str]]]:
    """The records, and (line, reason) of lines that are none.

    Raises:
        RecordError: the file cannot be read or holds nothing.
    """
    records: list[Record] = []
    broken: list[tuple[int, str]] = []
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    records.append(Record(number, _object(line)))
                except (ValueError, RecursionError) as error:
                    broken.append((number, f"not a record: {error}"))
    except OSError as error:
        raise RecordError(f"{file} cannot be read: {error.strerror or error}") from error
    if not records and not broken:
        raise RecordError(f"{file} holds no examples; write them with `shoplora data import`")
    return records, broken


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise ValueError(f"over {MAX_LINE:,} bytes")
    told = json.loads(line.decode("utf-8"))
    if not isinstance(told, dict):
        raise ValueError("a line must be an object: {request, labels}")
    if too_deep(told):
        raise ValueError("nested too deeply")
    return told


def task_of(records: list[Record], file: Path) -> str:
    """The task whose fields most of the first records have.

    Raises:
        RecordError: no task has such fields.
    """
    votes: Counter[str] = Counter()
    for record in records[:ASKED]:
        for name, task in sorted(tasks().items()):
            models = ((task.request, record.request), (task.labels, record.labels))
            if all(
                isinstance(told, dict)
                and {n for n, info in model.model_fields.items() if info.is_required()} <= told.keys()
                and told.keys() <= model.model_fields.keys()
                for model, told in models
            ):
                votes[name] += 1
    if not votes:
        raise RecordError(f"{file}: no line has the fields of a task; write it with `shoplora data import TASK`")
    return votes.most_common(1)[0][0]


def label_values(task: str, labels: Any) -> list[str]:
    """What a record counts for, the main label first; nothing where labels are free text.

    Of a task that is not named here it is the first of the labels, if they are of a closed list.
    """
    if not isinstance(labels, dict):
        return []
    if task == "rewrite":
        tags = labels.get("tags")
        named = [t for t in tags if isinstance(t, str)] if isinstance(tags, list) else []
        return [tag for tag in named if tag not in (rewrite.CONTINUES, rewrite.OTHER)] or named[:1]
    main = {"classify": "category", "extract": "overall_sentiment"}.get(task) or _closed(task)
    value = labels.get(main)
    return [str(value)] if isinstance(value, str | bool) else []


def _closed(task: str) -> str:
    name, info = next(iter(find_task(task).labels.model_fields.items()))
    return name if info.annotation is bool or get_origin(info.annotation) is Literal else ""


def main_label(task: str, labels: Any) -> str:
    """What a split keeps in proportion: category, sentiment or a query's first label."""
    return next(iter(label_values(task, labels)), "")
