"""What `shoplora` has for training, from `fetch` to `publish`; heavy imports wait."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markdown import Markdown

from adapters.adapter_folder import CARD
from adapters.manifest import channel_of
from adapters.ontology import Ontology
from adapters.store import Store, StoreError, Version, base_digest, default_base, default_root
from training.options import Base, Data, TaskName, examples_of, fail, ontology_of_the_shop, run_key

if TYPE_CHECKING:
    from training.evaluation.evaluate import Evaluation

console = Console()
Force = Annotated[str | None, typer.Option(help="Publish against the gate, for this reason, which is recorded.")]


def fetch() -> None:
    """Bring the public data sets here: from a mirror, the cache, or GitHub."""
    from training.public import sources

    try:
        places = sources.fetch()
    except sources.SourceError as error:
        fail(error)
    console.print(f"{len(places)} files are here and have the listed SHA-256")


def pretrain(
    output: Annotated[Path, typer.Option(help="Folder of the run; an unfinished one goes on.")] = Path("runs/base"),
    start: Annotated[Path | None, typer.Option(help="A base to go on from, instead of random weights.")] = None,
    tokens: Annotated[int, typer.Option(min=100_000, help="Tokens to train on.")] = 16_000_000,
    hidden: Annotated[int, typer.Option(min=64, help="Hidden size; feed-forward follows.")] = 256,
    layers: Annotated[int, typer.Option(help="Layers.")] = 6,
    seed: Annotated[int, typer.Option(help="Seed of weights and text.")] = 0,
    compile_model: Annotated[
        bool, typer.Option("--compile/--no-compile", help="torch.compile; needs a C++ compiler.")
    ] = True,
) -> None:
    """Train the demo base, from scratch or from an earlier one, on a CPU or a GPU."""
    from training.base import pretrain as pretraining
    from training.public.sources import SourceError

    recipe = pretraining.Recipe(
        tokens=tokens,
        hidden=hidden,
        layers=layers,
        feed_forward=hidden * 11 // 4,
        heads=hidden // 64,
        kv_heads=max(1, hidden // 128),
        seed=seed,
    )
    try:
        folder = pretraining.run(recipe, output, start, compile_model)
    except (SourceError, pretraining.RunError) as error:
        fail(error)
    console.print(f"the base is in {folder}; next: `shoplora train TASK --base {folder}`")


def train(
    task: TaskName,
    data: Data = None,
    variant: Annotated[str | None, typer.Option(help="A brand voice or tenant: publishes task/variant.")] = None,
    recipe_file: Annotated[
        Path | None, typer.Option("--recipe", help="YAML of the fields below; these come first.")
    ] = None,
    modules: Annotated[str | None, typer.Option(help="Comma-separated: o_proj, down_proj ... or all-linear.")] = None,
    rank: Annotated[int | None, typer.Option(min=1, max=256, help="LoRA rank.")] = None,
    alpha: Annotated[int | None, typer.Option(min=1, help="LoRA alpha.")] = None,
    dropout: Annotated[float | None, typer.Option(min=0, max=0.9, help="LoRA dropout.")] = None,
    lr: Annotated[float | None, typer.Option(min=0, help="Peak learning rate.")] = None,
    epochs: Annotated[float | None, typer.Option(min=0, help="Passes over the data.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Examples in a step.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights and order.")] = None,
    base: Base = None,
    output: Annotated[Path, typer.Option(help="Folder of runs; an unfinished one goes on.")] = Path("runs"),
    store: Annotated[Path | None, typer.Option(help="Store to publish to.")] = None,
    force: Force = None,
    report_to: Annotated[
        Literal["none", "tensorboard", "mlflow"], typer.Option(help="Follow the training there.")
    ] = "none",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be trained, on what, how long.")] = False,
) -> None:
    """Train an adapter, evaluate it beside the baselines, publish it if the gate lets it."""
    ontology = ontology_of_the_shop()
    examples = examples_of(task, data, ontology, variant)

    from adapters.manifest import Draft  # after the data: what is wrong with it is told at once
    from adapters.tasks import task as find_task
    from training.evaluation import cards, report
    from training.evaluation.evaluate import ADAPTER, calibrate, evaluate
    from training.release import publish as release
    from training.tuning import finetune, preview

    given = {
        "rank": rank,
        "alpha": alpha,
        "dropout": dropout,
        "lr": lr,
        "epochs": epochs,
        "batch": batch,
        "seed": seed,
        "modules": modules,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    folder = base or default_base()
    try:
        recipe = finetune.recipe_for(task, recipe_file, **changes)
        if dry_run:
            preview.show(find_task(task), examples, recipe, folder, ontology)
            return
        name = f"{task}-{variant}" if variant else task
        digest = base_digest(folder)
        run = output / f"{name}-{run_key(recipe, examples, digest)}"
        adapter = finetune.run(find_task(task), examples, recipe, folder, run, ontology, report_to)
    except (finetune.TrainingError, StoreError) as error:
        fail(error)
    if os.environ.get("RANK", "0") != "0":
        return  # of several processes that trained, one evaluates and publishes
    target = Store(store or default_root())
    try:
        live = _comparable(target, channel_of(task, variant), digest, ontology)
    except StoreError as error:
        fail(error)
    fitted = calibrate(find_task(task), examples, folder, adapter, ontology)
    told = evaluate(find_task(task), examples, folder, adapter, ontology, fitted, live)
    draft = Draft(
        task=task,
        variant=variant,
        base_digest=digest,
        ontology_digest=ontology.digest,
        recipe=json.loads(json.dumps(asdict(recipe))),
        data=cards.data_sources(examples),
        metrics=told.figures[ADAPTER],
        calibration=fitted,
    )
    release.keep(run, draft, told, cards.adapter_card(draft, recipe.modules, told))
    page = report.write(run, task, told)
    _show(task, told)
    console.print(f"report: {page}")
    publish(run, force, store, folder)


def publish(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run of `shoplora train`.")],
    force: Force = None,
    store: Annotated[Path | None, typer.Option(help="Store to publish to.")] = None,
    base: Annotated[Path | None, typer.Option(help="Base model's folder, if it was moved after training.")] = None,
) -> None:
    """Make a trained adapter live, unless the gate has reasons against it."""
    from training.release import publish as release

    ontology = ontology_of_the_shop()
    try:
        version = release.publish(run, Store(store or default_root()), ontology, base, force)
    except release.Refused as error:
        fail(f'not published:\n{error}\nto publish it nevertheless: shoplora publish {run} --force "REASON"')
    except StoreError as error:
        fail(error)
    card = (version.folder / CARD).read_text(encoding="utf-8")
    console.print(card.partition(release.BESIDE)[2].strip().splitlines()[0], markup=False)
    console.print(f"[bold]{version.name}[/] is published and live from the server's next start")


def _comparable(store: Store, channel: str, base: str, ontology: Ontology) -> Version | None:
    """The live version, if it is of the same base, by digest, and ontology."""
    version = store.live().get(channel)
    if version is None:
        return None
    made_for = version.manifest.base_digest, version.manifest.ontology_digest
    return version if made_for == (base, ontology.digest) else None


def _show(task: str, told: Evaluation) -> None:
    from training.evaluation import cards
    from training.release import gate

    console.print(f"[bold]{gate.verdict(task, told)}[/]\n")
    console.print(Markdown(cards.intervals(task, told)))
    console.print(Markdown(cards.tables(told.figures)))


def evaluate(
    task: TaskName,
    adapter: Annotated[
        str | None, typer.Option(help="A version such as classify@1; the live one if not given.")
    ] = None,
    data: Data = None,
    base: Base = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """An adapter on its test split, beside the prompted base and the cheap baselines."""
    from adapters.tasks import task as find_task
    from training.evaluation.evaluate import evaluate as figures_of

    store = Store(default_root())
    try:
        version = store.get(adapter) if adapter else store.live().get(task)
    except StoreError as error:
        fail(error)
    if version is None or version.manifest.task != task:
        fail(f"no adapter of {task}: train one with `shoplora train {task}`")
    ontology = ontology_of_the_shop()
    examples = examples_of(task, data, ontology, version.manifest.variant)
    folder = base or default_base()
    try:
        live = _comparable(store, version.manifest.channel, base_digest(folder), ontology)
    except StoreError as error:
        fail(error)
    told = figures_of(
        find_task(task),
        examples,
        folder,
        version.folder,
        ontology,
        version.manifest.calibration,
        None if live == version else live,
    )
    if json_file:
        figures = {name: asdict(told)[name] for name in ("figures", "headlines", "classes")}
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    _show(task, told)
    console.print(f"[bold]{version.name}[/] on its test split")
