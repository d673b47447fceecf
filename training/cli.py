"""`shoplora fetch`, `train`, `evaluate` and `publish`: parses options and prints results.

The work is done by `training.pipeline` and `training.public`. `shoplora.py` adds these commands. Heavy imports wait
until a command needs them.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markdown import Markdown

from adapters.preload import ensure_preloaded
from training.options import (
    Base,
    Data,
    RecipeFile,
    StoreFolder,
    TaskName,
    fail,
    one_line_errors,
    ontology_of_the_shop,
    shared_settings,
    task_named,
)

if TYPE_CHECKING:
    from adapters.store import Version
    from training.evaluation.results import Evaluation, Verdict

console = Console()
Force = Annotated[
    str | None,
    typer.Option(help="Publish although the quality gate refused it; the reason is stored.", metavar="REASON"),
]


@one_line_errors()
def fetch() -> None:
    """Fetch the public data sets: from a mirror, the cache, or GitHub."""
    from training.public import sources

    console.print(f"{len(sources.fetch())} files are here and have the listed SHA-256")


@one_line_errors()
def train(
    task: TaskName,
    data: Data = None,
    variant: Annotated[str | None, typer.Option(help="A brand voice or tenant: publishes task/variant.")] = None,
    recipe_file: RecipeFile = None,
    modules: Annotated[str | None, typer.Option(help="Comma-separated: o_proj, down_proj ... or all-linear.")] = None,
    rank: Annotated[int | None, typer.Option(min=1, max=256, help="LoRA rank.")] = None,
    alpha: Annotated[int | None, typer.Option(min=1, help="LoRA alpha.")] = None,
    dropout: Annotated[float | None, typer.Option(min=0, max=0.9, help="LoRA dropout.")] = None,
    lr: Annotated[float | None, typer.Option(min=0, help="Peak learning rate.")] = None,
    epochs: Annotated[float | None, typer.Option(min=0, help="Passes over the data.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Examples in a step.")] = None,
    micro_batch: Annotated[
        int | None, typer.Option(min=1, help="Tokens computed at a time; fewer need less memory.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(min=1, help="Tokens of an example; a longer one is left out. The base's context.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights and order.")] = None,
    base: Base = None,
    output: Annotated[Path, typer.Option(help="Folder of runs; an unfinished run is resumed.")] = Path("runs"),
    store: StoreFolder = None,
    force: Force = None,
    report_to: Annotated[
        Literal["none", "tensorboard", "mlflow"], typer.Option(help="Log the training there.")
    ] = "none",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be trained, on what, how long.")] = False,
) -> None:
    """Train an adapter, evaluate it beside the baselines, and publish it unless the quality gate refuses it."""
    ensure_preloaded()
    from training import pipeline
    from training.tuning.recipe import recipe_for

    settings, ontology, of = shared_settings(base, store), ontology_of_the_shop(), task_named(task)
    fields = dict(
        modules=modules,
        rank=rank,
        alpha=alpha,
        dropout=dropout,
        lr=lr,
        epochs=epochs,
        batch=batch,
        seed=seed,
        micro_batch=micro_batch,
        max_length=max_length,
    )
    recipe = recipe_for(task, recipe_file, **{name: value for name, value in fields.items() if value is not None})
    examples = pipeline.load_examples(of, data, ontology, variant)
    if dry_run:
        from adapters.base import base_folder
        from training.tuning import preview

        preview.show(of, examples, recipe, base_folder(settings.base), ontology)
        return
    run = pipeline.train(of, examples, recipe, settings, ontology, output, variant, report_to)
    if run is None:  # another process evaluates and publishes
        return
    _print_evaluation(task, run.evaluation, run.verdict)
    console.print(f"report: {run.report}")
    _print_published(pipeline.publish(run.folder, settings, force))


@one_line_errors()
def publish(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run of `shoplora train`.")],
    force: Force = None,
    store: StoreFolder = None,
    base: Annotated[
        str | None, typer.Option(help="Refuse a run that was not trained on this base; not checked if not given.")
    ] = None,
) -> None:
    """Publish a trained adapter and make it live, unless the quality gate refused it."""
    from training import pipeline

    _print_published(pipeline.publish(run, shared_settings(store=store), force, base))


@one_line_errors()
def evaluate(
    task: TaskName,
    adapter: Annotated[
        str | None, typer.Option(help="A version such as classify@1; the live one if not given.")
    ] = None,
    data: Data = None,
    base: Base = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Evaluate an adapter on its test split, beside the prompted base and the cheap baselines."""
    ensure_preloaded()
    from adapters.store import Store
    from training import pipeline

    settings, ontology, of = shared_settings(base), ontology_of_the_shop(), task_named(task)
    store = Store(settings.store)
    version = store.get(adapter) if adapter else store.live().get(task)
    if version is None or version.manifest.task != task:
        fail(f"no adapter of {task}: train one with `shoplora train {task}`")
    if not version.manifest.calibration.is_current:
        fail(f"the confidence of {version.name} is of an earlier release: train it again with `shoplora train {task}`")
    calibration, variant = version.manifest.calibration, version.manifest.variant
    examples = pipeline.load_examples(of, data, ontology, variant)
    evaluation, verdict = pipeline.evaluate(of, examples, version.folder, calibration, settings, ontology, variant)
    if json_file:
        figures = {
            name: asdict(evaluation)[name] for name in ("figures", "headlines", "classes", "unseen", "confidence")
        }
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    _print_evaluation(task, evaluation, verdict)
    console.print(f"[bold]{version.name}[/] on its test split")


def _print_evaluation(task: str, evaluation: Evaluation, verdict: Verdict) -> None:
    from training.evaluation import cards

    console.print(f"[bold]{verdict.summary}[/]\n")
    console.print(Markdown(cards.intervals(task, evaluation, verdict.editing)))
    console.print(Markdown(cards.unseen(evaluation)))
    console.print(Markdown(cards.tables(evaluation.figures)))


def _print_published(version: Version) -> None:
    console.print(f"[bold]{version.name}[/] is published and live from the server's next start")
