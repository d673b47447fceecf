"""Queries: rows are read, nothing is changed, and an error does not contain the password."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from training.data.query import open_query
from training.data.reading import ReadingError, Row


def database(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "shop.db")) as shop, shop:
        shop.execute("create table products (name text, price integer)")
        shop.executemany("insert into products values (?, ?)", [("mug", 3), ("cup: 4", 4)])
    return f"sqlite:///{folder / 'shop.db'}"


def test_a_query_gives_rows_and_changes_nothing(tmp_path: Path) -> None:
    url = database(tmp_path)
    source = open_query("select name, price as cost from products where name != ':x'", url)
    assert source.columns == ("name", "cost")
    assert [row.cells for row in source.rows if isinstance(row, Row)] == [
        {"name": "mug", "cost": 3},
        {"name": "cup: 4", "cost": 4},
    ]
    for query in ("delete from products", "delete from products returning name"):
        with suppress(ReadingError), closing(open_query(query, url)) as changing:
            list(changing.rows)
    source.close()
    with closing(open_query("select * from products", url)) as again:
        assert len(list(again.rows)) == 2


@pytest.mark.parametrize(
    ("query", "url"),
    [
        ("select * from absent", None),
        ("selec", None),
        ("delete from products", None),
        ("select 1", "no url"),
        ("select 1", "nosuch://x"),
        ("select 1", "postgresql+nosuchdriver://user:secret@x/y"),
        ("select 1", "sqlite:////no/such/folder/shop.db"),
    ],
)
def test_a_query_that_fails_raises_without_the_password(query: str, url: str | None, tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match="the query failed") as refused:
        open_query(query, url or database(tmp_path))
    assert "secret" not in str(refused.value)
