"""What a few-shot prompt can show: the nearest examples. How many fit is tested in `test_answers`."""

from __future__ import annotations

from adapters.ontology import Ontology
from adapters.tasks import task
from tests.training.tasks.builders import review, title
from training.evaluation.shots import SHOTS, nearest

CLASSIFY = task("classify")


def shown(shots: list[list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [(request["content"].splitlines()[0], line["content"]) for request, line in shots]


def test_the_nearest_come_first(ontology: Ontology) -> None:
    others = (title("blue jeans", "Jeans"), title("a mug", "Mugs"), title("green shirt", "Shirts"))
    train = [*others, title("red cotton shirt", "Shirts"), title("Red Shirt", "Shirts")]
    (shots,) = nearest(CLASSIFY, train, [title("red shirt", "Shirts")], ontology)
    assert len(shots) == SHOTS
    assert shown(shots)[0] == ("red shirt", "shirts; -; -")
    assert set(shown(shots)[:3]) == {(f"{kind}shirt", "shirts; -; -") for kind in ("red ", "red cotton ", "green ")}
    assert [m["role"] for m in shots[0]] == ["user", "assistant"]


def test_no_example_is_shown_where_there_is_none(ontology: Ontology) -> None:
    assert nearest(CLASSIFY, [], [title("red shirt", "Shirts")], ontology) == [[]]
    assert nearest(CLASSIFY, [title("red shirt", "Shirts")], [], ontology) == []


def test_partial_examples_are_not_shown(ontology: Ontology) -> None:
    whole, partial = review("negative; no; -; -"), review("negative; no; beginner; -", known_fields=3)
    (shots,) = nearest(task("extract"), [partial, whole], [partial], ontology)
    assert [line for _, line in shown(shots)] == [task("extract").encode(whole.labels)]
