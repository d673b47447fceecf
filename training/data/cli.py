"""`shoplora data import | check | split | prove`: from a raw export to splits without leaks.

Parses options and prints; the work is in the modules beside it. `shoplora.py` adds this app.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from adapters.help import examples
from training.options import fail, one_line_errors, ontology_of_the_shop, printable, task_named

if TYPE_CHECKING:
    from training.data.importing import Counts, Importer
    from training.data.reading import Source

app = typer.Typer(
    help="Turns a shop's exports into examples, checks them and splits them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
SHOWN = 10  # unlisted values


def _known_region(name: str) -> str:
    import phonenumbers

    if name not in phonenumbers.SUPPORTED_REGIONS:
        raise typer.BadParameter(f"{name!r} is not a country code such as US")
    return name


_examples = partial(examples, prefix="shoplora data ")


@app.command(
    "import",
    epilog=_examples(
        "import classify products.csv",
        "import classify products.xlsx more.parquet --output products.jsonl",
        "import classify products.csv --output products.jsonl --map products.map.yaml",
        "import extract --sql 'SELECT body AS review, stars FROM reviews' --url sqlite:///shop.db",
    ),
)
@one_line_errors()
def import_(
    task: Annotated[str, typer.Argument(help="A task: classify, rewrite ...")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="CSV, TSV, JSON, JSON Lines, OpenAI chats, Parquet or Excel.")
    ] = None,
    sql: Annotated[str | None, typer.Option(help="A query whose rows are read as well; needs --url.")] = None,
    url: Annotated[str | None, typer.Option(help="The database's URL, as SQLAlchemy writes it.")] = None,
    output: Annotated[Path | None, typer.Option(help="JSON Lines to write; default: TASK.jsonl.")] = None,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", help="YAML of which column is which field; default: guessed, and written beside OUTPUT."),
    ] = None,
) -> None:
    """Read exports into one file of examples; other rows go to OUTPUT.rejects.jsonl, with the reason."""
    from training.data import importing, mapping
    from training.tasks import training_task

    if bool(sql) != bool(url) or not (files or sql):
        fail("name at least one file, or give both --sql and --url")
    training = training_task(task_named(task).name)
    output = output or Path(f"{task}.jsonl")
    rejects, draft = output.with_suffix(".rejects.jsonl"), output.with_suffix(".map.yaml")
    _refuse_to_overwrite([*(files or []), *([map_file] if map_file else [])], [output, rejects])
    with _sources(files or [], sql, url) as sources:
        ontology = ontology_of_the_shop()
        columns = importing.peek(sources)
        if map_file:
            chosen = mapping.read(map_file, training, ontology)
        else:
            chosen = mapping.guess_to_file(training, columns, ontology, draft)
        importing.check_columns(chosen, sources, columns, training, ontology)
        importer = importing.Importer(training, chosen, ontology)
        counts = _import(sources, importer, output, rejects)
    unlisted = list(importing.suggestions(counts, importer.vocabulary))
    if not map_file:
        mapping.write_draft(draft, mapping.as_yaml(chosen, columns, unlisted=unlisted))
    for path, column in chosen.fields.items():
        _print(f"  {path} from {column}")
    for rows, path, value, nearest in unlisted[:SHOWN]:
        hint = f"; near: {nearest!r}" if nearest else ""
        _print(f"  {rows:,} rows: {path} {value!r} is not in the ontology{hint}")
    if counts.recoded:
        _print(f"{counts.recoded:,} lines were not UTF-8 and were read as Windows-1252")
    reasons = f", with reasons, in {rejects}" if counts.rejected else ""
    _print(f"{counts.rows:,} rows: {counts.imported:,} imported to {output}, {counts.rejected:,} rejected{reasons}")
    if not map_file:
        _print(f"review {draft}; after a change import again with --map {draft}")
    if not counts.imported:
        raise typer.Exit(1)


def _import(sources: list[Source], importer: Importer, output: Path, rejects: Path) -> Counts:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from training.data import importing

    rows = TextColumn("{task.fields[rows]:,} rows")
    columns = (TextColumn("{task.description}"), BarColumn(), rows, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        reading = bar.add_task("reading", rows=0, total=None)

        def show(source: Source, counts: Counts) -> None:
            name = Path(source.name).name
            bar.update(reading, description=name, total=source.size, completed=source.done, rows=counts.rows)

        return importing.run(sources, importer, output, rejects, show)


@contextmanager
def _sources(files: list[Path], sql: str | None, url: str | None) -> Iterator[list[Source]]:
    from training.data import query, reading

    sources: list[Source] = []
    try:
        for file in files:
            sources += reading.open_file(file)
        if sql and url:
            sources.append(query.open_query(sql, url))
        yield sources
    finally:
        for source in sources:
            source.close()


@app.command(
    epilog=_examples(
        "check products.jsonl",
        "check products.jsonl --html check.html",
        "check reviews.jsonl --mask reviews.masked.jsonl",
    )
)
@one_line_errors()
def check(
    file: Annotated[Path, typer.Argument(help="JSON Lines of {request, labels}.")],
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report as JSON.")] = None,
    mask: Annotated[Path | None, typer.Option(help="Write the examples without personal data.")] = None,
    region: Annotated[
        str, typer.Option(help="Country whose national telephone numbers are searched for.", callback=_known_region)
    ] = "US",
) -> None:
    """Report defects and warnings of a file of examples; exit status 1 if there are defects."""
    from rich.table import Column, Table

    from training.data import personal
    from training.data import report as reporting
    from training.data.check import check as check_file
    from training.tasks import training_task

    _refuse_to_overwrite([file], [path for path in (html, json_file, mask) if path])
    with Console(stderr=True).status(f"checking {file.name}"):
        report = check_file(file, ontology_of_the_shop(), region)
    if json_file:
        _write_json(json_file, {**asdict(report), "defects": report.defects})
    if html:
        html.write_text(reporting.page(report), encoding="utf-8", errors="replace")
    if mask:
        keep_words = bool(report.examples and training_task(report.task).word_label)
        personal.mask_file(file, mask, region, keep_words)
    table = Table("", Column("count", justify="right"), "finding", "what it means", box=None, pad_edge=False)
    for finding in report.findings:
        kind = "defect" if finding.defect else "warning"
        table.add_row(kind, f"{finding.count:,}", finding.kind, finding.advice)
    Console().print(table)
    _print(f"{report.examples:,} examples of {report.task}, {report.defects:,} defects")
    if report.defects:
        raise typer.Exit(1)


@app.command(
    epilog=_examples(
        "split products.jsonl --output splits", "split products.jsonl --output splits --group-by brand --test 0.1"
    )
)
@one_line_errors()
def split(
    file: Annotated[Path, typer.Argument(help="JSON Lines of {request, labels}.")],
    output: Annotated[Path, typer.Option(help="Folder of the three files.")],
    group_by: Annotated[
        str | None, typer.Option(help="Field of origin or request; examples with the same value stay in one split.")
    ] = None,
    test: Annotated[float, typer.Option(min=0.01, max=0.5, help="Share of the test split.")] = 0.2,
    validation: Annotated[
        float, typer.Option(min=0, max=0.4, help="Share of the validation split, for early stopping.")
    ] = 0.1,
    seed: Annotated[int, typer.Option(help="Another seed gives another split.")] = 0,
) -> None:
    """Write train, validation and test: shares hold within each label, near duplicates stay together."""
    from training.data import split as splitting
    from training.data.records import task_of
    from training.examples import read_records, validated

    with Console(stderr=True).status(f"splitting {file.name}"):
        records = read_records(file)
        task = task_of(records, file)
        examples = validated(task, records, file, ontology_of_the_shop())
        parts = splitting.split(task, examples, test, validation, seed, group_by)
        splitting.write(parts, output)
    for name, part in parts.items():
        _print(f"{len(part):>9,} ({len(part) / len(examples):.1%}) in {output / name}.jsonl")
    _print(f"no leaks; next: `shoplora train {task} --data {output}`")


@app.command(epilog=_examples("prove splits", "prove splits --json leaks.json"))
@one_line_errors()
def prove(
    folder: Annotated[Path, typer.Argument(help="Folder of the three files.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every leaking pair as JSON.")] = None,
) -> None:
    """Compare the splits of a folder again; exit status 1 if a text is in two of them."""
    from training.data import split as splitting
    from training.data.records import task_of
    from training.examples import load, read_records

    with Console(stderr=True).status(f"comparing the splits in {folder}"):
        train = folder / "train.jsonl"
        examples = load(task_of(read_records(train), train), folder, ontology_of_the_shop())
        pairs = splitting.prove(examples)
    if json_file:
        _write_json(json_file, [asdict(pair) for pair in pairs])
    if pairs:
        fail(splitting.leak_message(pairs))
    _print(f"no leaks among {len(examples):,} examples")


def _refuse_to_overwrite(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    written = {path.resolve() for path in outputs}
    for file in inputs:
        if file.resolve() in written:
            fail(f"{file} would be overwritten; name another file to write")


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _print(message: str) -> None:
    Console().print(printable(message), markup=False, highlight=False, soft_wrap=True)
