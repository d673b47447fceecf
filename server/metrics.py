"""Every metric of the server's own, by task and adapter version, on one page with vLLM's.

Knows prometheus-client and what is recorded of a request. `server.answering` admits requests, the middleware
`server.http.middleware.Outcomes` counts a request when its response ends, `/metrics` shows the page.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from server.engine.generation import Generation

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30)
LABELS = ("task", "adapter")
CANCELLED = "cancelled"


@dataclass(slots=True)
class Record:
    """A request to a task: what is counted of it when its response ends.

    Attributes:
        adapter: the version that answers; until one is chosen, the live one of the task, or "none".
        outcome: "ok", "fallback", "cancelled" or a problem's slug.
        admitted_at: `time.perf_counter()` of the admission; None for a request that was refused before.
        generation: the engine's output, once there is one.
    """

    request_id: str
    task: str
    adapter: str = "none"
    outcome: str = "ok"
    admitted_at: float | None = None
    generation: Generation | None = None


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        self._requests = counter(
            "shoplora_requests",
            "Requests by outcome: ok, fallback, cancelled, or the problem's type",
            [*LABELS, "outcome"],
        )
        histogram = partial(Histogram, labelnames=LABELS, buckets=SECONDS, registry=self.registry)
        self._latency = histogram("shoplora_request_seconds", "Seconds from a valid request to the end of its answer")
        self._first_token = histogram(
            "shoplora_first_token_seconds", "Seconds from a valid request to the engine's first token"
        )
        self._read = counter("shoplora_prompt_tokens", "Tokens read", LABELS)
        self._written = counter("shoplora_completion_tokens", "Tokens written", LABELS)
        self._in_flight = Gauge("shoplora_in_flight", "Requests being answered", LABELS, registry=self.registry)

    def announce(self, task: str, adapter: str) -> None:
        """Shows the adapter with zeros, so that a rate includes its first request."""
        self._requests.labels(task, adapter, "ok")
        for metric in (self._latency, self._first_token, self._read, self._written, self._in_flight):
            metric.labels(task, adapter)

    def admit(self, record: Record) -> None:
        """From here on the request is in flight; `count` ends that."""
        record.admitted_at = time.perf_counter()
        self._in_flight.labels(record.task, record.adapter).inc()

    def count(self, record: Record) -> None:
        """Counts a request whose response has ended; to be called once a request."""
        labels = (record.task, record.adapter)
        self._requests.labels(*labels, record.outcome).inc()
        if record.admitted_at is not None:
            self._in_flight.labels(*labels).dec()
            if record.outcome != CANCELLED:
                self._latency.labels(*labels).observe(time.perf_counter() - record.admitted_at)
        if record.generation:
            self._first_token.labels(*labels).observe(record.generation.first_token)
            self._read.labels(*labels).inc(record.generation.prompt_tokens)
            self._written.labels(*labels).inc(record.generation.completion_tokens)

    def page(self) -> bytes:
        """The server's own metrics, then vLLM's and the process's from the default registry."""
        return generate_latest(self.registry) + generate_latest(REGISTRY)
