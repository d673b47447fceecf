"""A run that is killed and started again by the same command ends with the same weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.adapter_folder import WEIGHTS
from adapters.ontology import Ontology
from adapters.tasks import task
from tests.training.tuning.test_finetune import COLORS, EXAMPLES, LEAVES, title
from training.tuning import checkpoints, finetune
from training.tuning.recipe import Recipe

ROOT = Path(__file__).parents[3]
RECIPE = Recipe(rank=2, dropout=0.2, lr=1e-3, epochs=12, batch=4)
# The validation examples contradict the training examples, so that training stops early.
CONTRADICTED = [
    *EXAMPLES[:15],
    *(title(f"{color} {leaf.lower()}", "Coats", "validation", color="pink") for color in COLORS for leaf in LEAVES),
]


def train(base: str, output: str, held_out: str) -> None:
    examples = [e for e in EXAMPLES if held_out == "held out" or e.split == "train"]
    finetune.run(task("classify"), examples, RECIPE, Path(base), Path(output), Ontology.load())


def train_and_be_killed(base: str, output: str, held_out: str, interval: str) -> None:
    """Train until the first checkpoint is written; then the process kills itself."""
    checkpoints.INTERVAL = float(interval)
    save = finetune.LineTrainer._save_checkpoint

    def save_and_die(*arguments: object, **options: object) -> None:
        save(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    finetune.LineTrainer._save_checkpoint = save_and_die
    train(base, output, held_out)


def killed_run(base: Path, output: Path, held_out: str, interval: float) -> None:
    """A run in a process of its own, killed at its first checkpoint, which is due after `interval` seconds."""
    command = "import sys; from tests.training.tuning.test_resume import *; train_and_be_killed(*sys.argv[1:])"
    arguments = [sys.executable, "-c", command, str(base), str(output), held_out, str(interval)]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # as here, for the same bytes
    process = subprocess.run(arguments, cwd=ROOT, env=one_thread, stderr=subprocess.PIPE, text=True)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert not (output / "train.json").exists()


@pytest.mark.parametrize(
    ("held_out", "interval"),
    [("held out", 300), ("nothing held out", 300), ("held out", 0)],  # 0: after the first step
)
def test_a_killed_run_ends_with_the_same_bytes(held_out: str, interval: float, tiny_base: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    killed_run(tiny_base, killed, held_out, interval)
    for run in (whole, killed):
        train(str(tiny_base), str(run), held_out)
    weights = [(run / "adapter" / WEIGHTS).read_bytes() for run in (whole, killed)]
    assert weights[0] == weights[1]
    logs = [json.loads((run / "train.json").read_text()) for run in (whole, killed)]
    assert logs[0]["log"][-1]["step"] == logs[1]["log"][-1]["step"]
    assert logs[0]["tokens"] == logs[1]["tokens"] > 0
    seconds = [entry["seconds"] for entry in logs[1]["log"]]
    assert seconds == sorted(seconds)  # those before the kill are counted too


def test_a_run_that_had_stopped_early_is_not_trained_further(
    tiny_base: Path, ontology: Ontology, tmp_path: Path
) -> None:
    """It was killed after its last checkpoint and before the result was saved."""
    recipe = Recipe(modules=("o_proj", "down_proj"), rank=2, lr=2e-2, epochs=12, batch=4)

    def weights_and_epochs() -> tuple[bytes, float]:
        adapter = finetune.run(task("classify"), CONTRADICTED, recipe, tiny_base, tmp_path, ontology)
        log = json.loads((tmp_path / "train.json").read_text())["log"]
        epochs = max(entry["epoch"] for entry in log)
        return (adapter / WEIGHTS).read_bytes(), epochs

    weights, epochs = weights_and_epochs()
    assert epochs < recipe.epochs
    for file in ("train.json", f"adapter/{WEIGHTS}"):
        (tmp_path / file).unlink()
    assert weights_and_epochs() == (weights, epochs)
