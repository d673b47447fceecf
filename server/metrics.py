"""Every metric of ours, by task and adapter version, and one page with vLLM's own.

Knows prometheus-client, nothing of what is counted. `server.answering` tracks requests with it,
`/metrics` shows it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from server.engine.generation import Generation
from server.http.problems import Problem

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30)
LABELS = ("task", "adapter")


@dataclass(slots=True)
class Tracked:
    """A request in flight, as far as it got."""

    outcome: str = "ok"
    generation: Generation | None = None


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "shoplora_requests",
            "Requests by outcome: ok, fallback, cancelled, or the problem's type",
            [*LABELS, "outcome"],
            registry=self.registry,
        )
        self._latency = Histogram(
            "shoplora_request_seconds",
            "Seconds from a valid request to the end of its answer",
            LABELS,
            buckets=SECONDS,
            registry=self.registry,
        )
        self._first_token = Histogram(
            "shoplora_first_token_seconds",
            "Seconds from a valid request to the engine's first token",
            LABELS,
            buckets=SECONDS,
            registry=self.registry,
        )
        self._read = Counter("shoplora_prompt_tokens", "Tokens read", LABELS, registry=self.registry)
        self._written = Counter("shoplora_completion_tokens", "Tokens written", LABELS, registry=self.registry)
        self._in_flight = Gauge("shoplora_in_flight", "Requests being answered", LABELS, registry=self.registry)

    def announce(self, task: str, adapter: str) -> None:
        """Shows the adapter with zeros, so that rates start from the first request."""
        self._requests.labels(task, adapter, "ok")
        for metric in (self._latency, self._first_token, self._read, self._written):
            metric.labels(task, adapter)
        self._in_flight.labels(task, adapter)

    def refused(self, task: str, adapter: str, outcome: str) -> None:
        """A request that never came to the engine."""
        self._requests.labels(task, adapter, outcome).inc()

    @contextmanager
    def track(self, task: str, adapter: str) -> Iterator[Tracked]:
        """Counts what happens inside, whichever way it ends."""
        labels = (task, adapter)
        tracked = Tracked()
        began = time.perf_counter()
        self._in_flight.labels(*labels).inc()
        try:
            yield tracked
        except Problem as problem:
            tracked.outcome = problem.slug
            raise
        except (asyncio.CancelledError, GeneratorExit):
            tracked.outcome = "cancelled"
            raise
        except Exception:
            tracked.outcome = Problem.slug
            raise
        finally:
            self._in_flight.labels(*labels).dec()
            self._requests.labels(*labels, tracked.outcome).inc()
            if tracked.outcome != "cancelled":
                self._latency.labels(*labels).observe(time.perf_counter() - began)
            if tracked.generation:
                self._first_token.labels(*labels).observe(tracked.generation.first_token)
                self._read.labels(*labels).inc(tracked.generation.prompt_tokens)
                self._written.labels(*labels).inc(tracked.generation.completion_tokens)

    def page(self) -> bytes:
        """Ours, then vLLM's and the process's from the default registry."""
        return generate_latest(self.registry) + generate_latest(REGISTRY)
