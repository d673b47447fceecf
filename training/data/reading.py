"""Rows out of the files that a shop has: CSV, TSV, JSON, JSON Lines, Parquet and Excel.

Everything streams but a JSON array and a spreadsheet, whose sizes are limited. A row that cannot be
read comes as a `Bad` one, never as an exception; a file that cannot, as a `ReadingError`. Knows
neither tasks nor fields. Called by `cli`, which hands sources on to `importing`; also by `query`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

MAX_LINE = 1_000_000  # bytes of a line of text
MAX_CELL = 100_000  # characters
MAX_COLUMNS = 1_000
MAX_DEPTH = 20  # objects and lists inside each other
MAX_WHOLE = 256_000_000  # bytes of a file that is not streamed
BATCH = 10_000
USER, ASSISTANT = "user", "assistant"  # the columns of OpenAI's fine-tuning chats
DELIMITERS = ",;\t|"
WORKBOOKS = (".xlsx", ".xls", ".xlsb", ".ods")


class ReadingError(ValueError):
    """A file or a query cannot be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """`row` is a text file's line, a sheet's row, or the number of the record."""

    row: int
    cells: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bad:
    row: int
    reason: str
    text: str = ""


@dataclass
class Source:
    """One file or query: its rows, read once, and how far the reading is."""

    name: str
    rows: Iterator[Row | Bad]
    columns: tuple[str, ...] | None = None  # None: every row names its own
    size: int | None = None  # in the unit of `done`
    done: int = 0
    recoded: int = 0  # lines that were not UTF-8
    close: Callable[[], None] = field(default=lambda: None)


def open_file(path: Path) -> list[Source]:
    """What a file holds, by its suffix: one source, or of a workbook one a sheet.

    Raises:
        ReadingError: the suffix is unknown, or the file is missing, empty or broken.
    """
    openers: dict[str, Callable[[Path], Source]] = {
        ".csv": _table,
        ".tsv": _table,
        ".jsonl": _lines,
        ".ndjson": _lines,
        ".json": _json,
        ".parquet": _parquet,
    }
    suffix = path.suffix.lower()
    opener = openers.get(suffix)
    if opener is None and suffix not in WORKBOOKS:
        raise ReadingError(f"{path}: the suffix must be one of {' '.join((*openers, *WORKBOOKS))}")
    try:
        if not path.stat().st_size:
            raise ReadingError(f"{path} is empty")
        return _excel(path) if opener is None else [opener(path)]
    except OSError as error:
        raise ReadingError(f"{path} cannot be read: {error.strerror or error}") from error


class _Text:
    """Lines of a file, decoded: UTF-8, and a line that is not as Windows-1252, counted.

    A line that is neither, or over the limit, is left out and kept for `take_bad`.
    """

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = path.open("rb")
        self.source = Source(str(path), iter(()), size=path.stat().st_size, close=self.file.close)
        self.number = 0
        self.first: int | None = None
        self.bad: list[Bad] = []
        if self.file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            self.file.close()
            raise ReadingError(f"{path} is UTF-16; save it as UTF-8")
        self.file.seek(0)

    def __iter__(self) -> _Text:
        return self

    def __next__(self) -> str:
        while line := self.file.readline(MAX_LINE + 1):
            self.number += 1
            self.source.done += len(line)
            start = line[:200].decode("utf-8", "replace")
            if len(line) <= MAX_LINE:
                if (text := self._decoded(line)) is not None:
                    self.first = self.first or self.number
                    return text
                self.bad.append(Bad(self.number, "neither UTF-8 nor Windows-1252", start))
                continue
            while line and not line.endswith(b"\n"):
                line = self.file.readline(MAX_LINE)
                self.source.done += len(line)
            self.bad.append(Bad(self.number, f"a line over {MAX_LINE:,} bytes", start))
        raise StopIteration

    def _decoded(self, line: bytes) -> str | None:
        with suppress(UnicodeDecodeError):
            return line.decode("utf-8-sig" if self.number == 1 else "utf-8")
        with suppress(UnicodeDecodeError):
            text = line.decode("cp1252")
            self.source.recoded += 1
            return text
        return None

    def take_bad(self) -> list[Bad]:
        bad, self.bad = self.bad, []
        return bad


def _table(path: Path) -> Source:
    text = _Text(path)
    first = next(text, "")
    if text.bad:
        text.file.close()
        raise ReadingError(f"{path}: the first line: {text.bad[0].reason}")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(DELIMITERS, key=first.count)
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(chain([first], text), delimiter=delimiter)
    try:
        header = [" ".join(name.split()) for name in next(reader, [])]
    except csv.Error as error:
        text.file.close()
        raise ReadingError(f"{path}: the first line: {_told(error)}") from error
    header = [name or f"column {i}" for i, name in enumerate(header, 1)]
    twice = sorted({name for name in header if header.count(name) > 1}) if header else []
    if twice or not header or len(header) > MAX_COLUMNS:
        text.file.close()
        raise ReadingError(
            f"{path}: column {twice[0]!r} comes twice; rename one"
            if twice
            else f"{path}: the first line must name the columns, at most {MAX_COLUMNS:,}"
        )
    text.source.columns = tuple(header)
    text.source.rows = _records(text, reader, header, delimiter)
    return text.source


def _told(error: csv.Error) -> str:
    if "new-line" in str(error):
        return "a carriage return inside the line: end every line in the same way"
    return f"{error}: is a quote left open?"


def _records(text: _Text, reader: Iterator[list[str]], header: list[str], delimiter: str) -> Iterator[Row | Bad]:
    with closing(text.file):
        while True:
            text.first = None
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Bad(text.first or text.number, _told(error))
                continue
            yield from text.take_bad()
            if cells is None:
                return
            if len(cells) == len(header):
                yield Row(text.first or text.number, dict(zip(header, cells, strict=True)))
            elif cells:
                reason = f"{len(cells)} cells for {len(header)} columns"
                yield Bad(text.first or text.number, reason, delimiter.join(cells)[:2000])


def _lines(path: Path) -> Source:
    text = _Text(path)
    text.source.rows = _objects(text)
    return text.source


def _objects(text: _Text) -> Iterator[Row | Bad]:
    with closing(text.file):
        for line in text:
            yield from text.take_bad()
            if not line.strip():
                continue
            try:
                yield row_of(text.number, json.loads(line))
            except (ValueError, RecursionError) as error:
                yield Bad(text.number, f"not JSON: {error}", line[:2000])
        yield from text.take_bad()


def _json(path: Path) -> Source:
    if path.stat().st_size > MAX_WHOLE:
        raise ReadingError(f"{path} is over {MAX_WHOLE:,} bytes; save it as JSON Lines")
    try:
        told = json.loads(path.read_bytes().decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # one object a line, whatever the suffix
            return _lines(path)
        raise ReadingError(f"{path} is not JSON: {error}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ReadingError(f"{path} is not JSON: {error}") from error
    if isinstance(told, dict) and "messages" not in told:
        lists = [value for value in told.values() if isinstance(value, list)]
        told = lists[0] if len(lists) == 1 else [told]
    rows = told if isinstance(told, list) else [told]
    return counted(str(path), (row_of(i, value) for i, value in enumerate(rows, 1)), len(rows))


def counted(name: str, rows: Iterator[Row | Bad], size: int | None) -> Source:
    """A source whose progress is the number of its rows."""
    source = Source(name, iter(()), size=size)

    def counting() -> Iterator[Row | Bad]:
        for row in rows:
            source.done += 1
            yield row

    source.rows = counting()
    return source


def too_deep(value: Any, levels: int = MAX_DEPTH) -> bool:
    """Whether objects and lists lie inside each other further than anything here follows."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(inner) and (not levels or any(too_deep(item, levels - 1) for item in inner))


def row_of(number: int, value: Any) -> Row | Bad:
    """Nested names become columns with a dot; of a chat the two messages that matter."""
    if not isinstance(value, dict):
        return Bad(number, "not an object", str(value)[:2000])
    if too_deep(value):
        return Bad(number, "nested too deeply")
    if isinstance(value.get("messages"), list):
        said = [m for m in value["messages"] if isinstance(m, dict) and m.get("role") != "system"]
        if [m.get("role") for m in said] != [USER, ASSISTANT]:
            reason = "not one message of the user and then one of the assistant"
            return Bad(number, reason, str(value)[:2000])
        return Row(number, {m["role"]: m.get("content") for m in said})
    cells: dict[str, Any] = {}
    _flatten(value, "", cells)
    return Row(number, cells)


def _flatten(value: dict[str, Any], prefix: str, cells: dict[str, Any]) -> None:
    for name, item in value.items():
        if isinstance(item, dict) and prefix.count(".") < 4:
            _flatten(item, f"{prefix}{name}.", cells)
        else:
            cells[f"{prefix}{name}"] = item


def _parquet(path: Path) -> Source:
    import polars as pl

    frame = pl.scan_parquet(path, glob=False)
    try:
        columns = tuple(frame.collect_schema().names())
        size = int(frame.select(pl.len()).collect().item())
    except pl.exceptions.PolarsError as error:
        raise ReadingError(f"{path} cannot be read as Parquet: {error}") from error

    def rows() -> Iterator[Row | Bad]:
        number = 0
        try:
            for batch in frame.collect_batches(chunk_size=BATCH, maintain_order=True):
                for cells in batch.iter_rows(named=True):
                    number += 1
                    yield row_of(number, cells)
        except pl.exceptions.PolarsError as error:
            raise ReadingError(f"{path} breaks off after row {number:,}: {error}") from error

    source = counted(str(path), rows(), size)
    source.columns = columns if all("." not in name for name in columns) else None
    return source


def _excel(path: Path) -> list[Source]:
    if path.stat().st_size > MAX_WHOLE:
        raise ReadingError(f"{path} is over {MAX_WHOLE:,} bytes; save it as CSV")
    import fastexcel
    import polars as pl

    try:
        sheets = pl.read_excel(path, sheet_id=0, infer_schema_length=0, drop_empty_rows=False, raise_if_empty=False)
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ReadingError(f"{path} cannot be read as a spreadsheet: {reason}") from error
    filled = {name: sheet for name, sheet in sheets.items() if sheet.height}
    if not filled:
        raise ReadingError(f"{path} is empty")
    found = []
    for name, sheet in filled.items():
        said = f"{path}#{name}" if len(filled) > 1 else str(path)
        cells = enumerate(sheet.iter_rows(named=True), 2)  # row 1 names the columns
        told = (Row(i, row) for i, row in cells if any(cell is not None for cell in row.values()))
        source = counted(said, told, sheet.height)
        source.columns = tuple(sheet.columns)
        found.append(source)
    return found
