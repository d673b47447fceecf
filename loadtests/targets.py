"""When an answer is valid, and when a run passes. Pure: knows neither Locust nor HTTP. The locustfile calls it.

An answer is valid if it is a complete `Answer` of the task and names a version of the task's adapter. A run passes if
every task in it had answers, its p95 is within the target and its share of failures within the limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from adapters.tasks import task

_COLUMNS = "{:10}{:>10}{:>9}{:>9}{:>9}{:>9}{:>12}"
_HEAD = _COLUMNS.format("task", "requests", "failed", "p50 ms", "p95 ms", "p99 ms", "p95 target")


def malformed(name: str, body: bytes | str) -> str | None:
    """The fault of an answer, the same text for the same fault; None if it is valid."""
    try:
        answer = task(name).answer.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"malformed answer: {place or 'body'}: {first['type']}"
    adapter, _, version = answer.model.partition("@")
    if adapter.partition("/")[0] != name or not version:
        return f"answered by another model: {answer.model[:60]}"
    return None


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run measured of one task; times in milliseconds."""

    task: str
    requests: int
    failures: int
    p50: float
    p95: float
    p99: float
    p95_target: float

    @property
    def failure_share(self) -> float:
        return self.failures / self.requests if self.requests else 0.0

    def misses(self, max_failure_share: float) -> list[str]:
        """A sentence for each target that is missed."""
        if not self.requests:
            return [f"{self.task}: no request was answered"]
        missed = []
        if self.failure_share > max_failure_share:
            missed.append(f"{self.task}: {self.failure_share:.1%} failed, at most {max_failure_share:.1%} may")
        if self.p95 > self.p95_target:
            missed.append(f"{self.task}: p95 is {self.p95:g} ms, the target {self.p95_target:g} ms")
        return missed


def table(rows: list[Figures]) -> str:
    """One line a task."""
    lines = [_HEAD]
    for row in rows:
        times = (f"{value:.0f}" for value in (row.p50, row.p95, row.p99, row.p95_target))
        lines.append(_COLUMNS.format(row.task, row.requests, f"{row.failure_share:.1%}", *times))
    return "\n".join(lines)
