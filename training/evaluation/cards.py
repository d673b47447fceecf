"""Model cards: what a version is, what it was trained on, and its figures beside all other sides', as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from adapters.manifest import DataSource, Draft
from training.evaluation.calibration import BINS, SURE, THRESHOLD
from training.evaluation.evaluate import PROMPTED_TESTED, TESTED
from training.evaluation.results import Evaluation, Verdict
from training.examples import WRITTEN, Example
from training.public.sources import sources
from training.tasks import training_task
from training.tasks.figures import Figures
from training.tasks.synthesis import SOURCE as SYNTHETIC

OWN_LICENCE = "Apache-2.0"
_OWN = {SYNTHETIC: "made by training/tasks/synthesis", WRITTEN.name: "written by hand for this project"}
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
            licence=licences.get(repositories.get(source, ""), OWN_LICENCE if source in _OWN else NO_LICENCE),
            note=_OWN.get(source, ""),
        )
        for source, n in sorted(rows.items())
    ]


def adapter_card(
    draft: Draft,
    modules: Sequence[str],
    cost: Mapping[str, float],
    evaluation: Evaluation,
    verdict: Verdict,
    study: str = "",
) -> str:
    """The card of an adapter: the verdict, recipe, cost of training, data with licences, figures of every side.

    `study`: the page of the transfer study, if there was one.
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
On the test splits, which were not trained on, {TESTED} examples of a source at most and always the same; the prompted
base on {PROMPTED_TESTED} of these, with which the adapter is compared. From `shoplora evaluate {draft.task}`.

{intervals(draft.task, evaluation, verdict.editing)}

{unseen(evaluation)}

{tables(evaluation.figures)}

{study}""".rstrip()
        + "\n"
    )


def study_page(task: str, evaluation: Evaluation, count: int | None) -> str:
    """The page of a transfer study, whose runs had at most `count` training examples each."""
    limit = f" --examples {count}" if count else ""
    return f"""## Each source as a shop that it has not seen
For each source an adapter of the same recipe, trained on all other sources and tested on that one;
from `shoplora study transfer {task}{limit}`.

{intervals(task, evaluation)}

{unseen(evaluation)}

{tables(evaluation.figures)}"""


def unseen(evaluation: Evaluation) -> str:
    """The main figure of each side on the shops that the adapter has not seen; empty where there are none."""
    if not (means := evaluation.unseen_means()):
        return ""
    lines = [
        f"On a shop that it has not seen, the mean over {', '.join(evaluation.unseen)}:",
        "",
        f"| {' | '.join(means)} |",
        "|---" * len(means) + "|",
        f"| {' | '.join(f'{value:.3f}' for value in means.values())} |",
    ]
    return "\n".join(lines)


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
    return "\n".join([*lines, "", *filter(None, (confidence(evaluation), editing))])


def confidence(evaluation: Evaluation) -> str:
    """How far the confidence can be trusted, on known and on unseen sources; empty where there is no answer."""
    if not evaluation.confidence:
        return ""
    lines = [
        f"The confidence ({BINS} bins; at least {SURE}; below {THRESHOLD}):",
        "",
        "| | answers | calibration error | AUC | wrong and sure | to review |",
        "|---|---|---|---|---|---|",
    ]
    for name, r in evaluation.confidence.items():
        auc = "-" if r.auc is None else f"{r.auc:.3f}"
        shares = f"{r.sure_and_wrong:.3f} | {r.reviewed:.3f}"
        lines.append(f"| {name} | {r.answers:,} | {r.error:.3f} | {auc} | {shares} |")
    return "\n".join([*lines, ""])


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
