"""Slices and the confusion matrix: who is counted where, and what the worst is."""

from __future__ import annotations

from training.evaluation.evaluate import Judged
from training.evaluation.slices import CLASSES, FEWEST, Cell, by_category, by_length, confusion


def judged(wanted: str, said: str, text: str = "a red shirt", **request: str) -> Judged:
    return Judged("shop", {"title": text, **request}, wanted, said, wanted == said, 0.5)


def test_categories_come_with_the_worst_first_and_small_ones_not_at_all() -> None:
    answers = [
        *[judged("shirts; red", "shirts; red")] * FEWEST,
        *[judged("jeans; red", "jeans; red")] * (FEWEST // 2),
        *[judged("jeans; red", "shirts; red")] * (FEWEST // 2),
        *[judged("sarees; red", "shirts; red")] * (FEWEST - 1),
    ]
    worst, best = by_category("classify", answers)
    assert (worst.name, worst.examples, worst.share) == ("jeans", FEWEST, 0.5)
    assert worst.low < 0.5 < worst.high
    assert (best.name, best.share, best.high) == ("shirts", 1.0, 1.0)
    assert best.low < 1.0  # all of ten right is no certainty
    assert by_category("a task of your own", answers) == []


def test_a_query_counts_once_for_each_of_its_labels() -> None:
    answers = [judged("color type + other type", "color")] * FEWEST
    assert [(s.name, s.examples) for s in by_category("rewrite", answers)] == [("color", FEWEST), ("type", FEWEST)]


def test_copy_is_counted_by_the_product_s_category() -> None:
    answers = [judged("x", "x", category="Mugs")] * FEWEST + [judged("x", "x")] * FEWEST
    assert [s.name for s in by_category("copywrite", answers)] == ["Mugs", "none"]


def test_lengths_are_words_and_every_answer_is_in_one() -> None:
    answers = [judged("x", "x", " ".join(["word"] * n)) for n in (1, 5, 6, 12, 30, 31, 900)]
    assert [(s.name, s.examples) for s in by_length(answers)] == [
        ("1-5", 2),
        ("6-8", 1),
        ("9-12", 1),
        ("13-30", 1),
        ("over 30", 2),
    ]


def test_the_matrix_counts_wanted_by_said_and_the_rest_together() -> None:
    answers = [
        *[judged("shirts; red", "shirts; blue")] * 3,
        judged("shirts; red", "jeans; red"),
        judged("jeans; red", "jeans; red"),
        judged("caps; red", "caps; red"),
    ]
    told = confusion(answers)
    assert told is not None
    assert told.names == ["shirts", "jeans", "others"]
    assert told.rows == [
        ("shirts", [Cell(3, 0.75, True), Cell(1, 0.25, False), Cell(0, 0.0, False)]),
        ("jeans", [Cell(0, 0.0, False), Cell(1, 1.0, True), Cell(0, 0.0, False)]),
    ]


def test_the_matrix_has_the_most_confused_classes_only() -> None:
    answers = [judged(f"class {i}", f"class {i + 1}") for i in range(40)]
    answers += [judged("class 30", "class 20")] * 2
    told = confusion(answers)
    assert told is not None
    assert told.names[:2] == ["class 30", "class 20"]
    assert len(told.names) == CLASSES + 1
    for wanted, row in told.rows:
        assert sum(cell.count for cell in row) == sum(a.wanted == wanted for a in answers)


def test_nothing_confused_is_no_matrix() -> None:
    assert confusion([judged("shirts; red", "shirts; red")]) is None
    assert confusion([]) is None
