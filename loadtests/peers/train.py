"""The peers' JSON adapters, trained as the project trains its own.

    LD_PRELOAD=$(python -m server.engine.preload) python -m loadtests.peers.train classify

Same base, recipe and public examples, in one epoch and fewer of them: meant for JSON of the right
length, which is what decoding costs, not for good answers. Those in the repository have seen 6,000
examples of classify and of rewrite, 3,000 of extract and 2,000 of copywrite (`--count`).
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from safetensors.torch import load_file, save_file

from adapters.adapter_folder import CONFIG, WEIGHTS, base_digest, read_config
from adapters.store import default_base
from loadtests.peers import as_json
from training.options import TaskName, examples_of, ontology_of_the_shop, run_key
from training.tuning import finetune

ADAPTERS = Path(__file__).with_name("adapters")


def main(
    task: TaskName, count: Annotated[int, typer.Option(min=1, help="Examples to train on, at most.")] = 6_000
) -> None:
    """Train a task's JSON adapter and put it among the peers' adapters."""
    ontology, base = ontology_of_the_shop(), default_base()
    whole = [e for e in examples_of(task, None, ontology, None) if e.known_fields is None]
    train = [e for e in whole if e.split == "train"]
    examples = [
        replace(e, labels=as_json.AsJson(task).complete(e.labels, e.request, ontology))
        for e in random.Random(0).sample(train, min(count, len(train)))
    ]
    recipe = finetune.recipe_for(task, epochs=1.0)
    run = Path("runs", f"json-{task}-{run_key(recipe, examples, base_digest(base))}")
    keep(finetune.run(as_json.AsJson(task), examples, recipe, base, run, ontology), ADAPTERS / task)


def keep(trained: Path, folder: Path) -> None:
    """What serving needs of an adapter, in half its bytes and without a path of this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: w.to(torch.bfloat16) for name, w in load_file(trained / WEIGHTS).items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    config = json.dumps(read_config(trained / CONFIG), indent=2, sort_keys=True)
    (folder / CONFIG).write_text(config + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
