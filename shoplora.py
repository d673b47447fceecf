"""The command `shoplora`: one sub-command a verb, each from the package that does the work.

Nothing heavy is imported here or at the top of the modules named here, so `--help` is instant.
"""

import typer

import adapters.cli
import loadtests.bench.cli
import server.cli
import training.cli
import training.data.cli
import training.studies.cli
from adapters.help import examples

app = typer.Typer(
    name="shoplora",
    help="Train small LoRA adapters for a shop's language jobs and serve them on one base model.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)


app.command(
    epilog=examples(
        "shoplora serve", "shoplora serve --host 0.0.0.0 --port 9000", "shoplora serve --base ~/models/my-qwen3"
    )
)(server.cli.serve)
app.command(epilog=examples("shoplora fetch", "SHOPLORA_MIRROR=~/mirror shoplora fetch"))(training.cli.fetch)
app.command(
    epilog=examples(
        "shoplora pretrain", "shoplora pretrain --output runs/larger --tokens 40000000 --hidden 384 --layers 8"
    )
)(training.cli.pretrain)
app.command(
    epilog=examples(
        "shoplora train classify",
        'shoplora train classify --data training/samples/classify.jsonl --force "a first try"',
        "shoplora train copywrite --variant streetwear --data streetwear.jsonl",
        "shoplora train extract --recipe recipe.yaml --dry-run",
        "shoplora train rewrite --modules o_proj,down_proj --rank 8 --lr 0.005 --epochs 2",
    )
)(training.cli.train)
app.command(
    epilog=examples("shoplora evaluate classify", "shoplora evaluate rewrite --adapter rewrite@1 --json figures.json")
)(training.cli.evaluate)
app.command(
    epilog=examples(
        "shoplora publish runs/classify-1a2b3c4d",
        'shoplora publish runs/classify-1a2b3c4d --force "trying it on the staging shop"',
    )
)(training.cli.publish)
app.command(
    epilog=examples(
        "shoplora ablate rewrite",
        "shoplora ablate rewrite --modules o_proj,o_proj+down_proj,all-linear --no-serve",
        "shoplora ablate classify --examples 100,250,500,1000,2000",
    )
)(training.studies.cli.ablate)
app.command(epilog=examples("shoplora cost classify --machine 0.40 --rate 50 --input-price 0.15 --output-price 0.60"))(
    training.studies.cli.cost
)
app.command(epilog=examples("shoplora matrix", "shoplora matrix --examples 50 --json matrix.json --html matrix.html"))(
    training.studies.cli.matrix
)
app.command(
    epilog=examples(
        "shoplora bench",
        "shoplora bench --json bench.json --page bench.md",
        "shoplora bench --sides typed,engine --workloads rewrite --no-parts",
    )
)(loadtests.bench.cli.bench)
app.add_typer(
    training.data.cli.app,
    name="data",
    epilog=examples(
        "shoplora data import classify products.csv",
        "shoplora data check classify.jsonl --html check.html",
        "shoplora data split classify.jsonl --output splits",
    ),
)
app.add_typer(
    adapters.cli.app,
    name="adapters",
    epilog=examples("shoplora adapters list", "shoplora adapters activate classify@2"),
)
