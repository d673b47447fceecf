"""Model cards: what a version is, what it was trained on, and its figures beside all other sides', as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from adapters.manifest import DataSource, Draft
from training.evaluation.calibration import BINS, calibration_error, confidences
from training.evaluation.results import Evaluation, Verdict
from training.examples import Example
from training.public.sources import sources
from training.tasks import training_task
from training.tasks.figures import Figures
from training.tasks.synthesis import SOURCE as SYNTHETIC

OWN_LICENCE = "Apache-2.0"
NO_LICENCE = "licence not stated"  # of examples given with --data


def data_sources(task: str, examples: Iterable[Example]) -> list[DataSource]:
    """The number of training examples of each source, with its licence."""
    repositories = training_task(task).repositories
    licences = {source.repository: source.licence for source in sources()}
    rows = Counter(example.source for example in examples if example.split == "train")
    return [
        DataSource(
            name=repositories.get(source, source),
            rows=n,
            licence=licences.get(repositories.get(source, ""), OWN_LICENCE if source == SYNTHETIC else NO_LICENCE),
            note="made by training/tasks/synthesis" if source == SYNTHETIC else "",
        )
        for source, n in sorted(rows.items())
    ]


def adapter_card(
    draft: Draft,
    modules: Sequence[str],
    cost: Mapping[str, float],
    evaluation: Evaluation,
    verdict: Verdict,
    on_unseen: str = "",
) -> str:
    """The card of an adapter: the verdict, recipe, cost of training, data with licences, figures of every side.

    `on_unseen`: the page of the transfer study, if there was one.
    """
    recipe = ", ".join(f"{name} {value}" for name, value in draft.recipe.items() if name != "modules")
    data = "\n".join(
        f"- {d.name}, {d.rows:,} training examples, {d.licence}{f' ({d.note})' if d.note else ''}" for d in draft.data
    )
    return (
        f"""# {draft.channel}

{verdict.summary}

A LoRA adapter for ShopLoRA's task `{draft.task}` on the base {draft.base_digest.weights[:12]}.
Modules {", ".join(sorted(modules))}; {recipe}.
Trained in {cost["seconds"] / 60:,.1f} minutes on {cost["tokens"]:,} tokens, with {cost["peak_bytes"] / 1e9:.1f} GB
of memory at most.

## Data
{data}

## Figures
On the test splits, which were not trained on; from `shoplora evaluate {draft.task}`.

{intervals(draft.task, evaluation, verdict.editing)}

{tables(evaluation.figures)}

{on_unseen}""".rstrip()
        + "\n"
    )


def unseen(task: str, evaluation: Evaluation, count: int | None) -> str:
    """The figures of a transfer study, whose runs had at most `count` training examples each."""
    limit = f" --examples {count}" if count else ""
    return f"""## On a shop that it has not seen
For each source an adapter of the same recipe, trained on all other sources and tested on that one;
from `shoplora study transfer {task}{limit}`.

{intervals(task, evaluation)}

{tables(evaluation.figures)}"""


def intervals(task: str, evaluation: Evaluation, editing: str | None = None) -> str:
    """Every side's main figure with its 95% interval, and p against the adapter."""
    figure = training_task(task).headline_figure
    lines = [
        f"The main figure, {figure}, with its 95% interval (bootstrap; p: paired approximate",
        "randomisation against the adapter).",
        "",
        "| source | side | figure | 95% interval | p |",
        "|---|---|---|---|---|",
    ]
    for side, by_source in evaluation.headlines.items():
        for source, headline in by_source.items():
            p = "" if headline.p is None else f"{headline.p:.2g}"
            interval = f"{headline.low:.3f} to {headline.high:.3f}"
            lines.append(f"| {source} | {side} | {headline.value:.3f} | {interval} | {p} |")
    return "\n".join([*lines, "", *filter(None, (_calibration(evaluation), editing))])


def _calibration(evaluation: Evaluation) -> str:
    errors = []
    for source in dict.fromkeys(answer.source for answer in evaluation.answers):
        confidence, right = confidences([a for a in evaluation.answers if a.source == source])
        if len(confidence):
            errors.append(f"{source} {calibration_error(confidence, right):.3f}")
    title = f"Expected calibration error of the confidence, of the model's own answers ({BINS} bins)"
    return f"{title}: {', '.join(errors) or '-'}."


def tables(figures: dict[str, dict[str, Figures]]) -> str:
    """One Markdown table for each source, with a row for each side."""
    names = list(dict.fromkeys(source for by_source in figures.values() for source in by_source))
    return "\n\n".join(_table(source, figures) for source in names)


def _table(source: str, figures: dict[str, dict[str, Figures]]) -> str:
    rows = {side: by_source[source] for side, by_source in figures.items() if source in by_source}
    first = next(iter(rows.values()))
    columns, examples = [c for c in first if c != "examples"], int(first["examples"])
    lines = [f"{source}, {examples:,} examples", "", f"| | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    lines += [f"| {side} | {' | '.join(f'{values[c]:.3f}' for c in columns)} |" for side, values in rows.items()]
    return "\n".join(lines)
