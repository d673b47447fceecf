"""A run killed at any time, started again by the same command, ends with the same weights."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.training.test_finetune import COLORS, EXAMPLES, LEAVES, title

from adapters.adapter_folder import WEIGHTS
from adapters.ontology import Ontology
from adapters.tasks import task
from training.tuning import finetune
from training.tuning.checkpoints import last_checkpoint
from training.tuning.finetune import Recipe

ROOT = Path(__file__).parents[3]
RECIPE = Recipe(rank=2, dropout=0.2, lr=1e-3, epochs=12, batch=4)
# What is held out contradicts what is learnt, so that training stops early.
CONTRADICTED = [
    *EXAMPLES[:15],
    *(title(f"{color} {leaf.lower()}", "Coats", "validation", color="pink") for color in COLORS for leaf in LEAVES),
]


def train(base: str, output: str, held_out: str) -> None:
    """What the process that is killed runs, and what goes on from there."""
    examples = [e for e in EXAMPLES if held_out == "held out" or e.split == "train"]
    finetune.run(task("classify"), examples, RECIPE, Path(base), Path(output), Ontology.load())


def kill_one(base: Path, output: Path, held_out: str) -> None:
    """Start it in a process of its own, and kill that once its first checkpoint is whole."""
    command = "import sys; from tests.training.test_resume import train; train(*sys.argv[1:])"
    arguments = [sys.executable, "-c", command, str(base), str(output), held_out]
    with subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE) as process:
        while process.poll() is None and not last_checkpoint(output / "checkpoints"):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        _, told = process.communicate()
    assert process.returncode == -signal.SIGKILL, told.decode()
    assert not (output / "train.json").exists()


@pytest.mark.parametrize("held_out", ["held out", "nothing held out"])
def test_a_killed_run_ends_with_the_same_bytes(held_out: str, tiny_base: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    kill_one(tiny_base, cut, held_out)
    for run in (whole, cut):
        train(str(tiny_base), str(run), held_out)
    weights = [(run / "adapter" / WEIGHTS).read_bytes() for run in (whole, cut)]
    assert weights[0] == weights[1]
    steps = [json.loads((run / "train.json").read_text())["log"][-1]["step"] for run in (whole, cut)]
    assert steps[0] == steps[1]


def test_a_run_that_had_stopped_early_does_not_go_on(tiny_base: Path, ontology: Ontology, tmp_path: Path) -> None:
    """It was killed between its last checkpoint and the end."""
    recipe = Recipe(rank=2, lr=5e-2, epochs=12, batch=4)

    def again() -> tuple[bytes, float]:
        adapter = finetune.run(task("classify"), CONTRADICTED, recipe, tiny_base, tmp_path, ontology)
        log = json.loads((tmp_path / "train.json").read_text())["log"]
        epochs = max(entry["epoch"] for entry in log)
        return (adapter / WEIGHTS).read_bytes(), epochs

    weights, epochs = again()
    assert epochs < recipe.epochs
    for file in ("train.json", f"adapter/{WEIGHTS}"):
        (tmp_path / file).unlink()
    assert again() == (weights, epochs)
