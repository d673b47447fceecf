"""Model cards: what a version is, what it was made from, and its honest figures, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from adapters.manifest import DataSource, Draft
from training.evaluation.evaluate import Evaluation
from training.evaluation.metrics import Figures, calibration_error, main_figure
from training.examples import Example
from training.public.sources import sources
from training.release.gate import editing, verdict

# Where the examples of a source come from.
REPOSITORIES = {
    "fashion": "animmala3942/FashionProductRecommendationSystem",
    "pricerunner": "KelvinLam05/product_classification",
    "retail": "aws-samples/retail-demo-store",
    "queryner": "mdfwg/queryner-kd",
    "dmaste": "NJUNLP/DMASTE",
    "hatn": "hsqmlzno1/HATN",
    "rnnlg": "shawnwun/RNNLG",
}
OWN_LICENCE = "Apache-2.0"
UNTOLD = "licence not stated"  # of examples given with --data


def data_sources(examples: Iterable[Example]) -> list[DataSource]:
    """The training examples by source, with licences."""
    licences = {source.repository: source.licence for source in sources()}
    rows = Counter(example.source for example in examples if example.split == "train")
    return [
        DataSource(
            name=REPOSITORIES.get(source, source),
            rows=n,
            licence=licences.get(REPOSITORIES.get(source, ""), OWN_LICENCE if source == "synthetic" else UNTOLD),
            note="made by training/tasks/synthesis.py" if source == "synthetic" else "",
        )
        for source, n in sorted(rows.items())
    ]


def adapter_card(draft: Draft, modules: Sequence[str], evaluation: Evaluation) -> str:
    """The card of an adapter: verdict, recipe, data with licences, figures of every side."""
    recipe = ", ".join(f"{name} {value}" for name, value in draft.recipe.items() if name != "modules")
    data = "\n".join(
        f"- {d.name}, {d.rows:,} training examples, {d.licence}{f' ({d.note})' if d.note else ''}" for d in draft.data
    )
    return f"""# {draft.channel}

{verdict(draft.task, evaluation)}

A LoRA adapter for ShopLoRA's task `{draft.task}` on the base {draft.base_digest[:12]}.
Modules {", ".join(modules)}; {recipe}.

## Data
{data}

## Figures
On the test splits, none of which was trained on; from `shoplora evaluate {draft.task}`.

{intervals(draft.task, evaluation)}

{tables(evaluation.figures)}
"""


def intervals(task: str, evaluation: Evaluation) -> str:
    """Every side's main figure with its 95% interval, and p against the adapter."""
    figure = main_figure(task)[1]
    lines = [
        f"The main figure, {figure}, with its 95% interval (bootstrap; p: paired approximate",
        "randomisation against the adapter).",
        "",
        "| source | side | figure | 95% interval | p |",
        "|---|---|---|---|---|",
    ]
    for side, by_source in evaluation.headlines.items():
        for source, told in by_source.items():
            p = "" if told.p is None else f"{told.p:.2g}"
            reach = f"{told.low:.3f} to {told.high:.3f}"
            lines.append(f"| {source} | {side} | {told.value:.3f} | {reach} | {p} |")
    return "\n".join([*lines, "", *filter(None, (_calibrated(evaluation), editing(evaluation)))])


def _calibrated(evaluation: Evaluation) -> str:
    sources = dict.fromkeys(answer.source for answer in evaluation.answers)
    errors = []
    for source in sources:
        own = [a for a in evaluation.answers if a.source == source and a.by == "model"]
        if own:
            error = calibration_error([a.confidence for a in own], [a.right for a in own])
            errors.append(f"{source} {error:.3f}")
    return (
        "Expected calibration error of the confidence, of the model's own answers (10 bins): "
        f"{', '.join(errors) or '-'}."
    )


def tables(figures: dict[str, dict[str, Figures]]) -> str:
    """One Markdown table a source, a row a side."""
    names = list(dict.fromkeys(source for by_source in figures.values() for source in by_source))
    return "\n\n".join(_table(source, figures) for source in names)


def _table(source: str, figures: dict[str, dict[str, Figures]]) -> str:
    rows = {side: by_source[source] for side, by_source in figures.items() if source in by_source}
    columns = [c for c in next(iter(rows.values())) if c != "examples"]
    examples = int(next(iter(rows.values()))["examples"])
    lines = [f"{source}, {examples:,} examples", "", f"| | {' | '.join(columns)} |"]
    lines.append("|---|" + "---|" * len(columns))
    for side, values in rows.items():
        lines.append(f"| {side} | {' | '.join(f'{values[c]:.3f}' for c in columns)} |")
    return "\n".join(lines)


def base_card(recipe: dict[str, Any], parameters: int, loss: float) -> str:
    """The card of the demo base."""
    data = "\n".join(
        f"- {repository}: {licence}" for repository, licence in sorted({(s.repository, s.licence) for s in sources()})
    )
    settings = "\n".join(f"- {name}: {value}" for name, value in recipe.items())
    earlier = (
        "It went on from an earlier base, named below by the digest of its weights (`start`).\n"
        if recipe["start"]
        else ""
    )
    return f"""# ShopLoRA demo base

A Qwen3-shaped language model of {parameters / 1e6:.2f}M parameters, trained from scratch with
`shoplora pretrain`: small enough to ship and to serve on a CPU, and far too small for anything but
demonstrating adapters. It has read reviews, titles, queries and product copy, and structure made
from them (`training/base/structure.py`), among it answer lines that the words of the ontology and the
lexicon alone tell (`training/base/weak.py`), never a label of the four tasks' data sets; every
validation and test item was removed. Training loss at the end: {loss:.3f} nats a token.

## Recipe
{earlier}
{settings}

## Data and licences
{data}
"""
