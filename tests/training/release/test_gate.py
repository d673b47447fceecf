"""The quality gate: significantly above the prompted base, and not behind the live version."""

from __future__ import annotations

from dataclasses import replace

import pytest

from training.evaluation.results import ADAPTER, FEW_SHOT, LIVE, ONE_SAMPLE, PROMPTED, Evaluation, Headline
from training.release.gate import MARGIN, judge
from training.studies.transfer import joined

TFIDF = "TF-IDF + logistic regression"


def evaluation_of(source: str = "fashion", **sides: tuple[float, float | None]) -> Evaluation:
    """Main figure and p of each side: adapter, prompted, few_shot, live, tfidf."""
    names = {"adapter": ADAPTER, "prompted": PROMPTED, "few_shot": FEW_SHOT, "live": LIVE, "tfidf": TFIDF}
    return Evaluation(
        figures={names[side]: {source: {"examples": 10}} for side in sides},
        headlines={
            names[side]: {source: Headline(value, value - 0.01, value + 0.01, p)} for side, (value, p) in sides.items()
        },
    )


@pytest.mark.parametrize(
    ("evaluation", "reasons"),
    [
        (evaluation_of(adapter=(0.9, None), prompted=(0.5, 0.001)), []),
        (evaluation_of("shop", adapter=(0.9, None), prompted=(0.5, 0.001)), []),
        (evaluation_of(adapter=(0.9, None), prompted=(0.88, 0.2)), ["not significantly above"]),
        (evaluation_of(adapter=(0.5, None), prompted=(0.9, 0.001)), ["not significantly above"]),
        (evaluation_of(adapter=(0.9, None), prompted=(0.5, 0.001), live=(0.9 + MARGIN / 2, 0.3)), []),
        (evaluation_of(adapter=(0.9, None), prompted=(0.5, 0.001), live=(0.92, 0.3)), ["behind the live version"]),
        (
            evaluation_of(adapter=(0.4, None), prompted=(0.5, 0.3), live=(0.9, 0.01)),
            ["not significantly above", "behind the live version"],
        ),
        (
            evaluation_of(adapter=(0.9, None), prompted=(0.5, 0.001), few_shot=(0.89, 0.4)),
            ["not significantly above the prompted base, few-shot's 0.890"],
        ),
        (
            evaluation_of(adapter=(0.9, None), prompted=(0.89, 0.4), few_shot=(0.5, 0.001)),
            ["not significantly above the prompted base's 0.890"],
        ),
        (evaluation_of(adapter=(0.9, None), prompted=(0.5, 0.001), few_shot=(0.6, 0.001)), []),
        (Evaluation({ADAPTER: {}}, {ADAPTER: {}}), ["no test example"]),
    ],
)
def test_the_refusals_name_figures_and_sides(evaluation: Evaluation, reasons: list[str]) -> None:
    refusals = judge("classify", evaluation).refusals
    assert len(refusals) == len(reasons)
    assert all(part in refusal for part, refusal in zip(reasons, refusals, strict=True))


@pytest.mark.parametrize(
    ("adapter", "tfidf", "reasons"),
    [(0.6, 0.5, []), (0.5, 0.5, []), (0.4, 0.5, [f"0.400 on shops that it has not seen is behind {TFIDF} with 0.500"])],
)
def test_an_adapter_behind_a_cheap_baseline_on_unseen_shops_is_refused(
    adapter: float, tfidf: float, reasons: list[str]
) -> None:
    known = evaluation_of(adapter=(0.9, None), prompted=(0.5, 0.001), tfidf=(0.8, 0.001))
    unseen = evaluation_of("shop", adapter=(adapter, None), prompted=(0.99, 0.001), tfidf=(tfidf, 0.3))
    study = replace(unseen, unseen=["shop"])
    both = joined([known, study])
    assert judge("classify", both).refusals == judge("classify", known, study).refusals == reasons


def test_single_samples_are_compared_where_a_fallback_would_flatter() -> None:
    evaluation = evaluation_of(adapter=(0.9, None), prompted=(0.95, 0.001))
    evaluation.headlines[f"{ADAPTER}{ONE_SAMPLE}"] = {"fashion": Headline(0.4, 0.35, 0.45)}
    evaluation.headlines[f"{PROMPTED}{ONE_SAMPLE}"] = {"fashion": Headline(0.1, 0.05, 0.15, 0.001)}
    assert judge("classify", evaluation).refusals == []


@pytest.mark.parametrize(
    ("tfidf", "phrase"),
    [
        ((0.92, 0.001), "A cheap baseline is as good"),
        ((0.89, 0.4), "A cheap baseline is as good"),
        ((0.80, 0.001), "significantly above the best cheap baseline"),
    ],
)
def test_the_summary_names_the_cheap_baseline(tfidf: tuple[float, float], phrase: str) -> None:
    evaluation = evaluation_of(adapter=(0.9, None), prompted=(0.1, 0.001), tfidf=tfidf)
    summary = judge("classify", evaluation).summary
    assert phrase in summary
    assert TFIDF in summary


def test_a_prompted_base_is_not_a_cheap_baseline() -> None:
    evaluation = evaluation_of(
        adapter=(0.9, None), prompted=(0.95, 0.001), few_shot=(0.97, 0.001), live=(0.99, 0.001), tfidf=(0.5, 0.001)
    )
    assert f"the best cheap baseline, {TFIDF}" in judge("classify", evaluation).summary


@pytest.mark.parametrize(
    ("distances", "phrase"),
    [
        ({ADAPTER: 0.3, PROMPTED: 0.6}, "50% less on retail (0.300 to 0.600)"),
        ({ADAPTER: 0.3, PROMPTED: 0.6, FEW_SHOT: 0.4}, "25% less on retail (0.300 to 0.400)"),
        ({ADAPTER: 0.6, PROMPTED: 0.5}, "-20% less on retail"),
        (
            {ADAPTER: 0.1, PROMPTED: 0.2, f"{ADAPTER}{ONE_SAMPLE}": 0.3, f"{PROMPTED}{ONE_SAMPLE}": 0.4},
            "25% less on retail (0.300 to 0.400)",  # the fallback's text is not the model's
        ),
    ],
)
def test_the_editing_that_is_saved(distances: dict[str, float], phrase: str) -> None:
    figures = {side: {"retail": {"edit_distance": value}} for side, value in distances.items()}
    assert phrase in str(judge("copywrite", Evaluation(figures, {ADAPTER: {}})).editing)


def test_a_task_that_writes_no_text_saves_no_editing() -> None:
    assert judge("classify", evaluation_of(adapter=(0.9, None), prompted=(0.5, 0.001))).editing is None


def test_the_summary_without_a_cheap_baseline() -> None:
    evaluation = evaluation_of(adapter=(0.9, None), prompted=(0.5, 0.001))
    assert "no cheap baseline" in judge("classify", evaluation).summary
