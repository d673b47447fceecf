"""`shoplora fetch | pretrain | train | evaluate`. Called by `shoplora`; heavy imports wait."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markdown import Markdown

from adapters.ontology import Ontology, OntologyError
from adapters.store import Store, StoreError, base_digest, default_base, default_root

if TYPE_CHECKING:
    from training.examples import Example

console = Console()
TaskName = Annotated[str, typer.Argument(help="classify, rewrite, extract or copywrite.")]
Data = Annotated[
    list[Path] | None,
    typer.Option(
        help="JSON Lines of {request, labels}, or a folder that `shoplora data split` "
        "wrote; the public data sets if not given."
    ),
]
Base = Annotated[Path | None, typer.Option(help="Base model's folder; the demo base if not given.")]


def fetch() -> None:
    """Bring the public data sets here: from a mirror, the cache, or GitHub."""
    from training import sources

    try:
        places = sources.fetch()
    except sources.SourceError as error:
        _fail(error)
    console.print(f"{len(places)} files are here and have the listed SHA-256")


def pretrain(
    output: Annotated[
        Path, typer.Option(help="Folder of the run; an unfinished one goes on.")
    ] = Path("runs/base"),
    start: Annotated[
        Path | None, typer.Option(help="A base to go on from, instead of random weights.")
    ] = None,
    tokens: Annotated[int, typer.Option(min=100_000, help="Tokens to train on.")] = 16_000_000,
    hidden: Annotated[int, typer.Option(min=64, help="Hidden size; feed-forward follows.")] = 256,
    layers: Annotated[int, typer.Option(help="Layers.")] = 6,
    seed: Annotated[int, typer.Option(help="Seed of weights and text.")] = 0,
    compile_model: Annotated[
        bool, typer.Option("--compile/--no-compile", help="torch.compile; needs a C++ compiler.")
    ] = True,
) -> None:
    """Train the demo base, from scratch or from an earlier one, on a CPU or a GPU."""
    from training import pretrain as pretraining
    from training.sources import SourceError

    recipe = pretraining.Recipe(
        tokens=tokens, hidden=hidden, layers=layers, feed_forward=hidden * 11 // 4,
        heads=hidden // 64, kv_heads=max(1, hidden // 128), seed=seed,
    )  # fmt: skip
    try:
        folder = pretraining.run(recipe, output, start, compile_model)
    except SourceError as error:
        _fail(error)
    console.print(f"the base is in {folder}; next: `shoplora train TASK --base {folder}`")


def train(
    task: TaskName,
    data: Data = None,
    modules: Annotated[
        str | None, typer.Option(help="Comma-separated: o_proj, down_proj ... or all-linear.")
    ] = None,
    rank: Annotated[int | None, typer.Option(min=1, max=256, help="LoRA rank.")] = None,
    alpha: Annotated[int | None, typer.Option(min=1, help="LoRA alpha.")] = None,
    dropout: Annotated[float | None, typer.Option(min=0, max=0.9, help="LoRA dropout.")] = None,
    lr: Annotated[float | None, typer.Option(min=0, help="Peak learning rate.")] = None,
    epochs: Annotated[float | None, typer.Option(min=0, help="Passes over the data.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Examples in a step.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights and order.")] = None,
    base: Base = None,
    output: Annotated[Path, typer.Option(help="Folder of runs; an unfinished one goes on.")] = Path(
        "runs"
    ),
    store: Annotated[Path | None, typer.Option(help="Store to publish to.")] = None,
) -> None:
    """Train an adapter, evaluate it beside the baselines, publish it and make it live."""
    ontology = _ontology()
    examples = _examples(task, data, ontology)

    from adapters.manifest import Draft  # after the data: what is wrong with it is told at once
    from adapters.tasks import task as find_task
    from training import cards, finetune
    from training.evaluate import ADAPTER, calibrate, evaluate

    given = {"rank": rank, "alpha": alpha, "dropout": dropout, "lr": lr, "epochs": epochs,
             "batch": batch, "seed": seed, "modules": _modules(modules)}  # fmt: skip
    recipe = finetune.recipe_for(task, **{k: v for k, v in given.items() if v is not None})
    folder = base or default_base()
    try:
        run = output / f"{task}-{_run_key(recipe, examples, folder)}"
        adapter = finetune.run(find_task(task), examples, recipe, folder, run, ontology)
    except (finetune.TrainingError, StoreError) as error:
        _fail(error)
    figures = evaluate(find_task(task), examples, folder, adapter, ontology)
    draft = Draft(
        task=task, base_digest=base_digest(folder), ontology_digest=ontology.digest,
        recipe=json.loads(json.dumps(asdict(recipe))), data=cards.data_sources(examples),
        metrics=figures[ADAPTER],
        calibration=calibrate(find_task(task), examples, folder, adapter, ontology),
    )  # fmt: skip
    card = cards.adapter_card(draft, recipe.modules, figures)
    console.print(Markdown(cards.tables(figures)))
    try:
        version = Store(store or default_root()).publish(adapter, draft, card)
    except StoreError as error:
        _fail(error)
    console.print(f"[bold]{version.name}[/] is published and live from the server's next start")


def evaluate(
    task: TaskName,
    adapter: Annotated[
        str | None, typer.Option(help="A version such as classify@1; the live one if not given.")
    ] = None,
    data: Data = None,
    base: Base = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures here.")
    ] = None,
) -> None:
    """An adapter on its test split, beside the prompted base and the cheap baselines."""
    store = Store(default_root())
    try:
        version = store.get(adapter) if adapter else store.live().get(task)
    except StoreError as error:
        _fail(error)
    if version is None or version.manifest.task != task:
        _fail(f"no adapter of {task}: train one with `shoplora train {task}`")
    ontology = _ontology()
    examples = _examples(task, data, ontology)

    from adapters.tasks import task as find_task  # after the data, as in `train`
    from training import cards
    from training.evaluate import evaluate as figures_of

    figures = figures_of(
        find_task(task), examples, base or default_base(), version.folder, ontology
    )
    console.print(f"[bold]{version.name}[/] on its test split")
    console.print(Markdown(cards.tables(figures)))
    if json_file:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _ontology() -> Ontology:
    """The ontology that the server is told of, `SHOPLORA_ONTOLOGY`; the shipped one if none is."""
    try:
        return Ontology.load(os.environ.get("SHOPLORA_ONTOLOGY"))
    except OntologyError as error:
        _fail(error)


def _examples(task: str, files: list[Path] | None, ontology: Ontology) -> list[Example]:
    from adapters.tasks import tasks
    from training import examples
    from training.sources import SourceError

    if task not in tasks():
        _fail(f"no task {task!r}; there are {', '.join(sorted(tasks()))}")
    try:
        if files:
            return _proved([e for file in files for e in examples.load(task, file, ontology)])
        return examples.public(task, ontology)
    except (examples.ExampleError, OSError) as error:
        _fail(error)
    except SourceError as error:
        _fail(f"{error}; or name your own examples with --data FILE, such as "
              f"{examples.SAMPLES / f'{task}.jsonl'}")  # fmt: skip


def _proved(examples: list[Example]) -> list[Example]:
    """The examples, if no text is in two splits: figures on such a split would flatter."""
    from training.data.split import prove, told

    if pairs := prove(examples):
        _fail(f"{told(pairs)}\nsplit them with `shoplora data split FILE --output FOLDER`, "
              "and name the folder with --data")  # fmt: skip
    return examples


def _modules(named: str | None) -> tuple[str, ...] | None:
    from training.finetune import ALL_LINEAR

    if named is None:
        return None
    modules = ALL_LINEAR if named == "all-linear" else tuple(named.split(","))
    if unknown := [m for m in modules if m not in ALL_LINEAR]:
        _fail(f"no module {', '.join(unknown)}; there are {', '.join(ALL_LINEAR)} and all-linear")
    return modules


def _run_key(recipe: Any, examples: list[Example], base: Path) -> str:
    """Eight characters that name a run by its recipe, examples and base: only the same resumes."""
    digest = hashlib.sha256(repr(recipe).encode())
    for example in examples:
        digest.update(repr((example.split, example.request, example.labels)).encode())
    digest.update(base_digest(base).encode())
    return digest.hexdigest()[:8]


def _fail(reason: object) -> NoReturn:
    Console(stderr=True).print(str(reason), style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1)
