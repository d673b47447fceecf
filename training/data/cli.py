"""`shoplora data import | check | split | prove`: from a raw export to splits without leaks.

Knows options, files and what is printed. Heavy imports wait. `shoplora.py` adds this app.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from adapters.help import examples
from training.options import fail, ontology_of_the_shop, printable, task_named

if TYPE_CHECKING:
    from training.data.importing import Counts, Importer
    from training.data.reading import Source

app = typer.Typer(
    help="Turns what a shop exports into examples, checks them and splits them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Region = Annotated[str, typer.Option(help="Country whose national telephone numbers are known.")]
SHOWN = 10


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
def import_(
    task: Annotated[str, typer.Argument(help="A task: classify, rewrite ...")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="CSV, TSV, JSON, JSON Lines, OpenAI chats, Parquet or Excel.")
    ] = None,
    sql: Annotated[str | None, typer.Option(help="A query to read as well; needs --url.")] = None,
    url: Annotated[str | None, typer.Option(help="The database, as SQLAlchemy writes it.")] = None,
    output: Annotated[Path | None, typer.Option(help="JSON Lines to write; TASK.jsonl if not given.")] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Which column is which field; guessed, and written, if not given.")
    ] = None,
) -> None:
    """Read exports into one file of examples; rows that are none go to OUTPUT.rejects.jsonl."""
    from training.data import importing, mapping

    if bool(sql) != bool(url) or not (files or sql):
        fail("name at least one file, or give both --sql and --url")
    of = task_named(task)
    output = output or Path(f"{of.name}.jsonl")
    rejects, draft = output.with_suffix(".rejects.jsonl"), output.with_suffix(".map.yaml")
    taken = [
        f
        for f in (*(files or []), *([map_file] if map_file else []))
        if f.resolve() in {output.resolve(), rejects.resolve()}
    ]
    if taken:
        fail(f"{taken[0]} would be written over; name another file with --output")
    with _told(), _sources(files or [], sql, url) as sources:
        ontology = ontology_of_the_shop()
        columns = importing.peek(sources)
        if map_file:
            chosen = mapping.read(map_file, of, ontology)
        else:
            chosen = mapping.guess(of, columns, ontology)
            lacking = mapping.missing(chosen, of, ontology)
            if lacking:
                _write_map(draft, mapping.written(chosen, columns, lacking))
                fail(
                    f"no column looks like {' or '.join(lacking)}; there are "
                    f"{', '.join(columns)}: fill {draft} in and pass it with --map"
                )
            _write_map(draft, mapping.written(chosen, columns))
        importing.check_columns(chosen, sources, columns, of, ontology)
        importer = importing.Importer(of, chosen, ontology)
        counts = _import(sources, importer, output, rejects)
        unknown = list(importing.suggestions(counts, importer.vocabulary))
        if not map_file:
            _write_map(draft, mapping.written(chosen, columns, unknown=unknown))
    for path, column in chosen.fields.items():
        _say(f"  {path} from {column}")
    for rows, path, value, near in unknown[:SHOWN]:
        _say(f"  {rows:,} rows: {path} {value!r} is not in the ontology" + (f"; near: {near!r}" if near else ""))
    if counts.recoded:
        _say(f"{counts.recoded:,} lines were not UTF-8 and were read as Windows-1252")
    said = f"{counts.rows:,} rows: {counts.kept:,} kept in {output}, {counts.rejected:,} rejected"
    _say(said + (f", with reasons, in {rejects}" if counts.rejected else ""))
    if not map_file:
        _say(f"review {draft}; after a change import again with --map {draft}")
    if not counts.kept:
        raise typer.Exit(1)


def _import(sources: list[Source], importer: Importer, output: Path, rejects: Path) -> Counts:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from training.data import importing

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task("reading", rows=0, total=None)

        def progress(source: Source, counts: Counts) -> None:
            bar.update(
                shown, description=Path(source.name).name, total=source.size, completed=source.done, rows=counts.rows
            )

        return importing.run(sources, importer, output, rejects, progress)


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


def _write_map(file: Path, text: str) -> None:
    """Keeps what a person has edited: only a guess that is the same is written over."""
    if file.exists():
        before = file.read_text(encoding="utf-8", errors="replace")
        if _settings(before) != _settings(text):
            fail(f"{file} says otherwise than a new guess: pass it with --map, or remove it")
    file.write_text(text, encoding="utf-8", errors="replace")


def _settings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@app.command(
    epilog=_examples(
        "check products.jsonl",
        "check products.jsonl --html check.html",
        "check reviews.jsonl --mask reviews.masked.jsonl",
    )
)
def check(
    file: Annotated[Path, typer.Argument(help="JSON Lines of {request, labels}.")],
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report as JSON.")] = None,
    mask: Annotated[Path | None, typer.Option(help="Write the examples without personal data.")] = None,
    region: Region = "US",
) -> None:
    """Look for what training should not learn; status 1 if there are defects."""
    from rich.table import Table

    from training.data import report as reporting
    from training.data.check import check as find

    if file.resolve() in {path.resolve() for path in (html, json_file, mask) if path}:
        fail(f"{file} would be written over; name another file")
    with _told():
        with Console(stderr=True).status(f"checking {file.name}"):
            report = find(file, ontology_of_the_shop(), _region(region))
        if json_file:
            told = json.dumps({**asdict(report), "defects": report.defects}, indent=2)
            json_file.write_text(told + "\n", encoding="utf-8")
        if html:
            html.write_text(reporting.page(report), encoding="utf-8", errors="replace")
        if mask:
            _mask(file, mask, region, report.task == "rewrite")
    table = Table(box=None, pad_edge=False)
    for column in ("", "count", "finding", "what it means"):
        table.add_column(column, justify="right" if column == "count" else "left")
    for finding in report.findings:
        kind = "defect" if finding.defect else "warning"
        table.add_row(kind, f"{finding.count:,}", finding.kind, finding.told)
    Console().print(table)
    _say(f"{report.examples:,} examples of {report.task}, {report.defects:,} defects")
    if report.defects:
        raise typer.Exit(1)


def _mask(file: Path, output: Path, region: str, keep_words: bool) -> None:
    from training.data import personal, records

    found, broken = records.read(file)
    if broken:
        fail(f"{file.name}:{broken[0][0]}: {broken[0][1]}: nothing is masked")
    with output.open("w", encoding="utf-8", errors="replace") as out:
        for record in found:
            told = personal.mask_all(record.told, region, keep_words)
            out.write(json.dumps(told, ensure_ascii=False) + "\n")


def _region(name: str) -> str:
    import phonenumbers

    if name not in phonenumbers.SUPPORTED_REGIONS:
        raise typer.BadParameter(f"{name!r} is no country code such as US", param_hint="--region")
    return name


@app.command(
    epilog=_examples(
        "split products.jsonl --output splits", "split products.jsonl --output splits --group-by brand --test 0.1"
    )
)
def split(
    file: Annotated[Path, typer.Argument(help="JSON Lines of {request, labels}.")],
    output: Annotated[Path, typer.Option(help="Folder of the three files.")],
    group_by: Annotated[str | None, typer.Option(help="Field of origin or request that must not be parted.")] = None,
    test: Annotated[float, typer.Option(min=0.01, max=0.5, help="Share of the test split.")] = 0.2,
    validation: Annotated[float, typer.Option(min=0, max=0.4, help="Share kept from training to stop early by.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Another seed is another split.")] = 0,
) -> None:
    """Write train, validation and test: by label in proportion, near duplicates together."""
    from training import examples as typed_examples
    from training.data import records
    from training.data import split as splitting

    with _told(), Console(stderr=True).status(f"splitting {file.name}"):
        found, broken = records.read(file)
        if broken:
            fail(f"{file.name}:{broken[0][0]}: {broken[0][1]}; look with `shoplora data check`")
        task = records.task_of(found, file)
        read = typed_examples.read(task, file, ontology_of_the_shop())
        parts = splitting.split(task, read, test, validation, seed, group_by)
        splitting.write(parts, output)
    for name, part in parts.items():
        _say(f"{len(part):>9,} ({len(part) / len(read):.1%}) in {output / name}.jsonl")
    _say(f"no leaks; next: `shoplora train {task} --data {output}`")


@app.command(epilog=_examples("prove splits", "prove splits --json leaks.json"))
def prove(
    folder: Annotated[Path, typer.Argument(help="Folder of the three files.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every leaking pair as JSON.")] = None,
) -> None:
    """Compare the splits of a folder again; status 1 if a text is in two of them."""
    from training import examples as typed_examples
    from training.data import records
    from training.data import split as splitting

    with _told(), Console(stderr=True).status(f"comparing the splits in {folder}"):
        found, _ = records.read(folder / "train.jsonl")
        task = records.task_of(found, folder / "train.jsonl")
        read = typed_examples.load(task, folder, ontology_of_the_shop())
        pairs = splitting.prove(read)
        if json_file:
            told = json.dumps([asdict(pair) for pair in pairs], indent=2)
            json_file.write_text(told + "\n", encoding="utf-8")
    if pairs:
        fail(splitting.told(pairs))
    _say(f"no leaks among {len(read):,} examples")


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong with a file ends the command with its message."""
    from training.data.mapping import MappingError
    from training.data.reading import ReadingError
    from training.data.records import RecordError
    from training.data.split import SplitError
    from training.examples import ExampleError

    try:
        yield
    except (MappingError, ReadingError, RecordError, SplitError, ExampleError, OSError) as error:
        fail(error)


def _say(message: str) -> None:
    Console().print(printable(message), markup=False, highlight=False, soft_wrap=True)
