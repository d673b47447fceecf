"""Whether an evaluated adapter may go live, and what a reader should know first.

Knows the figures of `training.evaluation.evaluate`, no model. `training.cli` publishes what is not refused.
"""

from __future__ import annotations

from training.evaluation.evaluate import ADAPTER, FEW_SHOT, LIVE, ONE_SAMPLE, PROMPTED, Evaluation
from training.evaluation.metrics import main_figure

SIGNIFICANT = 0.05
MARGIN = 0.01  # of the main figure, that a new version may fall behind the live one


def main_source(task: str, evaluation: Evaluation) -> str | None:
    """The source that decides: the task's headline source, else the first."""
    sources = list(evaluation.headlines[ADAPTER])
    named = main_figure(task)[0]
    return named if named in sources else next(iter(sources), None)


def refusals(task: str, evaluation: Evaluation) -> list[str]:
    """Why the adapter may not go live; empty if it may."""
    source = main_source(task, evaluation)
    if source is None:
        return ["there is no test example to judge it by: add examples"]
    told = {side: by_source[source] for side, by_source in evaluation.headlines.items()}
    # The fallback would flatter every side alike, so single samples are compared where there are.
    alone = ONE_SAMPLE if f"{ADAPTER}{ONE_SAMPLE}" in told else ""
    sides = (ADAPTER, PROMPTED, FEW_SHOT, LIVE)
    told = {side: told[f"{side}{alone}"] for side in sides if side in told}
    ours = told[ADAPTER].value
    best = max((side for side in (PROMPTED, FEW_SHOT) if side in told), key=lambda side: told[side].value)
    prompted = told[best]
    reasons = []
    if ours <= prompted.value or (prompted.p or 0.0) >= SIGNIFICANT:
        reasons.append(
            f"{ours:.3f} on {source} is not significantly above the {best}'s "
            f"{prompted.value:.3f} (p = {prompted.p:.2g}): more or better examples may help"
        )
    if (live := told.get(LIVE)) and ours < live.value - MARGIN:
        reasons.append(f"{ours:.3f} on {source} is more than {MARGIN} behind the live version's {live.value:.3f}")
    return reasons


def verdict(task: str, evaluation: Evaluation) -> str:
    """The report's first line: is a cheap baseline as good?"""
    source = main_source(task, evaluation)
    cheap = {
        side: by_source[source]
        for side, by_source in evaluation.headlines.items()
        if source and side not in (PROMPTED, LIVE) and not side.startswith((ADAPTER, PROMPTED))
    }
    if source is None or not cheap:
        return "There is no cheap baseline to compare with."
    ours = evaluation.headlines[ADAPTER][source].value
    name, best = max(cheap.items(), key=lambda item: item[1].value)
    if best.value >= ours or (best.p or 0.0) >= SIGNIFICANT:
        return (
            f"A cheap baseline is as good: {name} has {best.value:.3f} on {source}, the adapter "
            f"{ours:.3f} (p = {best.p:.2g}). You may not need a model for this."
        )
    return (
        f"The adapter's {ours:.3f} on {source} is significantly above the best cheap baseline, "
        f"{name} with {best.value:.3f} (p = {best.p:.2g})."
    )


def editing(evaluation: Evaluation) -> str | None:
    """How much less a text is to be edited than the prompted base's; None where none is written.

    The word-level distance to the reference stands in for an editor. Single samples are compared
    where there are: a fallback's text is no model's.
    """
    figures = evaluation.figures
    alone = ONE_SAMPLE if f"{ADAPTER}{ONE_SAMPLE}" in figures else ""
    told = []
    for source, ours in figures[f"{ADAPTER}{alone}"].items():
        sides = [f"{side}{alone}" for side in (PROMPTED, FEW_SHOT) if f"{side}{alone}" in figures]
        if "edit_distance" in ours and sides:
            best = min(figures[side][source]["edit_distance"] for side in sides)
            less = 1 - ours["edit_distance"] / best if best else 0.0
            told.append(f"{less:.0%} less on {source} ({ours['edit_distance']:.3f} to {best:.3f})")
    if not told:
        return None
    return f"Words to edit, against the better prompted base's text: {'; '.join(told)}."
