"""`shoplora study`: parses options and prints what the studies measured.

`shoplora.py` adds this app to the command. Heavy imports wait until a command needs them.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from adapters.adapter_folder import CARD
from adapters.base import base_digest, base_folder
from adapters.help import examples as help_examples
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

MODULES = "o_proj,down_proj,o_proj+down_proj,qkv,all-linear"
console = Console()
app = typer.Typer(
    help="Measures what choices, labels and adapters are worth, before you pay for them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
_examples = partial(help_examples, prefix="shoplora study ")


@app.command(
    epilog=_examples(
        "ablate rewrite",
        "ablate rewrite --modules o_proj,o_proj+down_proj,all-linear --no-serve",
        "ablate classify --examples 100,250,500,1000,2000",
    )
)
@one_line_errors()
def ablate(
    task: TaskName,
    modules: Annotated[
        str | None, typer.Option(help=f"Choices of modules; + joins some, qkv and all-linear name some.  [{MODULES}]")
    ] = None,
    counts: Annotated[
        str | None, typer.Option("--examples", help="Numbers of examples; several make a learning curve.")
    ] = None,
    data: Data = None,
    recipe_file: RecipeFile = None,
    base: Base = None,
    output: Annotated[Path, typer.Option(help="Folder of runs; finished ones are not repeated.")] = Path("runs"),
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Measure each on the real engine.")] = True,
) -> None:
    """Train, evaluate and serve one adapter for each choice of modules, and recommend one."""
    ensure_preloaded()
    from training.pipeline import load_examples
    from training.tuning.recipe import recipe_for, run_key

    try:
        numbers = [int(number) for number in counts.split(",")] if counts else []
        if any(number < 1 for number in numbers):  # a negative number would leave out the last ones
            raise ValueError
    except ValueError:
        raise typer.BadParameter(f"{counts!r} is not a list of numbers from 1", param_hint="--examples") from None
    of, ontology = task_named(task), ontology_of_the_shop()
    examples = load_examples(of, data, ontology)
    recipe, folder = recipe_for(task, recipe_file), base_folder(shared_settings(base).base)

    from training.studies import ablate as ablation

    by = "examples" if counts and not modules else "modules"
    runs = ablation.planned(recipe, modules if counts else modules or MODULES, numbers)
    place = output / f"ablate-{task}-{by}-{run_key(recipe, examples, base_digest(folder))}"
    choices = ablation.run(of, examples, runs, folder, place, ontology, serve)
    table = ablation.table(choices)
    (place / "table.md").write_text(table + "\n", encoding="utf-8")
    (place / "report.html").write_text(ablation.page(task, by, choices), encoding="utf-8")
    for title, svg in ablation.plots(task, by, choices):
        (place / f"{title.lower().replace(' ', '-')}.svg").write_text(svg, encoding="utf-8")
    console.print(Markdown(table))
    if by == "modules":
        best = ablation.recommended(choices)
        console.print(f"recommended: [bold]{best.name}[/], {best.figure:.3f} at {best.megabytes:.2f} MB")
    console.print(f"report: {place / 'report.html'}")


@app.command(epilog=_examples("cost classify --machine 0.40 --rate 50 --input-price 0.15 --output-price 0.60"))
@one_line_errors()
def cost(
    task: TaskName,
    machine: Annotated[float, typer.Option(min=0, help="Price of an hour of your machine.")],
    rate: Annotated[float, typer.Option(min=0.001, help="Its answers per second; measure them.")],
    input_price: Annotated[float, typer.Option(min=0, help="Hosted: per million tokens read.")],
    output_price: Annotated[float, typer.Option(min=0, help="Hosted: per million tokens written.")],
    data: Data = None,
    base: Base = None,
) -> None:
    """Compare the price of 1,000 answers here and at a hosted model, at the prices you state."""
    from training.examples import SAMPLES
    from training.pipeline import load_examples
    from training.studies import cost as costs

    of, ontology = task_named(task), ontology_of_the_shop()
    examples = load_examples(of, data or [SAMPLES / f"{task}.jsonl"], ontology)
    folder = base_folder(shared_settings(base).base)
    adapter = costs.adapter_tokens(of, examples, folder, ontology)
    hosted = costs.hosted_tokens(of, examples, folder, ontology)
    adapter_price = costs.machine_price(machine, rate)
    hosted_price = costs.hosted_price(hosted, input_price, output_price)
    table = Table("", "tokens read", "tokens written", "1,000 answers")
    table.add_row("adapter, this machine", f"{adapter.read:.0f}", f"{adapter.written:.0f}", f"{adapter_price:.4f}")
    table.add_row("hosted model", f"{hosted.read:.0f}", f"{hosted.written:.0f}", f"{hosted_price:.4f}")
    console.print(table)
    console.print(f"The hosted model costs {hosted_price / adapter_price:.1f} times as much." if adapter_price else "")


@app.command(epilog=_examples("transfer classify", "transfer extract --examples 2000"))
@one_line_errors()
def transfer(
    task: TaskName,
    count: Annotated[
        int | None, typer.Option("--examples", min=1, help="Training examples of each run, at most; all if not given.")
    ] = None,
    data: Data = None,
    recipe_file: RecipeFile = None,
    base: Base = None,
    output: Annotated[Path, typer.Option(help="Folder of runs; finished ones are not repeated.")] = Path("runs"),
) -> None:
    """Train on all shops but one and evaluate on that one, for each in turn: what another shop may expect."""
    ensure_preloaded()
    from training.pipeline import load_examples
    from training.tuning.recipe import recipe_for, run_key

    of, ontology = task_named(task), ontology_of_the_shop()
    examples = load_examples(of, data, ontology)
    recipe, folder = recipe_for(task, recipe_file), base_folder(shared_settings(base).base)

    from training.evaluation import cards
    from training.studies import transfer as transfers

    place = transfers.folder_of(output, task, run_key(recipe, examples, base_digest(folder)))
    evaluation = transfers.run(of, examples, recipe, folder, place, ontology, count)
    page = cards.study_page(task, evaluation, count)
    (place / CARD).write_text(page + "\n", encoding="utf-8")
    console.print(Markdown(page))
    console.print(f"report: {place / CARD}; `shoplora train {task}` copies it into the model card")


@app.command(epilog=_examples("matrix", "matrix --examples 50 --json matrix.json --html matrix.html"))
@one_line_errors()
def matrix(
    count: Annotated[int, typer.Option("--examples", min=1, help="Test examples a task, at most.")] = 200,
    data: Annotated[
        Path | None, typer.Option(help="Folder with TASK.jsonl, or TASK/ of splits; public data if not given.")
    ] = None,
    base: Base = None,
    store: StoreFolder = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with a plot here.")] = None,
) -> None:
    """Evaluate every live adapter on every task; status 1 if loading all of them changes an answer."""
    ensure_preloaded()
    from adapters.store import Store
    from training.pipeline import load_examples
    from training.studies import matrix as matrices
    from training.studies.sampling import sample_test_split

    settings, ontology = shared_settings(base, store), ontology_of_the_shop()
    folder = base_folder(settings.base)
    digest = base_digest(folder)
    live = [v for v in Store(settings.store).live().values() if not v.manifest.base_digest.difference(digest)]
    if not live:
        fail(f"no live adapter is of the base in {folder}")
    samples = {}
    for task in sorted({version.manifest.task for version in live}):
        files = [data / task if (data / task).is_dir() else data / f"{task}.jsonl"] if data else None
        samples[task] = sample_test_split(task, load_examples(task_named(task), files, ontology), count)
    result = matrices.run(folder, {version.name: version.folder for version in live}, samples, ontology)
    table = Table("", *(f"{task}\n{n} examples" for task, n in result.examples.items()))
    for name, scores in result.cells.items():
        table.add_row(name, *(f"{scores[task].value:.3f}" for task in result.examples))
    console.print(f"[bold]{matrices.verdict(result)}[/]\n", table)
    if json_file:
        json_file.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    if html:
        matrices.write(result, html)
    if result.changed:
        raise typer.Exit(1)
