"""`shoplora ablate` and `shoplora cost`: what a choice is worth before it is made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from adapters.store import StoreError, base_digest, default_base
from training.inputs import Base, Data, TaskName, examples_of, fail, ontology_of_the_shop, run_key

MODULES = "o_proj,down_proj,o_proj+down_proj,qkv,all-linear"
console = Console()


def ablate(
    task: TaskName,
    modules: Annotated[
        str | None,
        typer.Option(
            help=f"Choices of modules; + joins some, qkv and all-linear name some.  [{MODULES}]"
        ),
    ] = None,
    counts: Annotated[
        str | None,
        typer.Option("--examples", help="Numbers of examples; of several, a learning curve."),
    ] = None,
    data: Data = None,
    recipe_file: Annotated[Path | None, typer.Option("--recipe", help="YAML of a recipe.")] = None,
    base: Base = None,
    output: Annotated[Path, typer.Option(help="Folder; finished runs are kept.")] = Path("runs"),
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Measure each on the real engine.")
    ] = True,
) -> None:
    """Train, evaluate and serve one adapter a choice of modules, and recommend one."""
    from adapters.tasks import task as find_task
    from training import ablate as ablation
    from training import finetune
    from training.serving import ServingError

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
    console.print(Markdown(table))
    if by == "modules":
        best = ablation.recommended(found)
        console.print(
            f"recommended: [bold]{best.name}[/], {best.figure:.3f} at {best.megabytes:.2f} MB"
        )
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
    from training import costs
    from training.examples import SAMPLES

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
