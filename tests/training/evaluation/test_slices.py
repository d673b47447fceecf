"""Slices and the confusion matrix: which answers count where, and the order of the slices."""

from __future__ import annotations

from training.evaluation.results import JudgedAnswer
from training.evaluation.slices import MAX_CLASSES, MIN_EXAMPLES, ConfusionCell, by_category, by_length, confusion
from training.tasks import training_task


def judged(expected: str, predicted: str, text: str = "a red shirt", **request: str) -> JudgedAnswer:
    return JudgedAnswer("shop", {"title": text, **request}, expected, predicted, expected == predicted, 0.5)


def test_categories_come_with_the_worst_first_and_small_ones_not_at_all() -> None:
    answers = [
        *[judged("shirts; red", "shirts; red")] * MIN_EXAMPLES,
        *[judged("jeans; red", "jeans; red")] * (MIN_EXAMPLES // 2),
        *[judged("jeans; red", "shirts; red")] * (MIN_EXAMPLES // 2),
        *[judged("sarees; red", "shirts; red")] * (MIN_EXAMPLES - 1),
    ]
    worst, best = by_category(training_task("classify"), answers)
    assert (worst.name, worst.examples, worst.share) == ("jeans", MIN_EXAMPLES, 0.5)
    assert worst.low < 0.5 < worst.high
    assert (best.name, best.share, best.high) == ("shirts", 1.0, 1.0)
    assert best.low < 1.0  # ten of ten right is not certain
    assert by_category(training_task("churn"), answers) == []  # a task that names no categories


def test_a_query_counts_once_for_each_of_its_labels() -> None:
    answers = [judged("color type + other type", "color")] * MIN_EXAMPLES
    slices = by_category(training_task("rewrite"), answers)
    assert [(s.name, s.examples) for s in slices] == [("color", MIN_EXAMPLES), ("type", MIN_EXAMPLES)]


def test_copy_is_counted_by_the_product_s_category() -> None:
    answers = [judged("x", "x", category="Mugs")] * MIN_EXAMPLES + [judged("x", "x")] * MIN_EXAMPLES
    assert [s.name for s in by_category(training_task("copywrite"), answers)] == ["Mugs", "none"]


def test_lengths_are_words_and_every_answer_is_in_one() -> None:
    answers = [judged("x", "x", " ".join(["word"] * n)) for n in (1, 5, 6, 12, 30, 31, 900)]
    counts = {part.name: part.examples for part in by_length(answers)}
    assert list(counts.items()) == [("1-5", 2), ("6-8", 1), ("9-12", 1), ("13-30", 1), ("over 30", 2)]


def test_the_matrix_counts_expected_by_predicted_and_the_rest_together() -> None:
    answers = [
        *[judged("shirts; red", "shirts; blue")] * 3,
        judged("shirts; red", "jeans; red"),
        judged("jeans; red", "jeans; red"),
        judged("caps; red", "caps; red"),
    ]
    matrix = confusion(answers)
    assert matrix is not None
    assert matrix.names == ["shirts", "jeans", "others"]
    assert matrix.rows == [
        ("shirts", [ConfusionCell(3, 0.75, True), ConfusionCell(1, 0.25, False), ConfusionCell(0, 0.0, False)]),
        ("jeans", [ConfusionCell(0, 0.0, False), ConfusionCell(1, 1.0, True), ConfusionCell(0, 0.0, False)]),
    ]


def test_the_matrix_has_the_most_confused_classes_only() -> None:
    answers = [judged(f"class {i}", f"class {i + 1}") for i in range(40)]
    answers += [judged("class 30", "class 20")] * 2
    matrix = confusion(answers)
    assert matrix is not None
    assert matrix.names[:2] == ["class 30", "class 20"]
    assert len(matrix.names) == MAX_CLASSES + 1
    for expected, row in matrix.rows:
        assert sum(cell.count for cell in row) == sum(a.expected == expected for a in answers)


def test_nothing_confused_is_no_matrix() -> None:
    assert confusion([judged("shirts; red", "shirts; red")]) is None
    assert confusion([]) is None
