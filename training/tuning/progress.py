"""What training costs while it runs: a progress bar with tokens/s, the seconds and the peak memory.

Called by `finetune` and `preview`.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerState


class Meter(TrainerCallback):
    """Draws the bar and adds `seconds` and `peak_bytes` to each entry of the log, also across interruptions."""

    def __init__(self, tokens: int) -> None:
        """`tokens`: of all epochs, without padding."""
        columns = [TextColumn("{task.fields[rate]:,.0f} tokens/s"), TimeRemainingColumn(elapsed_when_finished=True)]
        self._bar = Progress(TextColumn("training"), BarColumn(), *columns, TextColumn("{task.fields[loss]}"))
        self._task = self._bar.add_task("", total=tokens, rate=0.0, loss="")
        self._began, self._tokens_before, self._seconds_before, self._peak = time.monotonic(), 0, 0.0, 0

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **options: Any) -> None:
        if state.log_history:
            self._seconds_before, self._peak = (state.log_history[-1][name] for name in ("seconds", "peak_bytes"))
        self._began, self._tokens_before = time.monotonic(), state.num_input_tokens_seen
        if state.is_world_process_zero:
            self._bar.start()

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **options: Any) -> None:
        rate = (state.num_input_tokens_seen - self._tokens_before) / (time.monotonic() - self._began)
        self._bar.update(self._task, completed=state.num_input_tokens_seen, rate=rate)

    def on_log(self, args: Any, state: TrainerState, control: Any, **options: Any) -> None:
        entry = state.log_history[-1]
        entry["seconds"] = self._seconds_before + time.monotonic() - self._began
        entry["peak_bytes"] = max(self._peak, peak_bytes())
        if "loss" in entry:
            self._bar.update(self._task, loss=f"loss {entry['loss']:.3f}")

    def on_train_end(self, args: Any, state: TrainerState, control: Any, **options: Any) -> None:
        self._bar.stop()


def peak_bytes() -> int:
    """The most memory this process has had: on the GPU if there is one, else resident."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
