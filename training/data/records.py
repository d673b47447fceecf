"""Which task a file's records are for, and which text of a request is compared.

Knows the tasks' models, not whether a record is valid. Called by `check`, `split` and `cli`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from adapters.tasks import tasks
from training.examples import ExampleError, Record, input_text

VOTERS = 1_000  # first records, by whose fields the task is chosen


def task_of(records: Sequence[Record], file: Path) -> str:
    """The task whose fields most of the first records have.

    Raises:
        ExampleError: no record has the fields of a task.
    """
    votes: Counter[str] = Counter()
    for record in records[:VOTERS]:
        for name, task in sorted(tasks().items()):
            if _has_fields(record.request, task.request) and _has_fields(record.labels, task.labels):
                votes[name] += 1
    if not votes:
        raise ExampleError(f"{file}: no line has the fields of a task; write it with `shoplora data import TASK`")
    return votes.most_common(1)[0][0]


def _has_fields(value: Any, model: type[BaseModel]) -> bool:
    required = {name for name, info in model.model_fields.items() if info.is_required()}
    return isinstance(value, dict) and required <= value.keys() <= model.model_fields.keys()


def compared_text(model: type[BaseModel], request: Any) -> str:
    """The text by which a request is compared with others, without the records given with it.

    A request that need not hold a text, such as a row of numbers, is compared by a hash: it is equal to another
    or not like it at all.
    """
    fields = model.model_fields
    if not isinstance(request, dict):
        return input_text(request)
    if any(info.is_required() and info.annotation is str for info in fields.values()):
        records = {name for name, info in fields.items() if _is_of_records(info.annotation)}
        return input_text({name: value for name, value in request.items() if name not in records})
    content = json.dumps(request, sort_keys=True, default=str)
    return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()


def _is_of_records(annotation: Any) -> bool:
    return any(isinstance(a, type) and issubclass(a, BaseModel) for a in get_args(annotation))
