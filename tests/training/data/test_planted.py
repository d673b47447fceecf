"""Defects are planted at random in a raw export, each with its row: every one is reported.

In made-up titles, and in the public fashion titles where they are downloaded.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest

from adapters.ontology import Ontology
from tests.terminal import run
from tests.training.data.test_cli import lines
from training.data.duplicates import folded
from training.data.normalise import normalised
from training.public.sources import find

pytestmark = pytest.mark.usefixtures("empty_folder")
Row = tuple[str, str]  # title and category
SHARES = {
    "exact duplicates": 0.05,
    "near duplicates": 0.02,
    "contradictory labels": 0.03,
    "contradictory labels, nearly the same input": 0.01,
    "mojibake": 0.01,
    "windows-1252": 0.01,
    "undecodable": 0.01,
    "broken letters": 0.01,
    "outside the ontology": 0.02,
}
FOREIGN = "café,naïve,crème brûlée,Größe,señorita,façade,Müller,L\u2019Oréal,piñata,Ångström".split(",")
OUTSIDE = ("Tshirtz", "Zeppelins", "Mens Sundry", "0", "Footwear > Zeppelins")
UNDEFINED = b"\x81\x8d\x8f\x90\x9d"  # bytes that are in neither encoding


@dataclass
class Planted:
    """A CSV file's bytes, the rows of each defect, and how some titles must be read."""

    content: bytes
    rows: dict[str, set[int]] = field(default_factory=dict)
    read_as: dict[int, str] = field(default_factory=dict)


def plant(sound: list[Row], seed: int) -> Planted:
    """Every defect's share of the rows, each made from another row whose title comes once."""
    rng = random.Random(seed)
    leaves = sorted({leaf for _, leaf in sound})
    seen: dict[str, list[Row]] = {}
    for row in sound:
        seen.setdefault(folded(row[0]), []).append(row)
    alone = [rows[0] for text, rows in seen.items() if len(rows) == 1 and text.isascii()]
    rng.shuffle(alone)
    spare = iter(alone)
    lines: list[tuple[str, str, bytes]] = [("", row[0], _line(row)) for row in sound]
    for kind, share in SHARES.items():
        defects = (defect for row in spare if (defect := _defect(kind, row, leaves, rng)))
        lines += [(kind, *defect) for defect in islice(defects, round(share * len(sound)))]
    rng.shuffle(lines)
    planted = Planted(_line(("Product Name", "Category")) + b"".join(line for _, _, line in lines))
    for number, (kind, title, _) in enumerate(lines, 2):
        planted.rows.setdefault(kind, set()).add(number)
        if kind in ("mojibake", "windows-1252"):
            planted.read_as[number] = title
    return planted


def _defect(kind: str, row: Row, leaves: list[str], rng: random.Random) -> tuple[str, bytes] | None:
    """What the title should be, and the line; None if the row is not apt."""
    title, leaf = row
    other = rng.choice([name for name in leaves if name != leaf])
    foreign = f"{title} {rng.choice(FOREIGN)}"
    if kind == "exact duplicates":
        return title, _line((rng.choice(_SAME)(title), leaf))
    if kind == "contradictory labels":
        return title, _line((rng.choice(_SAME)(title), other))
    if kind in ("near duplicates", "contradictory labels, nearly the same input"):
        moved = _moved(title, rng)
        return moved and (moved, _line((moved, leaf if kind == "near duplicates" else other)))
    if kind == "mojibake":
        return foreign, _line((foreign.encode().decode("cp1252"), leaf))
    if kind == "windows-1252":
        return foreign, _line((foreign, leaf)).decode().encode("cp1252")
    if kind == "undecodable":
        line, byte = _line((title, leaf)), rng.choice(UNDEFINED)
        place = rng.randrange(len(title))
        return title, line[:place] + bytes([byte]) + line[place:]
    if kind == "broken letters":
        return title, _line((f"{title} caf\ufffd", leaf))
    return title, _line((title, rng.choice(OUTSIDE)))


_SAME: list[Callable[[str], str]] = [
    str.upper,
    str.swapcase,
    "  {} ".format,
    "{}!".format,
    lambda title: title.replace(" ", " - "),
    lambda title: title.replace(" ", "   "),
    "<b>{}</b>".format,
]


def _moved(title: str, rng: random.Random) -> str | None:
    """The same words in another order."""
    words = title.split()
    rng.shuffle(words)
    moved = " ".join(words)
    return moved if folded(moved) != folded(title) else None


def _line(row: Row) -> bytes:
    with io.StringIO(newline="") as out:
        csv.writer(out).writerow(row)
        return out.getvalue().encode()


def assert_all_are_reported(planted: Planted) -> None:
    """In the folder that is worked in: import, check, split, prove."""
    Path("shop.csv").write_bytes(planted.content)
    rows = planted.rows

    output = run("data", "import", "classify", "shop.csv")
    rejects = {reject["row"]: reject["reason"] for reject in lines("classify.rejects.jsonl")}
    for row in rows["undecodable"]:
        assert rejects.pop(row) == "neither UTF-8 nor Windows-1252"
    assert rejects.keys() == rows["outside the ontology"]
    assert all("is not in the ontology" in reason for reason in rejects.values())
    count = len(rows["windows-1252"])
    assert f"{count:,} lines were not UTF-8 and were read as Windows-1252" in output
    records = lines("classify.jsonl")
    titles = {record["origin"]["row"]: record["request"]["title"] for record in records}
    assert {row: titles[row] for row in planted.read_as} == {
        row: normalised(title) for row, title in planted.read_as.items()
    }

    run("data", "check", "classify.jsonl", "--json", "check.json", status=1)
    findings = json.loads(Path("check.json").read_text())["findings"]
    reported = {
        finding["kind"]: {records[line - 1]["origin"]["row"] for line in finding["lines"]} for finding in findings
    }
    for kind in SHARES.keys() - {"mojibake", "windows-1252", "undecodable", "outside the ontology"}:
        assert rows[kind] - reported[kind] == set(), kind

    run("data", "split", "classify.jsonl", "--output", "splits")
    assert f"no leaks among {len(records):,} examples" in run("data", "prove", "splits")
    leaked = random.Random(0).sample(lines("splits/train.jsonl"), len(records) // 100)
    for i, record in enumerate(leaked):
        title = record["request"]["title"]
        record["request"]["title"] = (title, title.upper(), " ".join(reversed(title.split())))[i % 3]
    with Path("splits/test.jsonl").open("a", encoding="utf-8") as out:
        out.writelines(json.dumps(record) + "\n" for record in leaked)
    output = run("data", "prove", "splits", "--json", "leaks.json", status=1)
    assert f"{len(leaked):,} held-out examples are 0.8 or more like one of another split" in output
    pairs = json.loads(Path("leaks.json").read_text())
    assert sorted(pair["origin"]["row"] for pair in pairs) == sorted(record["origin"]["row"] for record in leaked)


@pytest.mark.parametrize("seed", range(3))
def test_every_defect_planted_in_made_up_titles_is_reported(seed: int, ontology: Ontology) -> None:
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(3, 8))) for _ in range(2000)]
    leaves = rng.sample(sorted(ontology.categories), 5)
    sound = [(" ".join(rng.sample(words, rng.randint(3, 8))), rng.choice(leaves)) for _ in range(600)]
    planted = plant(sound, seed)
    assert {kind: len(rows) for kind, rows in planted.rows.items() if kind} == {
        kind: round(600 * share) for kind, share in SHARES.items()
    }
    assert_all_are_reported(planted)


@pytest.mark.data
def test_every_defect_planted_in_real_titles_is_reported() -> None:
    assert_all_are_reported(plant(random.Random(0).sample(fashion(), 4_000), 0))


def fashion() -> list[Row]:
    """The raw rows of the public titles, with the defects that they come with."""
    name = "animmala3942/FashionProductRecommendationSystem"
    columns: list[list[dict[str, str]]] = []
    for file in ("styles.csv", "styles_text.csv"):
        with find(name, file)[0].open(encoding="utf-8", newline="") as rows:
            columns.append(list(csv.DictReader(rows)))
    return [(title["productDisplayName"], row["articleType"]) for row, title in zip(*columns, strict=True)]
