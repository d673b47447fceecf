"""`shoplora adapters`: what is published, what is live, and moving a channel.

Knows how a version is shown on a terminal. All work is done by the store of `default_root()` over
the shipped one; `shoplora.py` adds this app to the command.
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
from adapters.help import examples
from adapters.store import Store, StoreError, Version, default_root

HEADLINES = 2

app = typer.Typer(
    help="Shows the adapters' versions and moves channels between them.\n\n"
    "They lie in `SHOPLORA_STORE` (else `.shoplora/store`) and among those that are shipped.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Name = Annotated[str, typer.Argument(help="a version, such as classify@1 or copywrite/street@2")]


_examples = partial(examples, prefix="shoplora adapters ")


@contextmanager
def _store() -> Iterator[Store]:
    """The store; what goes wrong with it ends the command with one red line."""
    try:
        yield Store(default_root())
    except (StoreError, OSError) as error:
        _fail(str(error))
        raise typer.Exit(1) from None


def _fail(message: str) -> None:
    Console(stderr=True).print(f"[red]{escape(message)}[/red]", soft_wrap=True, highlight=False)


def _say(message: str) -> None:
    Console().print(escape(message), soft_wrap=True, highlight=False)


@app.command("list", epilog=_examples("list"))
def list_versions() -> None:
    """All versions: what is live, how large, how good."""
    with _store() as store:
        live = {version.name for version in store.live().values()}
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("name", "id", "live", "rank", "modules", "size", "metrics", "created"):
            table.add_column(column, no_wrap=column != "metrics", overflow="fold")
        for version in store.versions():
            table.add_row(*map(escape, _row(version, version.name in live)))
        Console().print(table)


def _row(version: Version, live: bool) -> list[str]:
    manifest = version.manifest
    size = (version.folder / WEIGHTS).stat().st_size
    return [
        version.name,
        str(manifest.id),
        "yes" if live else "",
        str(manifest.rank),
        "\n".join(manifest.modules),
        f"{size / 1000:,.0f} kB",
        "\n".join(f"{name} {value:.3f}" for name, value in _figures(manifest.metrics)[:HEADLINES]),
        manifest.created[:10],
    ]


def _figures(metrics: dict[str, Any]) -> list[tuple[str, float]]:
    """The fractional figures, in the manifest's order, whatever they are nested in."""
    found: list[tuple[str, float]] = []
    for name, value in metrics.items():
        if isinstance(value, dict):
            found += _figures(value)
        elif isinstance(value, float):
            found.append((name, value))
    return found


@app.command(epilog=_examples("show classify@1"))
def show(name: Name) -> None:
    """A version's manifest, and where its model card lies."""
    with _store() as store:
        version = store.get(name)
        Console().print_json(version.manifest.model_dump_json())
        _say(f"model card: {version.folder / CARD}")


@app.command(epilog=_examples("activate classify@2", "activate copywrite/street@1"))
def activate(name: Name) -> None:
    """Makes a version the live one of its channel."""
    with _store() as store:
        store.activate(name)
        _say(f"{name} is live")


@app.command(epilog=_examples("rollback classify"))
def rollback(channel: Annotated[str, typer.Argument(help="a channel, such as classify")]) -> None:
    """Makes the version live again that was live before."""
    with _store() as store:
        _say(f"{store.rollback(channel).name} is live")


@app.command(epilog=_examples("verify", "verify classify@1"))
def verify(name: Annotated[str | None, typer.Argument(help="a version; all when left out")] = None) -> None:
    """Reads the files again and compares them with what was published; status 1 on damage."""
    with _store() as store:
        names = [name] if name else [version.name for version in store.versions()]
        if not all([_sound(store, each) for each in names]):
            raise typer.Exit(1)


def _sound(store: Store, name: str) -> bool:
    try:
        store.verify(name)
    except StoreError as error:
        _fail(str(error))
        return False
    _say(f"{name} is sound")
    return True
