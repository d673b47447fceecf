"""`shoplora adapters`: lists versions, shows one, moves a channel.

Only parses and prints; the store does the work. `shoplora.py` adds this app to the command.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adapters.adapter_folder import CARD, WEIGHTS
from adapters.errors import ShopLoraError
from adapters.help import examples
from adapters.settings import SharedSettings
from adapters.store import Store

FIGURES = 2  # of each version in the list

app = typer.Typer(
    help="Lists the versions of adapters and moves channels between them.\n\n"
    "Your own versions are in `SHOPLORA_STORE` (default `.shoplora/store`); demo versions come with the package.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Name = Annotated[str, typer.Argument(help="A version, such as classify@1, copywrite/street@2 or classify@demo-2.")]


_examples = partial(examples, prefix="shoplora adapters ")


@contextmanager
def _store() -> Iterator[Store]:
    """The store; an error of it ends the command with one red line."""
    try:
        yield Store(SharedSettings().store)
    except (ShopLoraError, OSError) as error:
        _print_error(error)
        raise typer.Exit(1) from None


def _print_error(error: Exception) -> None:
    typer.secho(str(error), fg="red", err=True)


@app.command("list", epilog=_examples("list"))
def list_versions() -> None:
    """Lists all versions with size and main figures, and marks the live ones."""
    with _store() as store:
        live = {version.name for version in store.live().values()}
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("name", "live", "rank", "modules", "size", "metrics", "created"):
            table.add_column(column, no_wrap=column != "metrics", overflow="fold")
        for version in store.versions():
            manifest = version.manifest
            row = [
                version.name,
                "yes" if version.name in live else "",
                str(manifest.rank),
                "\n".join(manifest.modules),
                f"{(version.folder / WEIGHTS).stat().st_size / 1000:,.0f} kB",
                "\n".join(f"{name} {value:.3f}" for name, value in _figures(manifest.metrics)[:FIGURES]),
                manifest.created[:10],
            ]
            table.add_row(*map(escape, row))
        Console().print(table)


def _figures(metrics: dict[str, Any]) -> list[tuple[str, float]]:
    """The fractional figures of nested metrics, in the manifest's order."""
    figures: list[tuple[str, float]] = []
    for name, value in metrics.items():
        if isinstance(value, dict):
            figures += _figures(value)
        elif isinstance(value, float):
            figures.append((name, value))
    return figures


@app.command(epilog=_examples("show classify@demo-2"))
def show(name: Name) -> None:
    """Prints a version's manifest and the path of its model card."""
    with _store() as store:
        version = store.get(name)
        Console().print_json(version.manifest.model_dump_json())
        typer.echo(f"model card: {version.folder / CARD}")


@app.command(epilog=_examples("activate classify@1", "activate copywrite/advisor@demo-1"))
def activate(name: Name) -> None:
    """Makes a version the live one of its channel."""
    with _store() as store:
        store.activate(name)
        typer.echo(f"{name} is live")


@app.command(epilog=_examples("rollback classify"))
def rollback(channel: Annotated[str, typer.Argument(help="A channel, such as classify.")]) -> None:
    """Makes the version live that was live before."""
    with _store() as store:
        typer.echo(f"{store.rollback(channel).name} is live")


@app.command(epilog=_examples("verify", "verify classify@1"))
def verify(name: Annotated[str | None, typer.Argument(help="A version; all if left out.")] = None) -> None:
    """Compares files with their published digests; exit status 1 if one is damaged."""
    with _store() as store:
        damaged = False
        for version in [name] if name else [version.name for version in store.versions()]:
            try:
                store.verify(version)
                typer.echo(f"{version} is sound")
            except ShopLoraError as error:
                damaged = True
                _print_error(error)
        if damaged:
            raise typer.Exit(1)
