"""The commands `shoplora data`: from a bad export to splits without leaks."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adapters.settings import SHIPPED_STORE
from adapters.store import Store
from tests.terminal import run
from training import examples

pytestmark = pytest.mark.usefixtures("empty_folder")


def lines(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]


def titles(count: int, seed: int = 0) -> list[str]:
    """Titles of made-up words, none nearly another."""
    rng = random.Random(seed)
    return [" ".join("".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(5)) for _ in range(count)]


def exported(file: Path, rows: list[tuple[str, str]], name: str = "Product Name") -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([name, "Category", "SKU"])
        writer.writerows((*row, f"s{i}") for i, row in enumerate(rows))


def test_an_export_is_imported_checked_masked_and_split(tmp_path: Path) -> None:
    sound = [(title, ("Shirts", "Jeans", "dress")[i % 3]) for i, title in enumerate(titles(60))]
    rows = [*sound, (sound[0][0].upper(), "Shirts"), ("mail jane@example.com", "Jeans"), ("odd", "Tshirtz")]
    exported(tmp_path / "shop.csv", rows)
    output = run("data", "import", "classify", "shop.csv")
    assert "1 rows: labels.category 'Tshirtz' is not in the ontology; near: 'Tshirts'" in output
    assert "63 rows: 62 imported to classify.jsonl, 1 rejected, with reasons, in classify.rejects.jsonl" in output

    output = run(
        "data", "check", "classify.jsonl", "--json", "c.json", "--html", "c.html", "--mask", "masked.jsonl", status=1
    )
    report = json.loads(Path("c.json").read_text())
    counts = {finding["kind"]: finding["count"] for finding in report["findings"] if finding["defect"]}
    assert counts == {"exact duplicates": 1, "personal data": 1}
    assert all(finding["advice"] for finding in report["findings"])
    assert "62 examples of classify, 2 defects" in output
    assert "<svg" in Path("c.html").read_text()
    assert len(lines("masked.jsonl")) == 62
    assert "jane@example.com" not in Path("masked.jsonl").read_text()

    assert "no leaks" in run("data", "split", "classify.jsonl", "--output", "splits")
    assert "no leaks among 62 examples" in run("data", "prove", "splits")
    leaked = lines("splits/train.jsonl")[0]
    with Path("splits/test.jsonl").open("a") as out:
        out.write(json.dumps(leaked) + "\n")
    assert "1 held-out examples are 0.8 or more like one of" in run("data", "prove", "splits", status=1)
    for command in (
        ("train", "classify"),
        ("evaluate", "classify", "--adapter", Store(SHIPPED_STORE).live()["classify"].name),
    ):
        output = run(*command, "--data", "splits", status=1)  # before any model is loaded
        assert leaked["request"]["title"] in output
        assert "split them with `shoplora data split FILE --output FOLDER`" in output


def test_the_guessed_mapping_can_be_edited_and_used(tmp_path: Path) -> None:
    exported(tmp_path / "shop.csv", [(t, "Tops & T's") for t in titles(5)])
    assert "5 rejected" in run("data", "import", "classify", "shop.csv", status=1)
    draft = Path("classify.map.yaml")
    assert "Tops & T's" in draft.read_text()
    draft.write_text(draft.read_text().replace("values: {}", 'values: {labels.category: {"tops & t\'s": Tshirts}}'))
    output = run("data", "import", "classify", "shop.csv", status=1)
    assert "classify.map.yaml differs from a new guess: pass it with --map" in output
    assert Path("classify.jsonl").read_text() == ""
    output = run("data", "import", "classify", "shop.csv", "--map", "classify.map.yaml")
    assert "5 imported" in output
    assert {record["labels"]["category"] for record in lines("classify.jsonl")} == {"Tshirts"}


def test_the_same_import_twice_is_the_same(tmp_path: Path) -> None:
    exported(tmp_path / "shop.csv", [(t, "Shirts") for t in titles(5)])
    run("data", "import", "classify", "shop.csv")
    first = Path("classify.jsonl").read_text()
    run("data", "import", "classify", "shop.csv")
    assert Path("classify.jsonl").read_text() == first


def test_a_column_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    exported(tmp_path / "shop.csv", [("mug", "Mugs")], name="Bezeichnung")
    output = run("data", "import", "classify", "shop.csv", status=1)
    assert "no column looks like request.title; there are Bezeichnung, Category, SKU" in output
    assert "request.title: ''" in Path("classify.map.yaml").read_text()
    assert not Path("classify.jsonl").exists()


def write(name: str, content: str) -> str:
    Path(name).write_text(content, encoding="utf-8")
    return name


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("import", "sort", "a.csv"), "no task 'sort'; there are churn, classify"),
        (("import", "classify"), "name at least one file, or give both --sql and --url"),
        (("import", "classify", "--sql", "select 1"), "give both --sql and --url"),
        (("import", "classify", "absent.csv"), "absent.csv: No such file or directory"),
        (("import", "classify", "empty.csv"), "empty.csv is empty"),
        (("import", "classify", "good.csv", "--map", "absent.yaml"), "absent.yaml: No such file"),
        (("import", "classify", "good.csv", "--map", "bad.yaml"), "bad.yaml is not valid YAML"),
        (("import", "classify", "good.csv", "--map", "other.yaml"), "mapped to column 'titel'"),
        (("import", "classify", "good.csv", "--output", "no/such/x.jsonl"), "no/such/x.map.yaml: No such file"),
        (("import", "classify", "good.jsonl", "--output", "good.jsonl"), "would be overwritten"),
        (("import", "classify", "--sql", "selec", "--url", "sqlite://"), "the query failed"),
        (("check", "absent.jsonl"), "absent.jsonl: No such file"),
        (("check", "good.csv"), "unreadable lines"),
        (("check", "good.jsonl", "--mask", "good.jsonl"), "would be overwritten"),
        (("split", "bad.jsonl", "--output", "x"), "bad.jsonl:2: category: Field required"),
        (("split", "good.jsonl", "--output", "x"), "are too few to split"),
        (("split", "good.jsonl", "--output", "x", "--group-by", "y"), "no example has a value in"),
        (("prove", "absent"), "absent/train.jsonl: No such file"),
    ],
)
def test_an_error_of_the_user_is_one_line(arguments: tuple[str, ...], reason: str) -> None:
    good = '{"request": {"title": "red shirt"}, "labels": {"category": "Shirts"}}\n'
    write("good.csv", "title,category\nred shirt,Shirts\n")
    write("good.jsonl", good)
    write("bad.jsonl", good + '{"request": {"title": "red shirt"}, "labels": {}}\n')
    write("empty.csv", "")
    write("bad.yaml", "fields: {")
    write("other.yaml", "fields: {request.title: titel, labels.category: category}")
    assert reason in " ".join(run("data", *arguments, status=1).split())


def test_an_unknown_country_is_a_usage_error() -> None:
    write("good.jsonl", '{"request": {"title": "a"}, "labels": {"category": "Shirts"}}\n')
    assert "--region" in run("data", "check", "good.jsonl", "--region", "Mars", status=2)


def test_a_query_is_imported(tmp_path: Path) -> None:
    import sqlite3

    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("create table reviews (body text, stars integer)")
        database.executemany("insert into reviews values (?, ?)", [("Impossible to assemble", 1), ("Fine", 5)])
    query, url = "select body as review, stars from reviews", f"sqlite:///{tmp_path / 'shop.db'}"
    output = run("data", "import", "extract", "--sql", query, "--url", url)
    assert "2 rows: 2 imported to extract.jsonl" in output
    assert [record["partial"] for record in lines("extract.jsonl")] == [True, True]
    labels = [record["labels"] for record in lines("extract.jsonl")]
    assert labels == [{"overall_sentiment": "negative"}, {"overall_sentiment": "positive"}]


def test_splitting_parses_and_validates_each_line_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()

    def counted(name: str) -> None:
        original = getattr(examples, name)
        monkeypatch.setattr(examples, name, lambda *args: calls.update([name]) or original(*args))

    counted("_json_object")
    counted("typed")
    records = [{"request": {"title": title}, "labels": {"category": "Shirts"}} for title in titles(20)]
    write("shop.jsonl", "".join(json.dumps(record) + "\n" for record in records))
    run("data", "split", "shop.jsonl", "--output", "splits")
    assert calls == {"_json_object": 20, "typed": 20}
