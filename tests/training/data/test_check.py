"""Checks: each kind of defect and warning is reported with its lines, and sound examples are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.ontology import Ontology
from training.data.check import Finding, Report, check
from training.examples import SAMPLES, ExampleError

WORDS = "amber birch cedar dune ember fjord grove heath inlet jetty knoll lagoon meadow north".split()


def example(title: str, category: Any = "Shirts", **attributes: str) -> dict[str, Any]:
    labels = {"category": category, **({"attributes": attributes} if attributes else {})}
    return {"request": {"title": title}, "labels": labels}


def examples(count: int) -> list[dict[str, Any]]:
    pairs = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in ("cloth", "piece") if a != b]
    return [example(title, ("Shirts", "Jeans")[i % 2]) for i, title in enumerate(pairs[:count])]


def checked(folder: Path, *lines: Any, name: str = "shop.jsonl") -> Report:
    file = folder / name
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return check(file, Ontology.load())


def kinds(report: Report) -> dict[str, int]:
    return {finding.kind: finding.count for finding in report.findings}


def finding(report: Report, kind: str) -> Finding:
    return next(finding for finding in report.findings if finding.kind == kind)


def test_a_clean_file_has_no_defects(tmp_path: Path) -> None:
    report = checked(tmp_path, *examples(240))
    assert (report.task, report.examples, report.defects) == ("classify", 240, 0)
    assert report.labels == {"Shirts": 120, "Jeans": 120}
    assert sum(report.lengths.values()) == 240
    assert "few examples" not in kinds(report)


def test_few_examples_are_a_warning(tmp_path: Path) -> None:
    report = checked(tmp_path, *examples(199))
    assert kinds(report)["few examples"] == 199
    assert report.defects == 0


def test_lines_that_are_not_examples_are_reported(tmp_path: Path) -> None:
    report = checked(tmp_path, *examples(10), "{", "", "[3]", example("", "Shirts"))
    assert kinds(report)["unreadable lines"] == 2
    assert [c["line"] for c in finding(report, "unreadable lines").cases] == [11, 13]
    assert finding(report, "invalid examples").cases[0]["line"] == 14
    assert report.defects == 3


def test_labels_outside_the_ontology_are_reported_with_the_nearest_name(tmp_path: Path) -> None:
    report = checked(tmp_path, *examples(10), example("odd one", "Tshirtz"), example("odd two", color="puce"))
    outside = finding(report, "labels outside the ontology")
    assert (outside.count, outside.defect) == (2, True)
    assert "near: 'Tshirts'" in outside.cases[0]["reason"]
    assert "'puce' is not in the ontology" in outside.cases[1]["reason"]


def test_exact_duplicates_differ_in_case_marks_and_spaces_at_most(tmp_path: Path) -> None:
    report = checked(tmp_path, *examples(10), example("Lone  title!"), example("lone title"))
    duplicates = finding(report, "exact duplicates")
    assert (duplicates.count, duplicates.cases[0]["lines"]) == (1, "11, 12")


def test_contradictions_are_shown_side_by_side(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        *examples(10),
        example("one lone thing", "Shirts"),
        example("One lone thing", "Jeans"),
        example("a second thing", "Shirts", color="red"),
        example("a second thing", color="blue"),
        example("a third, longer thing", "Shirts"),
        example("a third, longer things", "Jeans"),
        example("a fourth and long thing", color="red"),
        example("a fourth and long things"),
        example("one fifth, named twice", color="red"),
        example("one fifth, named twice"),
    )
    rare = [example("one lone thing"), example("one lone thing")] * 4
    many = finding(checked(tmp_path, *rare, example("One lone thing", "Jeans")), "contradictory labels")
    assert many.cases[0]["line 9"] == "One lone thing | jeans"
    contradictions = finding(report, "contradictory labels")
    assert [case["differ in"] for case in contradictions.cases] == ["category", "attributes.color"]
    assert contradictions.cases[0]["line 11"] == "one lone thing | shirts"
    assert contradictions.cases[0]["line 12"] == "One lone thing | jeans"
    near = finding(report, "contradictory labels, nearly the same input")
    assert [sorted(case)[:2] for case in near.cases] == [["line 15", "line 16"]]
    assert kinds(report)["near duplicates"] == 1  # the fourth: a colour may be left out
    assert kinds(report)["exact duplicates"] == 1  # the fifth


def test_other_tasks_contradict_in_their_own_labels(tmp_path: Path) -> None:
    reviews = [
        {"request": {"review": "Loose lid"}, "labels": {"overall_sentiment": overall}}
        for overall in ("negative", "positive")
    ]
    assert kinds(checked(tmp_path, *reviews))["contradictory labels"] == 1
    queries = [
        {"request": {"query": query}, "labels": {"tags": tags.split()}}
        for query, tags in (
            ("red maxi dresses", "color shape type"),
            ("red maxi dresses", "color other type"),
            ("red maxi dresses x", "color shape type other"),
        )
    ]
    counts = kinds(checked(tmp_path, *queries))
    assert counts["contradictory labels"] == 1
    assert "contradictory labels, nearly the same input" not in counts
    copies = [{"request": {"name": "Mug"}, "labels": {"description": text}} for text in ("A.", "B.")]
    assert checked(tmp_path, *copies).defects == 0
    assert kinds(checked(tmp_path, *copies, copies[0]))["exact duplicates"] == 2


def test_every_line_of_a_finding_is_named_though_few_cases_are_shown(tmp_path: Path) -> None:
    alike = [example("one lone thing"), example("a second thing", "Jeans")]
    report = checked(tmp_path, *examples(10), *alike * 60, example("A second thing", "Shirts"))
    assert finding(report, "exact duplicates").lines == list(range(11, 131, 2))
    assert finding(report, "contradictory labels").lines == [*range(12, 131, 2), 131]


def test_characters_lost_in_a_wrong_encoding_are_a_defect(tmp_path: Path) -> None:
    titles = ("caf\ufffd chair", "cafÃ© table", "café lamp", "plain")
    broken = finding(checked(tmp_path, *examples(10), *map(example, titles)), "broken letters")
    assert (broken.defect, broken.lines) == (True, [11, 12])


def test_personal_data_is_reported_and_masked_in_the_report(tmp_path: Path) -> None:
    report = checked(tmp_path, *examples(10), example("mail jane@example.com"), example("pay 4111 1111 1111 1111"))
    personal_data = finding(report, "personal data")
    assert [case["text"] for case in personal_data.cases] == ["mail [email]", "pay [card]"]
    twice = [example("mail jane@example.com"), example("Mail jane@example.com", "Tshirtz")]
    report = checked(tmp_path, *examples(10), *twice)
    assert {"contradictory labels", "labels outside the ontology"} <= kinds(report).keys()
    assert "jane@example.com" not in json.dumps([f.cases for f in report.findings])


def test_rare_labels_and_other_languages_are_warnings(tmp_path: Path) -> None:
    french = [
        "Une chemise en coton pour les hommes avec des manches longues",
        "Un pantalon noir très confortable pour les enfants de la maison",
    ]
    english = [
        "A soft cotton shirt for men with long sleeves and a collar",
        "These black trousers are very comfortable for the children",
    ] * 8
    report = checked(
        tmp_path,
        *examples(60),
        *(example(f"{text} {i}") for i, text in enumerate(english)),
        *map(example, french),
        example("one lonely thing", "Dresses"),
    )
    assert report.languages["fr"] == 2
    assert {case["language"] for case in finding(report, "other languages").cases} == {"fr"}
    assert finding(report, "rare labels").cases == [{"label": "Dresses", "examples": 1}]
    assert not any(f.defect for f in report.findings if f.kind != "exact duplicates")


def test_length_outliers_are_beyond_the_outer_fences(tmp_path: Path) -> None:
    report = checked(tmp_path, *examples(100), example("x" * 290), example("x"))
    assert [c["characters"] for c in finding(report, "length outliers").cases] == [290, 1]
    same = checked(tmp_path, *(example(f"title {i}") for i in range(10, 99)), example("x" * 290))
    assert "length outliers" not in kinds(same)  # no spread to measure with


@pytest.mark.parametrize("name", ["classify", "rewrite", "extract", "copywrite"])
def test_the_samples_have_no_defects(name: str, ontology: Ontology) -> None:
    assert check(SAMPLES / f"{name}.jsonl", ontology).defects == 0


def test_a_file_for_no_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExampleError, match="no line has the fields of a task"):
        checked(tmp_path, {"title": "red shirt"})


def test_a_file_of_nothing_readable_is_all_defects(tmp_path: Path) -> None:
    report = checked(tmp_path, "{", "x")
    assert (report.task, report.defects) == ("none", 2)


def test_all_cases_are_counted_and_50_are_listed(tmp_path: Path) -> None:
    report = checked(tmp_path, *(example(f"odd {word}", "Tshirtz") for word in WORDS * 5))
    outside = finding(report, "labels outside the ontology")
    assert (outside.count, len(outside.cases)) == (70, 50)
