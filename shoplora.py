"""The command `shoplora`: a table of verbs, each imported from its package when it is asked for.

An image or an installation without one of the packages has the other packages' verbs.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

from adapters.help import examples

# Verb: the function or `typer.Typer` that it runs, and the examples under its help.
VERBS = {
    "serve": (
        "server.cli:serve",
        ["shoplora serve", "shoplora serve --host 0.0.0.0 --port 9000", "shoplora serve --base ~/models/my-qwen3"],
    ),
    "fetch": ("training.cli:fetch", ["shoplora fetch", "SHOPLORA_MIRROR=~/mirror shoplora fetch"]),
    "train": (
        "training.cli:train",
        [
            "shoplora train classify",
            'shoplora train classify --data training/samples/classify.jsonl --force "a first try"',
            "shoplora train copywrite --variant streetwear --data streetwear.jsonl",
            "shoplora train extract --recipe recipe.yaml --dry-run",
            "shoplora train rewrite --modules o_proj,down_proj --rank 8 --lr 0.005 --epochs 2",
        ],
    ),
    "evaluate": (
        "training.cli:evaluate",
        ["shoplora evaluate classify", "shoplora evaluate rewrite --adapter rewrite@1 --json figures.json"],
    ),
    "publish": (
        "training.cli:publish",
        [
            "shoplora publish runs/classify-1a2b3c4d",
            'shoplora publish runs/classify-1a2b3c4d --force "trying it on the staging shop"',
        ],
    ),
    "study": ("training.studies.cli:app", ["shoplora study ablate rewrite", "shoplora study transfer classify"]),
    "bench": (
        "loadtests.bench.cli:bench",
        [
            "shoplora bench",
            "shoplora bench --json bench.json --page bench.md",
            "shoplora bench --sides typed,engine --workloads rewrite --no-parts",
        ],
    ),
    "data": (
        "training.data.cli:app",
        [
            "shoplora data import classify products.csv",
            "shoplora data check classify.jsonl --html check.html",
            "shoplora data split classify.jsonl --output splits",
        ],
    ),
    "adapters": ("adapters.cli:app", ["shoplora adapters list", "shoplora adapters activate classify@2"]),
}


class LazyCommands(Mapping[str, Any]):
    """Click's command of each verb whose package is installed; imported on access."""

    def __getitem__(self, verb: str) -> Any:
        place, lines = VERBS[verb]
        if not _is_installed(verb):
            package = place.partition(".")[0]
            typer.secho(f"`shoplora {verb}` needs the package `{package}`, which is not installed", fg="red", err=True)
            raise typer.Exit(1)
        module, _, attribute = place.partition(":")
        run, epilog = getattr(import_module(module), attribute), examples(*lines)
        parent = typer.Typer(rich_markup_mode="markdown")
        if isinstance(run, typer.Typer):
            parent.add_typer(run, name=verb, epilog=epilog)
        else:
            parent.command(verb, epilog=epilog)(run)
        return typer.main.get_group(parent).commands[verb]

    def __iter__(self) -> Iterator[str]:
        return filter(_is_installed, VERBS)

    def __len__(self) -> int:
        return len(list(self))


def _is_installed(verb: str) -> bool:
    return find_spec(VERBS[verb][0].partition(".")[0]) is not None


class LazyGroup(TyperGroup):
    """The root command."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = LazyCommands()  # type: ignore[assignment]  # never changed


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)


@app.callback()
def main() -> None:
    """Train small LoRA adapters for a shop's language jobs and serve them on one base model."""
