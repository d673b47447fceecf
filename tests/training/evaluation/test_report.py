"""The evaluation page: whole, self-contained, and saying what the figures say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adapters.manifest import Draft
from training.evaluation import cards, report
from training.evaluation.evaluate import ADAPTER, PROMPTED, Evaluation, Headline, Judged

LOG = [{"loss": "2.1", "learning_rate": "0.001", "epoch": 0.5}, {"eval_loss": 1.7, "epoch": 1.0}]


def judged(said: str, confidence: float, text: str = "red shirt") -> Judged:
    wanted = "shirts; red; -"
    return Judged("fashion", {"title": text}, wanted, said, said == wanted, confidence)


def evaluation(*answers: Judged) -> Evaluation:
    values = {ADAPTER: (0.9, None), PROMPTED: (0.2, 0.001), "TF-IDF": (0.91, 0.6)}
    figures = {"examples": 3, "path_accuracy": 0.9}
    return Evaluation(
        {side: {"fashion": dict(figures)} for side in values},
        {s: {"fashion": Headline(v, v - 0.05, v + 0.05, p)} for s, (v, p) in values.items()},
        list(answers),
        {
            "fashion": {
                name: {"precision": 0.5, "recall": 0.25, "f1": 0.333, "examples": n}
                for name, n in (("Jeans", 2), ("Shirts", 9))
            }
        },
    )


def page(tmp_path: Path, *answers: Judged) -> str:
    (tmp_path / "train.json").write_text(json.dumps({"log": LOG}))
    return report.write(tmp_path, "classify", evaluation(*answers)).read_text(encoding="utf-8")


def test_it_begins_with_the_verdict_and_the_decision(tmp_path: Path) -> None:
    told = page(tmp_path, judged("shirts; red; -", 0.9))
    assert "A cheap baseline is as good: TF-IDF has 0.910" in told
    assert "The gate lets it go live" in told


def test_it_has_every_plot_and_fetches_nothing(tmp_path: Path) -> None:
    told = page(tmp_path, *[judged("shirts; red; -", 0.9)] * 9, judged("jeans; red; -", 0.8))
    assert told.count("<svg") == 6
    assert "ECE" in told
    links = set(re.findall(r"""(?:src|href)=["']([^"'#][^"']*)""", told))
    assert links == set()


def test_the_surest_wrong_answers_come_first(tmp_path: Path) -> None:
    wrong = [judged("jeans; red; -", c, f"title {c}") for c in (0.1, 0.9, 0.5)]
    told = page(tmp_path, *wrong, judged("shirts; red; -", 0.99, "right one"))
    assert re.findall(r"<dd>(title [\d.]+)</dd>", told) == ["title 0.9", "title 0.5", "title 0.1"]
    assert "right one" not in told
    assert re.search(r"<td>shirts</td><td>jeans</td><td class=\"n\">3</td>", told)


def test_decision_verdict_figures_and_wrong_answers_come_in_this_order(tmp_path: Path) -> None:
    told = page(tmp_path, judged("jeans; red; -", 0.9))
    parts = (
        "The gate lets it go live",
        "A cheap baseline",
        "Main figure",
        "<svg",
        "Confusion matrix",
        "Wrong answers",
        "All figures",
    )
    places = [told.index(part) for part in parts]
    assert places == sorted(places)


def test_a_long_request_is_cut(tmp_path: Path) -> None:
    told = page(tmp_path, judged("jeans; red; -", 0.9, "x" * 4000))
    assert "x" * 500 + " ..." in told
    assert "x" * 501 not in told


def test_classes_are_told_commonest_first(tmp_path: Path) -> None:
    told = page(tmp_path, judged("shirts; red; -", 0.9))
    assert "2 classes" in told
    assert told.index('<td>Shirts</td><td class="n">9</td>') < told.index("<td>Jeans</td>")


@pytest.mark.parametrize(("confidence", "dots"), [(0.9, 1), (0.1, 0)])
def test_the_answers_that_need_no_review_are_a_dot(confidence: float, dots: int) -> None:
    curve = report._risk_coverage([judged("shirts; red; -", confidence)] * 3)
    empty = report._risk_coverage([judged("shirts; red; -", 0.0)] * 3)
    assert curve.count("<use") - empty.count("<use") == dots


def test_the_card_begins_with_the_verdict() -> None:
    draft = Draft(task="classify", base_digest="b" * 64, ontology_digest="o")
    card = cards.adapter_card(draft, ["o_proj"], evaluation())
    assert card.startswith("# classify\n\nA cheap baseline is as good: TF-IDF has 0.910")


def test_markup_in_an_input_stays_text(tmp_path: Path) -> None:
    told = page(tmp_path, judged("jeans; -; -", 0.9, "<script>alert(1)</script>"))
    assert "<script>" not in told


def test_a_run_without_answers_has_a_page(tmp_path: Path) -> None:
    assert report.write(tmp_path, "classify", evaluation()).read_text().count("<svg") == 1
