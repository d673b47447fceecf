"""Finds the checkpoint that a stopped run resumes from. Called by `training.base.pretrain` and `finetune`."""

from __future__ import annotations

import json
from pathlib import Path


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
