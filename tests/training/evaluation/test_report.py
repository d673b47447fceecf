"""The evaluation page: self-contained, in its order, with the figures of the evaluation; and the model card."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from adapters.manifest import Draft
from training.evaluation import cards, report
from training.evaluation.calibration import reliabilities
from training.evaluation.results import ADAPTER, PROMPTED, Evaluation, Headline, JudgedAnswer, Verdict

LOG = [{"loss": "2.1", "learning_rate": "0.001", "epoch": 0.5}, {"eval_loss": 1.7, "epoch": 1.0}]
COST = {"seconds": 150.0, "tokens": 91_234, "peak_bytes": 3.21e9}
PASSED = Verdict([], "A cheap baseline is as good: TF-IDF has 0.910")


def judged(predicted: str, confidence: float, text: str = "red shirt") -> JudgedAnswer:
    expected = "shirts; red; -"
    return JudgedAnswer("fashion", {"title": text}, expected, predicted, predicted == expected, confidence)


def evaluation(*answers: JudgedAnswer) -> Evaluation:
    values = {ADAPTER: (0.9, None), PROMPTED: (0.2, 0.001), "TF-IDF": (0.91, 0.6)}
    figures = {"examples": 3, "path_accuracy": 0.9}
    scores = {"precision": 0.5, "recall": 0.25, "f1": 0.333}
    return Evaluation(
        {side: {"fashion": dict(figures)} for side in values},
        {s: {"fashion": Headline(v, v - 0.05, v + 0.05, p)} for s, (v, p) in values.items()},
        list(answers),
        {"fashion": {"Jeans": {**scores, "examples": 2}, "Shirts": {**scores, "examples": 9}}},
        confidence=reliabilities(answers, []),
    )


def with_unseen(of: Evaluation) -> Evaluation:
    """The evaluation with answers to titles of a shop that was not trained on."""
    headlines = {side: {**by_source, "superstore": Headline(0.5, 0.4, 0.6)} for side, by_source in of.headlines.items()}
    answers = [*of.answers, JudgedAnswer("superstore", {"title": "x"}, "a", "b", False, 0.95)]
    confidence = reliabilities(answers, ["superstore"])
    return replace(of, headlines=headlines, answers=answers, unseen=["superstore"], confidence=confidence)


def page(tmp_path: Path, *answers: JudgedAnswer, verdict: Verdict = PASSED) -> str:
    (tmp_path / "train.json").write_text(json.dumps({"log": LOG}))
    return report.write(tmp_path, "classify", evaluation(*answers), verdict).read_text(encoding="utf-8")


def test_a_refused_adapters_page_has_the_reasons(tmp_path: Path) -> None:
    html = page(tmp_path, judged("jeans; -; -", 0.9, "<b>"), verdict=Verdict(["too few <examples>"], "No baseline."))
    assert "The quality gate refuses it" in html
    assert "<li>too few &lt;examples&gt;</li>" in html and "<dd>&lt;b&gt;</dd>" in html
    assert "lets it go live" not in html


def test_it_has_every_plot_and_fetches_nothing(tmp_path: Path) -> None:
    html = page(tmp_path, *[judged("shirts; red; -", 0.9)] * 9, judged("jeans; red; -", 0.8))
    assert html.count("<svg") == 6
    assert "ECE" in html
    assert re.findall(r"""(?:src|href)=["']([^"'#][^"']*)""", html) == []


def test_the_wrong_answers_of_the_highest_confidence_come_first(tmp_path: Path) -> None:
    wrong = [judged("jeans; red; -", c, f"title {c}") for c in (0.1, 0.9, 0.5)]
    html = page(tmp_path, *wrong, judged("shirts; red; -", 0.99, "right one"))
    assert re.findall(r"<dd>(title [\d.]+)</dd>", html) == ["title 0.9", "title 0.5", "title 0.1"]
    assert "right one" not in html
    assert re.search(r"<td>shirts</td><td>jeans</td><td class=\"n\">3</td>", html)


def test_verdict_figures_plots_wrong_answers_and_classes_come_in_this_order(tmp_path: Path) -> None:
    html = page(tmp_path, judged("jeans; red; -", 0.9))
    parts = "lets it go live; A cheap baseline; Main figure; <svg; Confusion matrix; Wrong answers; All figures"
    places = [html.index(part) for part in parts.split("; ")]
    assert places == sorted(places)
    assert html.index('<td>Shirts</td><td class="n">9</td>') < html.index("<td>Jeans</td>")  # the commonest class first


def test_a_long_request_is_cut(tmp_path: Path) -> None:
    html = page(tmp_path, judged("jeans; red; -", 0.9, "x" * 4000))
    assert "x" * 500 + " ..." in html
    assert "x" * 501 not in html


def test_the_card_begins_with_the_verdict() -> None:
    draft = Draft(task="classify", base_digest="b" * 64, ontology_digest="o")
    card = cards.adapter_card(draft, ["o_proj"], COST, evaluation(), PASSED)
    assert card.startswith("# classify\n\nA cheap baseline is as good: TF-IDF has 0.910")
    assert "Trained in 2.5 minutes on 91,234 tokens, with 3.2 GB\nof memory at most." in card


def test_page_and_card_show_unseen_shops_and_the_confidence_there(tmp_path: Path) -> None:
    of = with_unseen(evaluation(*[judged("shirts; red; -", 0.9)] * 4))
    html = report.write(tmp_path, "classify", of, PASSED).read_text(encoding="utf-8")
    assert "On a shop that it has not seen" in html and html.count("Reliability of the confidence") == 2
    card = cards.adapter_card(
        Draft(task="classify", base_digest="b" * 64, ontology_digest="o"), ["o_proj"], COST, of, PASSED
    )
    assert "On a shop that it has not seen, the mean over superstore:" in card
    assert "| 0.500 | 0.500 | 0.500 |" in card
    assert "| known sources | 4 | 0.100 | - | 0.000 | 0.000 |" in card
    assert "| unseen sources | 1 | 0.950 | - | 1.000 | 0.000 |" in card
    assert "600 examples of a source at most" in card and "base on 150 of these" in card


def test_without_unseen_sources_the_card_says_nothing_of_them() -> None:
    assert cards.unseen(evaluation()) == cards.confidence(evaluation()) == ""


def test_a_run_without_answers_has_a_page(tmp_path: Path) -> None:
    assert report.write(tmp_path, "classify", evaluation(), PASSED).read_text().count("<svg") == 1
