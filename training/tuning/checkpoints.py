"""Writes checkpoints as time passes, and finds the one that a stopped run resumes from.

Called by `training.tuning.finetune`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl

INTERVAL = 300.0  # seconds


class TimedCheckpoints(TrainerCallback):
    """A checkpoint every `INTERVAL` seconds, beside those at the end of an epoch: an epoch may take hours.

    With several processes only those of an epoch's end are written, which all processes reach at the same step.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: TrainerControl, **options: Any) -> None:
        is_epoch_end = float(state.epoch).is_integer() or control.should_training_stop  # saved after the evaluation
        if args.world_size == 1 and not is_epoch_end and time.monotonic() - self._last >= INTERVAL:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: TrainerControl, **options: Any) -> None:
        self._last = time.monotonic()


def last_checkpoint(folder: Path) -> str | None:
    """The latest complete checkpoint in a folder of transformers' Trainer, if any.

    The trainer writes its state last; a checkpoint without it is incomplete and is skipped.
    """
    steps = {
        int(path.name.rpartition("-")[2]): path
        for path in folder.glob("checkpoint-*")
        if path.name.rpartition("-")[2].isdigit()
    }
    complete = (path for _, path in sorted(steps.items(), reverse=True) if _has_state(path))
    return next(map(str, complete), None)


def _has_state(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
