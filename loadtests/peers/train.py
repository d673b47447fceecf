"""The peers' JSON adapters, trained as the project trains its own.

    LD_PRELOAD=$(python -m adapters.preload) python -m loadtests.peers.train classify

Same base, recipe and public examples, but one epoch and fewer examples: the JSON has the right length, which
determines the cost of decoding; the answers need not be good. The adapters in the repository were trained on 600
examples of each task (`--count`).
"""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from adapters.adapter_folder import CONFIG, WEIGHTS, read_config
from adapters.base import base_digest, base_folder
from adapters.settings import SharedSettings
from loadtests.peers.as_json import JSON_TASKS
from training.options import TaskName, ontology_of_the_shop, task_named
from training.pipeline import load_examples
from training.tuning import finetune
from training.tuning.recipe import recipe_for, run_key

ADAPTERS = Path(__file__).with_name("adapters")


def main(
    task: TaskName, count: Annotated[int, typer.Option(min=1, help="Examples to train on, at most.")] = 6_000
) -> None:
    """Train a task's JSON adapter and copy it to the peers' adapters."""
    ontology, json_task = ontology_of_the_shop(), JSON_TASKS[task]
    public = load_examples(task_named(task), None, ontology)
    train = [e for e in public if e.split == "train" and e.known_fields is None]
    examples = [
        replace(e, labels=json_task.complete(e.labels, e.request, ontology))
        for e in random.Random(0).sample(train, min(count, len(train)))
    ]
    recipe = recipe_for(task, epochs=1.0)
    base = base_folder(SharedSettings().base)
    run = Path("runs", f"json-{task}-{run_key(recipe, examples, base_digest(base))}")
    copy_for_serving(finetune.run(json_task, examples, recipe, base, run, ontology), ADAPTERS / task)


def copy_for_serving(trained: Path, folder: Path) -> None:
    """Copies an adapter's configuration and weights, without a path of this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(trained / WEIGHTS, folder / WEIGHTS)
    config = json.dumps(read_config(trained / CONFIG), indent=2, sort_keys=True)
    (folder / CONFIG).write_text(config + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
