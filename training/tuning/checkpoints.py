"""Where a run that was stopped goes on. Called by `training.base.pretrain` and `training.tuning.finetune`."""

from __future__ import annotations

import json
from pathlib import Path


def last_checkpoint(folder: Path) -> str | None:
    """The latest whole checkpoint in a folder of transformers' Trainer.

    The trainer writes its state last, so a checkpoint without one was cut short and is passed over.
    """
    steps = {
        int(path.name.rpartition("-")[2]): path
        for path in folder.glob("checkpoint-*")
        if path.name.rpartition("-")[2].isdigit()
    }
    whole = (path for _, path in sorted(steps.items(), reverse=True) if _has_state(path))
    return next(map(str, whole), None)


def _has_state(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
