"""From rows to examples: every row becomes a valid line `{request, labels, origin}` or is rejected with a reason.

Reads no file formats; `reading` and `query` give the rows. Called by `cli`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from adapters.ontology import Ontology
from adapters.tasks.contract import LineError
from training.data import mapping as mappings
from training.data.mapping import LABELS, Mapping, MappingError
from training.data.normalise import normalised
from training.data.reading import MAX_CELL, Bad, Row, Source
from training.data.vocabulary import Vocabulary
from training.examples import ExampleError, as_record, too_deep, typed, with_texts
from training.tasks.contract import TrainingTask

PEEK = 1_000  # first rows of each source that name its columns
MAX_COUNTED = 1_000  # different unlisted values that are counted
SUGGESTED = 50  # unlisted values for which a rename is suggested
MAX_REJECTED = 500  # characters of a cell in the rejects
_EMPTY = {"", "-", "n/a", "na", "nan", "none", "null", "unknown"}


class RowError(ValueError):
    """A row is not a valid example. `unlisted`: field and value of a label that is not on its closed list."""

    def __init__(self, reason: str, unlisted: tuple[str, str] | None = None) -> None:
        super().__init__(reason)
        self.unlisted = unlisted


@dataclass
class Counts:
    """How many rows became examples or were rejected."""

    imported: int = 0
    rejected: int = 0
    recoded: int = 0  # lines read as Windows-1252
    unlisted: Counter[tuple[str, str]] = field(default_factory=Counter)  # rows by field and value

    @property
    def rows(self) -> int:
        return self.imported + self.rejected


def peek(sources: Sequence[Source]) -> tuple[str, ...]:
    """The columns of all sources, without taking a row away from them."""
    columns: dict[str, None] = {}
    for source in sources:
        if source.columns is None:
            first = list(islice(source.rows, PEEK))
            source.rows = chain(first, source.rows)
            for row in first:
                columns |= dict.fromkeys(row.cells if isinstance(row, Row) else ())
        else:
            columns |= dict.fromkeys(source.columns)
    return tuple(columns)


def check_columns(
    mapping: Mapping, sources: Sequence[Source], columns: Sequence[str], training: TrainingTask, ontology: Ontology
) -> None:
    """Checks that every required field has a column and that the sources have the columns of the mapping.

    Raises:
        MappingError: a column is missing.
    """
    names = ", ".join(columns) or "none"
    if lacking := mappings.missing(mapping, training, ontology):
        raise MappingError(f"no column is {' or '.join(lacking)}; there are {names}")
    # A later row of JSON may have further keys, but every row needs the required ones.
    complete = all(source.columns is not None for source in sources)
    required = mappings.fields_of(training, ontology)
    for path, column in mapping.fields.items():
        if column not in columns and (complete or required.get(path, path == LABELS)):
            raise MappingError(f"{path} is mapped to column {column!r}; there are {names}")


class Importer:
    """Makes the examples of one task by one mapping."""

    def __init__(self, training: TrainingTask, mapping: Mapping, ontology: Ontology) -> None:
        self._task, self._ontology = training.task, ontology
        self._fields, self._steps = mapping.fields, mapping.normalise
        self._values = {
            path: {normalised(value, self._steps).casefold(): meaning for value, meaning in renames.items()}
            for path, renames in mapping.values.items()
        }
        self.vocabulary = Vocabulary(training, ontology)
        self._word_label = f"{LABELS}.{training.word_label}"
        self._required = {path for path, required in mappings.fields_of(training, ontology).items() if required}
        models = {"request": training.task.request, LABELS: training.task.labels}
        annotations = {
            f"{part}.{name}": str(info.annotation)
            for part, model in models.items()
            for name, info in model.model_fields.items()
        }
        self._lists = {path for path, annotation in annotations.items() if "list[" in annotation}
        self._nullable_labels = {
            path for path, annotation in annotations.items() if path.startswith(LABELS) and "None" in annotation
        }
        # A review with stars only has no list of aspects; an empty list would be learnt as its answer.
        last_label = list(annotations)[-1]
        self._is_partial = training.task.line_is_labels and not {LABELS, last_label} & mapping.fields.keys()

    def record(self, row: Row, file: str) -> dict[str, Any]:
        """The record of a row.

        Raises:
            RowError: the row is not a valid example.
        """
        record: dict[str, Any] = {"request": {}, LABELS: {}, "origin": {"file": file, "row": row.row}}
        # An answer line is decoded with its request, so a column of all labels comes last.
        for path in sorted(self._fields, key=lambda path: path == LABELS):
            column = self._fields[path]
            value = self._value(path, column, row.cells.get(column))
            if value is None:
                if path in self._required or path == LABELS:
                    raise RowError(f"{path}: column {column!r} is empty")
                if path not in self._nullable_labels:
                    continue
            if path == LABELS:
                record[LABELS] = self._labels(value, record["request"])
                continue
            *parents, name = path.split(".")
            parent = record
            for step in parents:
                parent = parent.setdefault(step, {})
            parent[name] = value
        record[LABELS] = self._with_listed_names(record[LABELS])
        if self._is_partial:
            record["partial"] = True
        try:
            return as_record(typed(self._task, record, self._ontology))
        except ExampleError as error:
            raise RowError(str(error)) from error

    def _value(self, path: str, column: str, cell: Any) -> Any:
        if isinstance(cell, float):
            cell = None if not math.isfinite(cell) else int(cell) if cell.is_integer() else cell
        if cell is None or isinstance(cell, bool):
            return cell
        if isinstance(cell, str) and len(cell) > MAX_CELL:
            raise RowError(f"{path}: over {MAX_CELL:,} characters in column {column!r}")
        if isinstance(cell, str) and (path == LABELS or path in self._lists) and cell.strip():
            meaning = self._values.get(path, {}).get(normalised(cell, self._steps).casefold(), "")
            cell = self._parsed(path, (meaning if meaning[:1] in ("[", "{") else cell).strip())
        if isinstance(cell, list | dict):
            return with_texts(cell, lambda text: normalised(text, self._steps))
        text = normalised(str(cell), self._steps)
        text = self._values.get(path, {}).get(text.casefold(), text)
        optional = path not in self._required
        return None if not text or (optional and text.casefold() in _EMPTY) else text

    def _parsed(self, path: str, cell: str) -> Any:
        """The value of a cell of JSON, the words of a cell of word labels; an answer line stays a line."""
        if cell[0] in "[{":
            try:
                value = json.loads(cell)
            except (ValueError, RecursionError) as error:
                raise RowError(f"{path}: not JSON: {error}") from error
            if too_deep(value):
                raise RowError(f"{path}: nested too deeply")
            return value
        return cell.split() if path == self._word_label else cell if path == LABELS else [cell]

    def _labels(self, value: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Labels from JSON or from the task's own answer line."""
        if isinstance(value, dict):
            return value
        try:
            labels = self._task.decode(str(value), self._task.request.model_validate(request), self._ontology)
        except LineError as error:
            raise RowError(f"labels: neither JSON nor an answer line: {error}") from error
        except ValueError:
            return {}  # the request is not valid; `typed` gives the reason
        return dict(labels.model_dump(mode="json"))

    def _with_listed_names(self, value: Any, path: str = LABELS) -> Any:
        """Labels, or the part of them at the path, with the listed names of the values of closed lists."""
        if isinstance(value, dict):
            return {name: self._with_listed_names(item, f"{path}.{name}") for name, item in value.items()}
        if isinstance(value, list):
            return [self._with_listed_names(item, path) for item in value]
        if not isinstance(value, str):
            return value
        value = self._values.get(path, {}).get(value.casefold(), value)
        if not self.vocabulary.is_closed(path):
            return value
        name = self.vocabulary.canonical(path, value)
        if name is None:
            raise RowError(self.vocabulary.complaint(path, value), (path, value))
        return name


def run(
    sources: Iterable[Source],
    importer: Importer,
    output: Path,
    rejects: Path,
    progress: Callable[[Source, Counts], None] = lambda source, counts: None,
) -> Counts:
    """Write the examples and the rejects; both files are replaced when all rows are read.

    Raises:
        ReadingError: a source broke off; the files are unchanged.
        OSError: a file cannot be written.
    """
    counts = Counts()
    parts = [path.with_name(f"{path.name}.part") for path in (output, rejects)]
    try:
        with ExitStack() as stack:
            examples_file, rejects_file = (stack.enter_context(p.open("w", encoding="utf-8")) for p in parts)
            for source in sources:
                for i, row in enumerate(source.rows):
                    _write(row, source.name, importer, examples_file, rejects_file, counts)
                    if i % 1000 == 0:
                        progress(source, counts)
                counts.recoded += source.recoded
                progress(source, counts)
        for part, path in zip(parts, (output, rejects), strict=True):
            part.replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return counts


def _write(
    row: Row | Bad, file: str, importer: Importer, examples_file: TextIO, rejects_file: TextIO, counts: Counts
) -> None:
    if isinstance(row, Bad):
        reason, cells = row.reason, {"text": row.text.strip()[:MAX_REJECTED]}
    else:
        try:
            examples_file.write(_json_line(importer.record(row, file)))
            counts.imported += 1
            return
        except RowError as error:
            reason, cells = str(error), {name: _short(v) for name, v in row.cells.items()}
            if error.unlisted and (error.unlisted in counts.unlisted or len(counts.unlisted) < MAX_COUNTED):
                counts.unlisted[error.unlisted] += 1
    rejects_file.write(_json_line({"file": file, "row": row.row, "reason": reason, "cells": cells}))
    counts.rejected += 1


def _json_line(value: Any) -> str:
    line = json.dumps(value, ensure_ascii=False, default=str)
    return line.encode("utf-8", "replace").decode("utf-8") + "\n"


def _short(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float) else str(value)[:MAX_REJECTED]


def suggestions(counts: Counts, vocabulary: Vocabulary) -> Iterator[tuple[int, str, str, str]]:
    """Number of rows, field, value and nearest listed name (or an empty text) of the commonest unlisted values."""
    for (path, value), rows in counts.unlisted.most_common(SUGGESTED):
        yield rows, path, value, vocabulary.suggest(path, value) or ""
