"""The quality gate: whether an evaluated adapter may go live, and how it compares with cheaper ways.

Reads the figures of an evaluation; loads no model. Called once for each evaluation, by `training.pipeline`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from training.evaluation.results import ADAPTER, FEW_SHOT, LIVE, ONE_SAMPLE, PROMPTED, Evaluation, Verdict
from training.tasks import training_task

T = TypeVar("T")
SIGNIFICANT = 0.05
MARGIN = 0.01  # of the main figure, that a new version may fall behind the live one


def judge(task: str, evaluation: Evaluation, study: Evaluation | None = None) -> Verdict:
    """The verdict on the evaluation of an adapter of the task of that name.

    `study`: of transfer, on each source in turn, if there was one; its unseen sources are judged as the others are.
    """
    source = _main_source(task, evaluation)
    refusals = _refusals(source, evaluation)
    for evaluated in (evaluation, *([study] if study else [])):
        refusals += _unseen_refusals(evaluated)
    return Verdict(refusals, _summary(source, evaluation), _editing(evaluation))


def _main_source(task: str, evaluation: Evaluation) -> str | None:
    """The source that decides: the task's headline source, else the first."""
    sources = list(evaluation.headlines[ADAPTER])
    headline_source = training_task(task).headline_source
    return headline_source if headline_source in sources else next(iter(sources), None)


def _refusals(source: str | None, evaluation: Evaluation) -> list[str]:
    """Why the adapter may not go live; empty if it may."""
    if source is None:
        return ["there is no test example to judge it by: add examples"]
    headlines = {side: by_source[source] for side, by_source in _compared(evaluation.headlines).items()}
    adapter = headlines[ADAPTER].value
    best_side = max((side for side in (PROMPTED, FEW_SHOT) if side in headlines), key=lambda s: headlines[s].value)
    prompted = headlines[best_side]
    reasons = []
    if adapter <= prompted.value or (prompted.p or 0.0) >= SIGNIFICANT:
        reasons.append(
            f"{adapter:.3f} on {source} is not significantly above the {best_side}'s "
            f"{prompted.value:.3f} (p = {prompted.p:.2g}): more or better examples may help"
        )
    if (live := headlines.get(LIVE)) and adapter < live.value - MARGIN:
        reasons.append(f"{adapter:.3f} on {source} is more than {MARGIN} behind the live version's {live.value:.3f}")
    return reasons


def _unseen_refusals(evaluation: Evaluation) -> list[str]:
    """Whether a cheap baseline is better on unseen sources, by the mean of the main figure over them."""
    means = evaluation.unseen_means()
    cheap = {side: value for side, value in means.items() if _is_cheap(side)}
    if not cheap or means[ADAPTER] >= max(cheap.values()):
        return []
    best = max(cheap, key=lambda side: cheap[side])
    return [f"{means[ADAPTER]:.3f} on shops that it has not seen is behind {best} with {cheap[best]:.3f}"]


def _is_cheap(side: str) -> bool:
    return side not in (PROMPTED, LIVE) and not side.startswith((ADAPTER, PROMPTED))


def _compared(by_side: Mapping[str, T]) -> dict[str, T]:
    """What there is of each compared side: of single samples where there are any.

    The fallback's text is not the model's and would flatter every side alike.
    """
    suffix = ONE_SAMPLE if f"{ADAPTER}{ONE_SAMPLE}" in by_side else ""
    sides = (ADAPTER, PROMPTED, FEW_SHOT, LIVE)
    return {side: by_side[f"{side}{suffix}"] for side in sides if f"{side}{suffix}" in by_side}


def _summary(source: str | None, evaluation: Evaluation) -> str:
    """The report's first line: is a cheap baseline as good?"""
    cheap = {side: by_source[source] for side, by_source in evaluation.headlines.items() if source and _is_cheap(side)}
    if source is None or not cheap:
        return "There is no cheap baseline to compare with."
    adapter = evaluation.headlines[ADAPTER][source].value
    name, best = max(cheap.items(), key=lambda item: item[1].value)
    if best.value >= adapter or (best.p or 0.0) >= SIGNIFICANT:
        return (
            f"A cheap baseline is as good: {name} has {best.value:.3f} on {source}, the adapter "
            f"{adapter:.3f} (p = {best.p:.2g}). You may not need a model for this."
        )
    return (
        f"The adapter's {adapter:.3f} on {source} is significantly above the best cheap baseline, "
        f"{name} with {best.value:.3f} (p = {best.p:.2g})."
    )


def _editing(evaluation: Evaluation) -> str | None:
    """How many fewer words need editing than in the prompted base's text; None if the task writes no text.

    The word-level edit distance to the reference stands in for an editor's work.
    """
    figures = _compared(evaluation.figures)
    prompted = [figures[side] for side in (PROMPTED, FEW_SHOT) if side in figures]
    savings = []
    for source, adapter in figures[ADAPTER].items():
        if "edit_distance" in adapter and prompted:
            best = min(side[source]["edit_distance"] for side in prompted)
            saved = 1 - adapter["edit_distance"] / best if best else 0.0
            savings.append(f"{saved:.0%} less on {source} ({adapter['edit_distance']:.3f} to {best:.3f})")
    if not savings:
        return None
    return f"Words to edit, against the better prompted base's text: {'; '.join(savings)}."
