"""Options that several commands share, and how a command ends with an error.

Imports nothing of training. Called by the modules `cli` of `training`, `training.data` and `training.studies`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from adapters.errors import ShopLoraError
from adapters.ontology import Ontology
from adapters.settings import SharedSettings

if TYPE_CHECKING:
    from adapters.tasks.contract import Task

TaskName = Annotated[str, typer.Argument(help="A task: classify, rewrite ...")]
Data = Annotated[
    list[Path] | None,
    typer.Option(
        help="JSON Lines of {request, labels}, or a folder that `shoplora data split` "
        "wrote; the public data sets if not given."
    ),
]
Base = Annotated[str | None, typer.Option(help="Base model: a folder or a hub name; SHOPLORA_BASE if not given.")]
StoreFolder = Annotated[
    Path | None, typer.Option(help="Folder of your own versions; SHOPLORA_STORE or .shoplora/store if not given.")
]
RecipeFile = Annotated[Path | None, typer.Option("--recipe", help="YAML file of a recipe's fields.")]


def shared_settings(base: str | None = None, store: Path | None = None) -> SharedSettings:
    """The settings that training and serving share; an option wins over its environment variable."""
    options = {"base": base, "store": store}
    return SharedSettings.model_validate({name: value for name, value in options.items() if value is not None})


def ontology_of_the_shop() -> Ontology:
    """The ontology that the server uses too."""
    return Ontology.load(SharedSettings().ontology)


def task_named(name: str) -> Task[Any, Any]:
    """The task of that name; ends the command if there is none."""
    from adapters.tasks import tasks

    if name not in tasks():
        fail(f"no task {name!r}; there are {', '.join(sorted(tasks()))}")
    return tasks()[name]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Ends the command with one red line and status 1 on an error that the user can mend. Also a decorator."""
    try:
        yield
    except ShopLoraError as error:
        fail(error)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else error)


def fail(reason: object) -> NoReturn:
    """Prints the reason in red and ends the command with status 1."""
    Console(stderr=True).print(printable(str(reason)), style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1) from None


def printable(message: str) -> str:
    """The message without lone surrogates, which JSON can hold and a terminal cannot print."""
    return message.encode("utf-8", "replace").decode("utf-8")
