"""Shoppers and a catalog pipeline against a running server, with a p95 target for each task.

    make loadtest                                            # 16 users, one minute, no web page
    make loadtest HOST=shop.example PORT=80
    locust --config loadtests/locust.conf --users 64 --run-time 5m --p95-rewrite-ms 300
    locust --config loadtests/locust.conf SearchUser         # search alone

Locust itself exits 0 even if the answers are slow. Here the exit status is 1 if a task's p95 is over its target,
if more than 1% of its requests fail or if it got none, else 0. A failure is any status but 2xx, no answer within
15 seconds, or an answer that is not the task's `Answer`.

Locust's `--help` does not load this file. Its options, each also a variable LOCUST_*:
`--p95-rewrite-ms` (500), `--p95-classify-ms` (1000), `--max-failure-share` (0.01).

Limits of what this measures
- The load is a closed loop: a user waits for its answer before it sends again. A slow server therefore gets fewer
  requests, its queue never grows past the number of users, and the percentiles lack the waiting time of real
  arrivals behind a stall. Pacing does not change that: it holds a rate only while users are idle. A fixed rate of
  arrivals, overload included, needs an open-loop generator (`shoplora bench` has one).
- Failed requests count in the percentiles, and refusals are fast: read p95 beside the failures.
- Each payload is sent once before any is repeated. Real traffic repeats more, so caches help more.
- Locust rounds times from 100 ms on to two figures: a p95 of 504 ms is reported, and judged, as 500.
- Python generates some hundred requests a second per core, on the cores that it is started on. On the server's own
  machine the two compete; use another machine, or `--processes` for more load.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import cycle
from typing import Any, ClassVar

from locust import HttpUser, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import WorkerRunner

from loadtests.payloads import payloads
from loadtests.targets import Figures, malformed, table

TIMEOUT_S = 15


class ShopUser(HttpUser):  # type: ignore[misc]
    """Sends one request after another to one task."""

    abstract = True
    job: ClassVar[str]
    supply: ClassVar[Iterator[dict[str, Any]]]  # shared by all users of the class

    @task  # type: ignore[untyped-decorator]
    def ask(self) -> None:
        request = next(self.supply)
        with self.client.post(route(self.job), json=request, timeout=TIMEOUT_S, catch_response=True) as response:
            fault = malformed(self.job, response.content) if response.ok else None
            if fault:
                response.failure(fault)


class SearchUser(ShopUser):
    """A shopper: types, reads the results, types again."""

    job = "rewrite"
    weight = 3
    wait_time = between(0.5, 2)


class CatalogUser(ShopUser):
    """A pipeline's worker: sends a title, stores the answer, takes the next."""

    job = "classify"
    weight = 1
    wait_time = between(0.02, 0.1)


def route(job: str) -> str:
    return f"/v1/{job}"


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_targets(parser: LocustArgumentParser) -> None:
    group = parser.add_argument_group("Targets, by which the exit status is set")
    for name, default, meaning in (
        ("p95-rewrite-ms", 500, "95 in 100 answers of rewrite come within this many milliseconds"),
        ("p95-classify-ms", 1000, "95 in 100 answers of classify come within this many milliseconds"),
        ("max-failure-share", 0.01, "the share of a task's requests that may fail"),
    ):
        variable = f"LOCUST_{name.upper().replace('-', '_')}"
        group.add_argument(f"--{name}", type=float, default=default, env_var=variable, help=f"{meaning} ({default})")


@events.init.add_listener  # type: ignore[untyped-decorator]
def load_payloads(environment: Environment, **_: Any) -> None:
    """Before any user starts: reading files would delay requests that are being timed."""
    for user in environment.user_classes:
        loaded = payloads(user.job)
        user.supply = cycle(loaded.requests)
        print(f"{user.job}: {len(loaded.requests)} payloads from {loaded.source}", flush=True)
    time.sleep(0.01)  # gevent updates its clock: otherwise the time of reading would count as --run-time


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def judge(environment: Environment, **_: Any) -> None:
    if isinstance(environment.runner, WorkerRunner):  # the master judges
        return
    options = environment.parsed_options
    rows = [figures(environment, user.job, getattr(options, f"p95_{user.job}_ms")) for user in environment.user_classes]
    missed = [miss for row in rows for miss in row.misses(options.max_failure_share)]
    if environment.runner is None or environment.runner.exceptions:
        missed.append("a user stopped with an exception")
    print(table(rows), *(f"MISSED {miss}" for miss in missed), sep="\n", flush=True)
    environment.process_exit_code = 1 if missed else 0


def figures(environment: Environment, job: str, p95_target: float) -> Figures:
    entry = environment.stats.get(route(job), "POST")
    p95, p99 = (entry.get_response_time_percentile(share) for share in (0.95, 0.99))
    counts = entry.num_requests, entry.num_failures
    return Figures(job, *counts, entry.median_response_time, p95, p99, p95_target)
