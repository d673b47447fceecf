"""What several commands read alike: the ontology, the examples, the key of a run.

Called by `training.cli`, `training.studies.cli` and `training.data.cli`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from adapters.errors import ShopLoraError
from adapters.manifest import VARIANT
from adapters.ontology import Ontology, OntologyError

if TYPE_CHECKING:
    from adapters.tasks.contract import Task
    from training.examples import Example

TaskName = Annotated[str, typer.Argument(help="A task: classify, rewrite ...")]
Data = Annotated[
    list[Path] | None,
    typer.Option(
        help="JSON Lines of {request, labels}, or a folder that `shoplora data split` "
        "wrote; the public data sets if not given."
    ),
]
Base = Annotated[Path | None, typer.Option(help="Base model's folder; the demo base if not given.")]


def ontology_of_the_shop() -> Ontology:
    """The ontology that the server is told of, `SHOPLORA_ONTOLOGY`; the shipped one if none is."""
    try:
        return Ontology.load(os.environ.get("SHOPLORA_ONTOLOGY"))
    except OntologyError as error:
        fail(error)


def task_named(name: str) -> Task[Any, Any]:
    from adapters.tasks import tasks

    if name not in tasks():
        fail(f"no task {name!r}; there are {', '.join(sorted(tasks()))}")
    return tasks()[name]


def examples_of(task: str, files: list[Path] | None, ontology: Ontology, variant: str | None) -> list[Example]:
    from training import examples
    from training.public.sources import SourceError

    if task_named(task).variant_field is None and variant:
        fail(f"{task} has no variants: no field of its requests would name one")
    if variant and not re.fullmatch(VARIANT, variant):
        fail(f"{variant!r} is no variant's name: lower-case letters, digits and hyphens")
    try:
        if files:
            return _proved([e for file in files for e in examples.load(task, file, ontology)])
        return examples.public(task, ontology, variant=variant)
    except (examples.ExampleError, OSError) as error:
        fail(error)
    except SourceError as error:
        fail(f"{error}; or name your own examples with --data FILE, such as {examples.SAMPLES / f'{task}.jsonl'}")


def _proved(examples: list[Example]) -> list[Example]:
    """The examples, if no text is in two splits: figures on such a split would flatter."""
    from training.data.split import leak_message, prove

    if pairs := prove(examples):
        fail(
            f"{leak_message(pairs)}\nsplit them with `shoplora data split FILE --output FOLDER`, "
            "and name the folder with --data"
        )
    return examples


def run_key(recipe: Any, examples: list[Example], base: str) -> str:
    """Eight characters that name a run by its recipe, examples and the base's digest.

    Only the same resumes.
    """
    digest = hashlib.sha256(repr(recipe).encode())
    if recipe.qlora:
        digest.update(b"qlora")
    for example in examples:
        digest.update(repr((example.split, example.request, example.labels)).encode())
    digest.update(base.encode())
    return digest.hexdigest()[:8]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Ends the command with one red line and status 1 on an error that the user can mend. Also a decorator."""
    try:
        yield
    except (ShopLoraError, OSError) as error:
        fail(error)


def fail(reason: object) -> NoReturn:
    said = printable(str(reason))
    Console(stderr=True).print(said, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1)


def printable(message: str) -> str:
    """Half a character, which JSON can hold, would end the command with a traceback."""
    return message.encode("utf-8", "replace").decode("utf-8")
