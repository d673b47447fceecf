"""`shoplora ablate`, `cost` and `matrix`: what a choice is worth, and what it costs elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from adapters.store import Store, StoreError, base_digest, default_base, default_root
from training.options import Base, Data, TaskName, examples_of, fail, ontology_of_the_shop, run_key

MODULES = "o_proj,down_proj,o_proj+down_proj,qkv,all-linear"
console = Console()


def ablate(
    task: TaskName,
    modules: Annotated[
        str | None, typer.Option(help=f"Choices of modules; + joins some, qkv and all-linear name some.  [{MODULES}]")
    ] = None,
    counts: Annotated[
        str | None, typer.Option("--examples", help="Numbers of examples; of several, a learning curve.")
    ] = None,
    data: Data = None,
    recipe_file: Annotated[Path | None, typer.Option("--recipe", help="YAML of a recipe.")] = None,
    base: Base = None,
    output: Annotated[Path, typer.Option(help="Folder; finished runs are kept.")] = Path("runs"),
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Measure each on the real engine.")] = True,
) -> None:
    """Train, evaluate and serve one adapter a choice of modules, and recommend one."""
    from adapters.tasks import task as find_task
    from training.studies import ablate as ablation
    from training.studies.local_server import ServingError
    from training.tuning import finetune

    ontology = ontology_of_the_shop()
    examples = examples_of(task, data, ontology, None)
    folder = base or default_base()
    try:
        recipe = finetune.recipe_for(task, recipe_file)
        by = "examples" if counts and not modules else "modules"
        numbers = [int(n) for n in counts.split(",")] if counts else []
        runs = ablation.planned(recipe, modules if counts else modules or MODULES, numbers)
        key = run_key(recipe, examples, base_digest(folder))
        place = output / f"ablate-{task}-{by}-{key}"
        found = ablation.run(find_task(task), examples, runs, folder, place, ontology, serve)
    except (finetune.TrainingError, ServingError, StoreError, ValueError) as error:
        fail(error)
    table = ablation.table(found)
    (place / "table.md").write_text(table + "\n", encoding="utf-8")
    (place / "report.html").write_text(ablation.page(task, by, found), encoding="utf-8")
    for title, drawn in ablation.plots(task, by, found):
        (place / f"{title.lower().replace(' ', '-')}.svg").write_text(drawn, encoding="utf-8")
    console.print(Markdown(table))
    if by == "modules":
        best = ablation.recommended(found)
        console.print(f"recommended: [bold]{best.name}[/], {best.figure:.3f} at {best.megabytes:.2f} MB")
    console.print(f"report: {place / 'report.html'}")


def cost(
    task: TaskName,
    machine: Annotated[float, typer.Option(min=0, help="Price of an hour of your machine.")],
    rate: Annotated[float, typer.Option(min=0.001, help="Its answers per second; measure them.")],
    input_price: Annotated[float, typer.Option(min=0, help="Hosted: per million tokens read.")],
    output_price: Annotated[float, typer.Option(min=0, help="Hosted: per million written.")],
    data: Data = None,
    base: Base = None,
) -> None:
    """The price of 1,000 answers here and at a hosted model, at the prices you state."""
    from adapters.tasks import task as find_task
    from training.examples import SAMPLES
    from training.studies import cost as costs

    ontology = ontology_of_the_shop()
    examples = examples_of(task, data or [SAMPLES / f"{task}.jsonl"], ontology, None)
    of, folder = find_task(task), base or default_base()
    ours = costs.adapter_tokens(of, examples, folder, ontology)
    theirs = costs.hosted_tokens(of, examples, folder, ontology)
    here = costs.machine_price(machine, rate)
    there = costs.hosted_price(theirs, input_price, output_price)
    table = Table("", "tokens read", "tokens written", "1,000 answers")
    table.add_row("adapter, this machine", f"{ours.read:.0f}", f"{ours.written:.0f}", f"{here:.4f}")
    table.add_row("hosted model", f"{theirs.read:.0f}", f"{theirs.written:.0f}", f"{there:.4f}")
    console.print(table)
    console.print(f"The hosted model costs {there / here:.1f} times as much." if here else "")


def matrix(
    count: Annotated[int, typer.Option("--examples", min=1, help="Test examples a task, at most.")] = 200,
    data: Annotated[
        Path | None, typer.Option(help="Folder with TASK.jsonl, or TASK/ of splits; public data if not given.")
    ] = None,
    base: Base = None,
    store: Annotated[Path | None, typer.Option(help="Store of the live adapters.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with a plot here.")] = None,
) -> None:
    """Every live adapter on every task; status 1 if loading all changes an answer."""
    from training.release.publish import live_on
    from training.studies import matrix as matrices

    ontology, folder = ontology_of_the_shop(), base or default_base()
    try:
        live = live_on(Store(store or default_root()), base_digest(folder))
    except StoreError as error:
        fail(error)
    if not live:
        fail(f"no live adapter is of the base in {folder}")
    samples = {}
    for task in sorted({version.manifest.task for version in live.values()}):
        files = [data / task if (data / task).is_dir() else data / f"{task}.jsonl"] if data else None
        samples[task] = matrices.sample(task, examples_of(task, files, ontology, None), count)
    adapters = {name: version.folder for name, version in live.items()}
    found = matrices.run(folder, adapters, samples, ontology)
    table = Table("", *(f"{task}\n{n} examples" for task, n in found.examples.items()))
    for name, row in found.cells.items():
        table.add_row(name, *(f"{row[task].value:.3f}" for task in found.examples))
    console.print(f"[bold]{matrices.verdict(found)}[/]\n", table)
    if json_file:
        json_file.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
    if html:
        matrices.write(found, html)
    if found.changed:
        raise typer.Exit(1)
