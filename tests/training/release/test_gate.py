"""What may go live: significantly above the prompted base, not behind the live version."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.manifest import Draft
from adapters.ontology import Ontology
from adapters.store import Store, StoreError
from training.evaluation.evaluate import ADAPTER, FEW_SHOT, LIVE, ONE_SAMPLE, PROMPTED, Evaluation, Headline
from training.release import publish as release
from training.release.gate import MARGIN, editing, refusals, verdict

TFIDF = "TF-IDF + logistic regression"


def told(source: str = "fashion", **sides: tuple[float, float | None]) -> Evaluation:
    """Main figure and p of each side: adapter, prompted, shown (few-shot), live, tfidf."""
    names = {"adapter": ADAPTER, "prompted": PROMPTED, "shown": FEW_SHOT, "live": LIVE, "tfidf": TFIDF}
    return Evaluation(
        figures={names[side]: {source: {"examples": 10}} for side in sides},
        headlines={
            names[side]: {source: Headline(value, value - 0.01, value + 0.01, p)} for side, (value, p) in sides.items()
        },
    )


@pytest.mark.parametrize(
    ("evaluation", "reasons"),
    [
        (told(adapter=(0.9, None), prompted=(0.5, 0.001)), []),
        (told("shop", adapter=(0.9, None), prompted=(0.5, 0.001)), []),
        (told(adapter=(0.9, None), prompted=(0.88, 0.2)), ["not significantly above"]),
        (told(adapter=(0.5, None), prompted=(0.9, 0.001)), ["not significantly above"]),
        (told(adapter=(0.9, None), prompted=(0.5, 0.001), live=(0.9 + MARGIN / 2, 0.3)), []),
        (told(adapter=(0.9, None), prompted=(0.5, 0.001), live=(0.92, 0.3)), ["behind the live version"]),
        (
            told(adapter=(0.4, None), prompted=(0.5, 0.3), live=(0.9, 0.01)),
            ["not significantly above", "behind the live version"],
        ),
        (
            told(adapter=(0.9, None), prompted=(0.5, 0.001), shown=(0.89, 0.4)),
            ["not significantly above the prompted base, few-shot's 0.890"],
        ),
        (
            told(adapter=(0.9, None), prompted=(0.89, 0.4), shown=(0.5, 0.001)),
            ["not significantly above the prompted base's 0.890"],
        ),
        (told(adapter=(0.9, None), prompted=(0.5, 0.001), shown=(0.6, 0.001)), []),
        (Evaluation({ADAPTER: {}}, {ADAPTER: {}}), ["no test example"]),
    ],
)
def test_refusals(evaluation: Evaluation, reasons: list[str]) -> None:
    found = refusals("classify", evaluation)
    assert len(found) == len(reasons)
    assert all(part in reason for part, reason in zip(reasons, found, strict=True))


def test_single_samples_are_compared_where_a_fallback_would_flatter() -> None:
    evaluation = told(adapter=(0.9, None), prompted=(0.95, 0.001))
    evaluation.headlines[f"{ADAPTER}{ONE_SAMPLE}"] = {"fashion": Headline(0.4, 0.35, 0.45)}
    evaluation.headlines[f"{PROMPTED}{ONE_SAMPLE}"] = {"fashion": Headline(0.1, 0.05, 0.15, 0.001)}
    assert refusals("classify", evaluation) == []


@pytest.mark.parametrize(
    ("tfidf", "said"),
    [
        ((0.92, 0.001), "A cheap baseline is as good"),
        ((0.89, 0.4), "A cheap baseline is as good"),
        ((0.80, 0.001), "significantly above the best cheap baseline"),
    ],
)
def test_the_verdict_names_the_cheap_baseline(tfidf: tuple[float, float], said: str) -> None:
    line = verdict("classify", told(adapter=(0.9, None), prompted=(0.1, 0.001), tfidf=tfidf))
    assert said in line
    assert TFIDF in line


def test_a_prompted_base_is_no_cheap_baseline() -> None:
    evaluation = told(
        adapter=(0.9, None), prompted=(0.95, 0.001), shown=(0.97, 0.001), live=(0.99, 0.001), tfidf=(0.5, 0.001)
    )
    assert f"the best cheap baseline, {TFIDF}" in verdict("classify", evaluation)


@pytest.mark.parametrize(
    ("distances", "said"),
    [
        ({ADAPTER: 0.3, PROMPTED: 0.6}, "50% less on retail (0.300 to 0.600)"),
        ({ADAPTER: 0.3, PROMPTED: 0.6, FEW_SHOT: 0.4}, "25% less on retail (0.300 to 0.400)"),
        ({ADAPTER: 0.6, PROMPTED: 0.5}, "-20% less on retail"),
        (
            {ADAPTER: 0.1, PROMPTED: 0.2, f"{ADAPTER}{ONE_SAMPLE}": 0.3, f"{PROMPTED}{ONE_SAMPLE}": 0.4},
            "25% less on retail (0.300 to 0.400)",  # the fallback's text is no model's
        ),
    ],
)
def test_the_editing_that_is_saved(distances: dict[str, float], said: str) -> None:
    figures = {side: {"retail": {"edit_distance": value}} for side, value in distances.items()}
    assert said in str(editing(Evaluation(figures, {})))


def test_what_writes_no_text_is_not_edited() -> None:
    assert editing(told(adapter=(0.9, None), prompted=(0.5, 0.001))) is None


def test_the_verdict_where_there_is_none() -> None:
    assert "no cheap baseline" in verdict("classify", told(adapter=(0.9, None)))


def draft() -> Draft:
    return Draft(task="classify", base_digest="b", ontology_digest="o")


def test_a_refused_run_is_not_published(tmp_path: Path, ontology: Ontology) -> None:
    evaluation = told(adapter=(0.5, None), prompted=(0.5, 1.0))
    release.keep(tmp_path, draft(), evaluation, "# card\n")
    with pytest.raises(release.Refused, match="not significantly above"):
        release.publish(tmp_path, Store(tmp_path / "store", shipped=None), ontology)
    assert not (tmp_path / "store").exists()


def test_an_unfinished_run_is_not_published(tmp_path: Path, ontology: Ontology) -> None:
    with pytest.raises(StoreError, match="no finished run"):
        release.publish(tmp_path, Store(tmp_path / "store", shipped=None), ontology)
