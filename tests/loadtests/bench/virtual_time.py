"""An event loop whose clock jumps to the next timer instead of waiting, so that tests of times are exact."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jump(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.now += timeout or 0.0
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


def run(test: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for timers only."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(test)
