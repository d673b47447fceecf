"""Reading: every format gives the same rows; a broken row is yielded as `Bad`, a broken file raises `ReadingError`."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from training.data import reading
from training.data.reading import Bad, ReadingError, Row, open_file

CELLS = [{"name": "red, shirt", "price": "3"}, {"name": "café", "price": "4"}]


def written(file: Path, content: str | bytes) -> Path:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def rows(path: Path) -> list[Row | Bad]:
    read: list[Row | Bad] = []
    for source in open_file(path):
        read += source.rows
        source.close()
    return read


def cells(path: Path) -> list[dict[str, Any]]:
    return [row.cells for row in rows(path) if isinstance(row, Row)]


def workbook(file: Path, sheets: dict[str, list[list[str]]]) -> Path:
    """A minimal workbook; no dependency can write one."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    names = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(sheets, 1))
    links = "".join(
        f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    with zipfile.ZipFile(file, "w") as book:
        document = f'<Relationship Id="w" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        book.writestr("_rels/.rels", f'<Relationships xmlns="{package}/relationships">{document}</Relationships>')
        book.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{names}</sheets></workbook>'
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{links}</Relationships>'
        )
        for i, lines in enumerate(sheets.values(), 1):
            cells = "".join(
                f'<row r="{y}">'
                + "".join(
                    f'<c r="{chr(65 + x)}{y}" t="inlineStr"><is><t>{text}</t></is></c>'
                    for x, text in enumerate(line)
                    if text
                )
                + "</row>"
                for y, line in enumerate(lines, 1)
            )
            sheet = f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'
            book.writestr(f"xl/worksheets/sheet{i}.xml", sheet)
    return file


def exports(folder: Path) -> list[Path]:
    pl.DataFrame(CELLS).write_parquet(folder / "shop.parquet")
    lines = [list(CELLS[0]), *(list(cells.values()) for cells in CELLS)]
    return [
        written(folder / "shop.csv", 'name,price\n"red, shirt",3\ncafé,4\n'),
        written(folder / "semicolon.csv", "name;price\r\nred, shirt;3\r\ncafé;4\r\n"),
        written(folder / "bom.csv", "\ufeffname\tprice\nred, shirt\t3\n\ncafé\t4"),
        written(folder / "shop.tsv", "name\tprice\nred, shirt\t3\ncafé\t4\n"),
        written(folder / "shop.jsonl", "".join(f"{json.dumps(cells)}\n" for cells in CELLS)),
        written(folder / "shop.json", json.dumps(CELLS)),
        written(folder / "nested.json", json.dumps({"count": 2, "products": CELLS})),
        written(folder / "lines.json", "\n".join(map(json.dumps, CELLS))),
        folder / "shop.parquet",
        workbook(folder / "shop.xlsx", {"Products": lines}),
    ]


def test_every_format_gives_the_same_cells(tmp_path: Path) -> None:
    for path in exports(tmp_path):
        assert cells(path) == CELLS, path.name


def test_a_row_has_its_place_in_the_file(tmp_path: Path) -> None:
    file = written(tmp_path / "shop.csv", 'name,price\n"two\nlines",3\n\nmug,4\n')
    assert [row.row for row in rows(file)] == [2, 5]
    lines = [["name"], ["mug"], [""], ["cup"]]
    book = workbook(tmp_path / "book.xlsx", {"A": lines, "Empty": [["name"]], "B": lines})
    assert [row.row for row in rows(book)] == [2, 4, 2, 4]
    assert [source.name for source in open_file(book)] == [f"{book}#A", f"{book}#B"]


def test_a_columns_name_may_run_over_two_lines(tmp_path: Path) -> None:
    file = written(tmp_path / "shop.csv", '"name\nas sold",price\nmug,3\n')
    assert rows(file) == [Row(3, {"name as sold": "mug", "price": "3"})]


def test_a_truncated_file_raises(tmp_path: Path) -> None:
    pl.DataFrame({"name": ["mug"] * 1000}).write_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    for size in (8, len(whole) // 2, len(whole) - 1):
        with pytest.raises(ReadingError):
            rows(written(tmp_path / "cut.parquet", whole[:size]))
    broken = whole[:20] + b"\xff" * 30 + whole[50:]
    with pytest.raises(ReadingError, match="breaks off"):
        rows(written(tmp_path / "broken.parquet", broken))


def test_nested_json_becomes_columns_with_dots(tmp_path: Path) -> None:
    value = {"request": {"title": "mug"}, "labels": {"category": "Mugs", "tags": ["a"]}}
    assert cells(written(tmp_path / "shop.jsonl", json.dumps(value))) == [
        {"request.title": "mug", "labels.category": "Mugs", "labels.tags": ["a"]}
    ]


def chat(*roles: str) -> str:
    return json.dumps({"messages": [{"role": role, "content": f"by {role}"} for role in roles]})


def test_a_chat_becomes_the_columns_user_and_assistant(tmp_path: Path) -> None:
    lines = [
        chat("system", "user", "assistant"),
        chat("user"),
        chat("user", "assistant") * 2,
        chat("user", "assistant", "user", "assistant"),
        '{"messages": [3]}',
    ]
    first, *others = rows(written(tmp_path / "chats.jsonl", "\n".join(lines)))
    assert first == Row(1, {"user": "by user", "assistant": "by assistant"})
    assert [type(row) for row in others] == [Bad] * 4


@pytest.mark.parametrize(
    ("name", "content", "row", "reason"),
    [
        ("shop.csv", "a,b\n1,2\n1,2,3\n4,5\n", 3, "3 cells for 2 columns"),
        ("shop.csv", "a,b\n1,2\n1\n4,5\n", 3, "1 cells for 2 columns"),
        ("shop.csv", 'a,b\n1,2\n"open,3\n4,5\n', 3, "quote left open"),
        ("shop.csv", 'a,b\n1,2\n"open,3\n"4",5\n', 3, "quote left open"),
        ("shop.csv", f"a,b\n1,2\n{'x' * 100_001},3\n4,5\n", 3, "field larger than field limit"),
        ("shop.csv", "a,b\n1,2\n" + "x" * 1_100_000 + ",3\n4,5\n", 3, "over 1,000,000 bytes"),
        ("shop.jsonl", '{"a": 1}\n\n{"a": \n{"a": 2}\n', 3, "not JSON"),
        ("shop.jsonl", '{"a": 1}\n[2]\n{"a": 2}\n', 2, "not an object"),
        ("shop.jsonl", '{"a": 1}\n' + "[" * 100_000 + '\n{"a": 2}\n', 2, "not JSON"),
        ("shop.json", '[{"a": 1}, 7, {"a": 2}]', 2, "not an object"),
        ("shop.jsonl", '{"a": 1}\n{"a": ' + "[" * 300 + "1" + "]" * 300 + '}\n{"a": 2}\n', 2, "nested too deeply"),
        ("shop.csv", b"a,b\n1,2\nodd \x81,3\n4,5\n", 3, "neither UTF-8 nor Windows-1252"),
        ("shop.jsonl", b'{"a": 1}\n{"a": "\x9d"}\n{"a": 2}\n', 2, "neither UTF-8 nor Windows"),
        ("shop.csv", "a,b\n1,2\n3\r,4\n4,5\n", 3, "a carriage return inside the line"),
    ],
)
def test_after_a_bad_row_the_next_is_read(
    name: str, content: str | bytes, row: int, reason: str, tmp_path: Path
) -> None:
    read = rows(written(tmp_path / name, content))
    (bad,) = [row for row in read if isinstance(row, Bad)]
    assert bad.row == row
    assert reason in bad.reason
    assert isinstance(read[0], Row)
    assert isinstance(read[-1], Row)


def test_an_open_quote_loses_its_own_row_only(tmp_path: Path) -> None:
    lines = ["name,price", '"red shirt,1', "mug,2", '"cup",3', '"blue jeans,4', "lamp,5"]
    read = rows(written(tmp_path / "shop.csv", "\n".join(lines)))
    assert [(row.row, row.text) for row in read if isinstance(row, Bad)] == [(2, f"{lines[1]}\n"), (5, f"{lines[4]}\n")]
    assert [row.cells["name"] for row in read if isinstance(row, Row)] == ["mug", "cup", "lamp"]


def test_a_line_in_another_encoding_is_read_and_counted(tmp_path: Path) -> None:
    content = b"name\ncaf\xc3\xa9\ncaf\xe9 \x80\nplain\n"
    (source,) = open_file(written(tmp_path / "shop.csv", content))
    names = [row.cells["name"] for row in source.rows if isinstance(row, Row)]
    assert names == ["café", "café €", "plain"]
    assert source.recoded == 1
    assert source.done == source.size


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("shop.csv", b"", "is empty"),
        ("shop.csv", b"a,a\n1,2\n", "'a' occurs twice"),
        ("shop.csv", b'"a,b\n' + b"x" * 100_000, "the first line: field larger than"),
        ("shop.csv", b"a\r,b\n1,2\n", "the first line: a carriage return inside the line"),
        ("shop.csv", b"a,\x81\n1,2\n", "the first line: neither UTF-8 nor Windows-1252"),
        ("shop.csv", b"\n1,2\n", "the first line: it must name the columns"),
        ("shop.csv", "a,b\n".encode("utf-16"), "UTF-16; save it as UTF-8"),
        ("shop.pdf", b"x", "the suffix must be one of .csv .tsv"),
        ("shop.json", b"{", "is not JSON"),
        ("shop.json", b"\xff\xfe", "is not JSON"),
        ("shop.json", b"[" * 100_000, "is not JSON"),
        ("shop.parquet", b"PAR1 is not enough", "cannot be read as Parquet"),
        ("shop.xlsx", b"PK but no workbook", "cannot be read as a spreadsheet"),
    ],
)
def test_a_broken_file_is_refused(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ReadingError) as refused:
        open_file(written(tmp_path / name, content))
    assert reason in str(refused.value)
    assert name in str(refused.value)


def test_a_sheet_without_rows_is_empty(tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match="is empty"):
        open_file(workbook(tmp_path / "shop.xlsx", {"A": [["name"]]}))


def test_the_size_of_files_that_are_not_streamed_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_WHOLE", 10)
    for name, advice in (("shop.json", "JSON Lines"), ("shop.xlsx", "CSV")):
        with pytest.raises(ReadingError, match=f"save it as {advice}"):
            open_file(written(tmp_path / name, b"x" * 11))
