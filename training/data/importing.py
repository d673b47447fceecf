"""From rows to typed examples: every row is kept as one, or rejected with the reason.

Knows how a mapped row becomes `{request, labels, origin}` and that this is valid for the task.
Reads no format itself. Called by `cli`.
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
from adapters.tasks.contract import LineError, Task
from training.data import mapping as mappings
from training.data.mapping import LABELS, Mapping, MappingError
from training.data.normalise import normalised
from training.data.reading import MAX_CELL, Bad, Row, Source, too_deep
from training.data.vocabulary import Vocabulary
from training.examples import ExampleError, as_record, typed

PEEK = 1_000  # rows of each source that are looked at for names of columns
MAX_NAMED = 1_000  # different unknown values that are counted
SHOWN = 500  # characters of a cell in the rejects
_NOTHING = {"", "-", "n/a", "na", "nan", "none", "null", "unknown"}


class RowError(ValueError):
    """A row is not an example; `unknown` is the value that the ontology lacks, with its field."""

    def __init__(self, reason: str, unknown: tuple[str, str] | None = None) -> None:
        super().__init__(reason)
        self.unknown = unknown


@dataclass
class Counts:
    kept: int = 0
    rejected: int = 0
    recoded: int = 0  # lines read as Windows-1252
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        return self.kept + self.rejected


def peek(sources: Sequence[Source]) -> tuple[str, ...]:
    """The columns of all sources; the rows that were looked at are still to come."""
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
    mapping: Mapping, sources: Sequence[Source], columns: Sequence[str], of: Task[Any, Any], ontology: Ontology
) -> None:
    """Raises MappingError if a required field has no column, or a column is in no source."""
    listed = ", ".join(columns) or "none"
    if lacking := mappings.missing(mapping, of, ontology):
        raise MappingError(f"no column is {' or '.join(lacking)}; there are {listed}")
    # A key that comes late in JSON may still turn up, unless a row cannot do without it.
    whole = all(source.columns is not None for source in sources)
    required = mappings.fields_of(of, ontology)
    for path, column in mapping.fields.items():
        if column not in columns and (whole or required.get(path, path == LABELS)):
            raise MappingError(f"{path} is to come from column {column!r}; there are {listed}")


class Importer:
    """Makes examples of one task by one mapping."""

    def __init__(self, of: Task[Any, Any], mapping: Mapping, ontology: Ontology) -> None:
        self._of, self._ontology = of, ontology
        self._fields, self._steps = mapping.fields, mapping.normalise
        self._values = {
            path: {normalised(said, self._steps).casefold(): meant for said, meant in each.items()}
            for path, each in mapping.values.items()
        }
        self.vocabulary = Vocabulary(ontology)
        required = mappings.fields_of(of, ontology)
        self._required = {path for path in required if required[path]}
        models = {"request": of.request, LABELS: of.labels}
        self._lists = {
            f"{part}.{name}"
            for part, model in models.items()
            for name, info in model.model_fields.items()
            if "list[" in str(info.annotation)
        }
        label_fields = of.labels.model_fields
        # A review with stars only names no aspects; an empty list of them would be learnt as the answer.
        last = f"{LABELS}.{list(label_fields)[-1]}"
        self._partial = of.line_is_labels and not {LABELS, last} & {*mapping.fields}
        self._nullable = {f"{LABELS}.{name}" for name, info in label_fields.items() if "None" in str(info.annotation)}

    def record(self, row: Row, file: str) -> dict[str, Any]:
        """The line that a row becomes.

        Raises:
            RowError: the row is not a valid example.
        """
        told: dict[str, Any] = {"request": {}, LABELS: {}, "origin": {"file": file, "row": row.row}}
        # An answer line is read with its request: all labels in one column come last.
        for path in sorted(self._fields, key=lambda path: path == LABELS):
            column = self._fields[path]
            value = self._value(path, column, row.cells.get(column))
            if value is None:
                if path in self._required or path == LABELS:
                    raise RowError(f"{path}: column {column!r} is empty")
                if path not in self._nullable:
                    continue
            if path == LABELS:
                told[LABELS] = self._labels(value, told["request"])
                continue
            *parents, name = path.split(".")
            place = told
            for parent in parents:
                place = place.setdefault(parent, {})
            place[name] = value
        self._spell(told[LABELS])
        if self._partial:
            told["partial"] = True
        try:
            return as_record(typed(self._of, told, self._ontology))
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
            meant = self._values.get(path, {}).get(normalised(cell, self._steps).casefold(), "")
            cell = self._parsed(path, (meant if meant[:1] in ("[", "{") else cell).strip())
        if isinstance(cell, list | dict):
            return self._normalised(cell)
        said = normalised(str(cell), self._steps)
        said = self._values.get(path, {}).get(said.casefold(), said)
        optional = path not in self._required
        return None if not said or (optional and said.casefold() in _NOTHING) else said

    def _parsed(self, path: str, cell: str) -> Any:
        """A cell of JSON, else labels parted by spaces; the answer line stays a line."""
        if cell[0] in "[{":
            try:
                told = json.loads(cell)
            except (ValueError, RecursionError) as error:
                raise RowError(f"{path}: not JSON: {error}") from error
            if too_deep(told):
                raise RowError(f"{path}: nested too deeply")
            return told
        return cell.split() if path == "labels.tags" else cell if path == LABELS else [cell]

    def _normalised(self, value: Any) -> Any:
        if isinstance(value, str):
            return normalised(value, self._steps)
        if isinstance(value, list):
            return [self._normalised(item) for item in value]
        if isinstance(value, dict):
            return {name: self._normalised(item) for name, item in value.items()}
        return value

    def _labels(self, value: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Labels from JSON or from the task's own answer line."""
        if isinstance(value, dict):
            return value
        try:
            asked = self._of.request.model_validate(request)
            labels = self._of.decode(str(value), asked, self._ontology)
        except LineError as error:
            raise RowError(f"labels: neither JSON nor an answer line: {error}") from error
        except ValueError:
            return {}  # the request itself is not valid, and `typed` says why
        return dict(labels.model_dump(mode="json"))

    def _spell(self, labels: dict[str, Any], field: str = LABELS) -> None:
        """Values of closed lists as the ontology spells them."""
        for name, value in labels.items():
            path = f"{field}.{name}"
            if isinstance(value, dict):
                self._spell(value, path)
            elif isinstance(value, list):
                for i, item in enumerate(value):
                    if isinstance(item, dict):
                        self._spell(item, path)
                    elif isinstance(item, str):
                        value[i] = self._listed(path, item)
            elif isinstance(value, str):
                labels[name] = self._listed(path, value)

    def _listed(self, path: str, value: str) -> str:
        value = self._values.get(path, {}).get(value.casefold(), value)
        if not self.vocabulary.closed(path):
            return value
        found = self.vocabulary.canonical(path, value)
        if found is None:
            raise RowError(self.vocabulary.complaint(path, value), (path, value))
        return found


def run(
    sources: Iterable[Source],
    importer: Importer,
    output: Path,
    rejects: Path,
    progress: Callable[[Source, Counts], None] = lambda source, counts: None,
) -> Counts:
    """Write what is kept and what is rejected; both files appear only when all is read.

    Raises:
        ReadingError: a source broke off; the files are as they were before.
        OSError: a file cannot be written.
    """
    counts = Counts()
    parts = [path.with_name(f"{path.name}.part") for path in (output, rejects)]
    try:
        with ExitStack() as stack:
            good, bad = (stack.enter_context(p.open("w", encoding="utf-8")) for p in parts)
            for source in sources:
                stack.callback(source.close)
                for i, row in enumerate(source.rows):
                    _write(row, source.name, importer, good, bad, counts)
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


def _write(row: Row | Bad, file: str, importer: Importer, good: TextIO, bad: TextIO, counts: Counts) -> None:
    if isinstance(row, Bad):
        reason, cells = row.reason, {"text": row.text[:SHOWN]}
    else:
        try:
            good.write(_json(importer.record(row, file)))
            counts.kept += 1
            return
        except RowError as error:
            reason, cells = str(error), {name: _short(v) for name, v in row.cells.items()}
            if error.unknown and (error.unknown in counts.unknown or len(counts.unknown) < MAX_NAMED):
                counts.unknown[error.unknown] += 1
    bad.write(_json({"file": file, "row": row.row, "reason": reason, "cells": cells}))
    counts.rejected += 1


def _json(value: Any) -> str:
    line = json.dumps(value, ensure_ascii=False, default=str)
    return line.encode("utf-8", "replace").decode("utf-8") + "\n"


def _short(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float) else str(value)[:SHOWN]


def suggestions(counts: Counts, vocabulary: Vocabulary) -> Iterator[tuple[int, str, str, str]]:
    """(rows, field, value, nearest listed name or nothing) of unknown values, commonest first."""
    for (path, value), rows in counts.unknown.most_common(50):
        yield rows, path, value, vocabulary.suggest(path, value) or ""
