"""Rows of a shop's files: CSV, TSV, JSON, JSON Lines, OpenAI chats, Parquet and Excel.

Files are streamed, except JSON arrays and spreadsheets, whose sizes are limited. A row that cannot be read is
yielded as `Bad`; a file that cannot be read raises `ReadingError`. Knows neither tasks nor fields. Called by
`cli`, which passes the sources to `importing`, and by `query`.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from adapters.errors import ShopLoraError
from training.examples import MAX_LINE, too_deep

MAX_CELL = 100_000  # characters
MAX_COLUMNS = 1_000
MAX_WHOLE = 256_000_000  # bytes of a file that is not streamed
BATCH = 10_000
USER, ASSISTANT = "user", "assistant"  # the columns of OpenAI's fine-tuning chats
DELIMITERS = ",;\t|"
WORKBOOKS = (".xlsx", ".xls", ".xlsb", ".ods")


class ReadingError(ShopLoraError):
    """A file or a query cannot be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """`row`: the line of a text file, the row of a sheet, or the number of the record; from 1."""

    row: int
    cells: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that cannot be read, with the start of its text."""

    row: int
    reason: str
    text: str = ""


@dataclass
class Source:
    """One file or query: its rows, which can be read once, and the progress of reading them."""

    name: str
    rows: Iterator[Row | Bad]
    columns: tuple[str, ...] | None = None  # None: each row has its own
    size: int | None = None  # in the unit of `done`
    done: int = 0
    recoded: int = 0  # lines that were not UTF-8
    close: Callable[[], None] = field(default=lambda: None)


def open_file(path: Path) -> list[Source]:
    """The sources in a file, by its suffix: one, or one for each sheet of a workbook.

    Raises:
        ReadingError: the suffix is unknown, or the file is empty or broken.
        OSError: the file is missing or cannot be read.
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
    if not path.stat().st_size:
        raise ReadingError(f"{path} is empty")
    return _excel(path) if opener is None else [opener(path)]


class _Text:
    """The lines of a file, decoded as UTF-8; a line that is not UTF-8 is read as Windows-1252 and counted.

    A line that is neither, or is too long, is skipped; `take_bad` returns it.
    """

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = path.open("rb")
        self.source = Source(str(path), iter(()), size=path.stat().st_size, close=self.file.close)
        self.number = 0
        self.taken: list[tuple[int, str]] = []  # number and text of each line of the current row
        self.again: deque[tuple[int, str]] = deque()  # lines that are read once more
        self.bad: list[Bad] = []
        if self.file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            self.file.close()
            raise ReadingError(f"{path} is UTF-16; save it as UTF-8")
        self.file.seek(0)

    def __iter__(self) -> _Text:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else self._read()
        self.taken.append(line)
        return line[1]

    def _read(self) -> tuple[int, str]:
        while line := self.file.readline(MAX_LINE + 1):
            self.number += 1
            self.source.done += len(line)
            start = line[:200].decode("utf-8", "replace")
            if len(line) <= MAX_LINE:
                if (text := self._decoded(line)) is not None:
                    return self.number, text
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
        """The lines skipped since the last call."""
        bad, self.bad = self.bad, []
        return bad


def _table(path: Path) -> Source:
    csv.field_size_limit(MAX_CELL)
    text = _Text(path)
    try:
        first = next(text, "")
        if text.bad:
            raise ReadingError(text.bad[0].reason)
        text.again.extend(text.taken)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else max(DELIMITERS, key=first.count)
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        header = _header(next(reader, []))
    except (csv.Error, ReadingError) as error:
        text.file.close()
        raise ReadingError(f"{path}: the first line: {_reason(error)}") from error
    text.source.columns = header
    text.source.rows = _records(text, reader, header)
    return text.source


def _header(cells: Iterable[str]) -> tuple[str, ...]:
    """The names of the columns, each on one line; a column without a name gets its number."""
    names = [" ".join(cell.split()) or f"column {i}" for i, cell in enumerate(cells, 1)]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ReadingError(f"column {repeated[0]!r} occurs twice; rename one")
    if not 0 < len(names) <= MAX_COLUMNS:
        raise ReadingError(f"it must name the columns, at most {MAX_COLUMNS:,}")
    return tuple(names)


def _reason(error: Exception) -> str:
    if "new-line" in str(error):
        return "a carriage return inside the line: end every line in the same way"
    return f"{error}: is a quote left open?" if isinstance(error, csv.Error) else str(error)


def _records(text: _Text, reader: Iterator[list[str]], header: tuple[str, ...]) -> Iterator[Row | Bad]:
    """The rows of a table; after a row that cannot be read, the next line starts a row."""
    with closing(text.file):
        while True:
            text.taken.clear()
            try:
                cells = next(reader, None)
            except csv.Error as error:
                (number, line), *swallowed = text.taken
                text.again.extendleft(reversed(swallowed))
                yield Bad(number, _reason(error), line[:2000])
                continue
            yield from text.take_bad()
            if cells is None:
                return
            number = text.taken[0][0]
            if len(cells) == len(header):
                yield Row(number, dict(zip(header, cells, strict=True)))
            elif cells:
                line = "".join(line for _, line in text.taken)
                yield Bad(number, f"{len(cells)} cells for {len(header)} columns", line[:2000])


def _lines(path: Path) -> Source:
    text = _Text(path)
    text.source.rows = _objects(text)
    return text.source


def _objects(text: _Text) -> Iterator[Row | Bad]:
    with closing(text.file):
        for line in text:
            text.taken.clear()
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
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":  # JSON Lines with the suffix .json
            return _lines(path)
        raise ReadingError(f"{path} is not JSON: {error}") from error
    if isinstance(content, dict) and "messages" not in content:
        lists = [value for value in content.values() if isinstance(value, list)]
        content = lists[0] if len(lists) == 1 else content
    rows = content if isinstance(content, list) else [content]
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


def row_of(number: int, value: Any) -> Row | Bad:
    """The row of an object: nested names become columns with dots, a chat the columns `user` and `assistant`."""
    if not isinstance(value, dict):
        return Bad(number, "not an object", str(value)[:2000])
    if too_deep(value):
        return Bad(number, "nested too deeply")
    if isinstance(value.get("messages"), list):
        messages = [m for m in value["messages"] if isinstance(m, dict) and m.get("role") != "system"]
        if [m.get("role") for m in messages] != [USER, ASSISTANT]:
            reason = "not one message of the user and then one of the assistant"
            return Bad(number, reason, str(value)[:2000])
        return Row(number, {m["role"]: m.get("content") for m in messages})
    return Row(number, dict(_flatten(value)))


def _flatten(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, dict) and prefix.count(".") < 4:
            yield from _flatten(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item


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
    sources = []
    for name, sheet in filled.items():
        rows = enumerate(sheet.iter_rows(named=True), 2)  # row 1 names the columns
        filled_rows = (Row(i, cells) for i, cells in rows if any(cell is not None for cell in cells.values()))
        source = counted(f"{path}#{name}" if len(filled) > 1 else str(path), filled_rows, sheet.height)
        source.columns = tuple(sheet.columns)
        sources.append(source)
    return sources
