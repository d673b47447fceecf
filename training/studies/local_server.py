"""Starts a server as a subprocess, ours or another, and measures its speed over HTTP.

Called by `training.studies.ablate`, `loadtests` and the tests.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from typing import Any

import httpx

from adapters.errors import ShopLoraError

START_LIMIT = 300.0  # seconds
IN_FLIGHT, ALONE, TOGETHER = 32, 30, 400  # requests at once; requests one by one; requests in all


class ServingError(ShopLoraError):
    """The server did not start; the message ends with its log."""


@contextmanager
def server(environment: Mapping[str, str]) -> Iterator[str]:
    """Starts `shoplora serve` with that environment; the server's address, ended afterwards.

    Raises:
        ServingError: it is not ready in START_LIMIT seconds.
    """
    command = [str(Path(sys.executable).with_name("shoplora")), "serve"]
    with running(command, environment) as url:
        yield url


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], ready: str = "/ready") -> Iterator[str]:
    """Starts the server that `command --port PORT` runs; its address, once the path `ready` answers 200.

    Afterwards it and all processes that it started are ended.

    Raises:
        ServingError: it is not ready in START_LIMIT seconds.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url, end = f"http://127.0.0.1:{port}", time.monotonic() + START_LIMIT
            while not _ready(url + ready):
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise ServingError(f"the server did not start:\n{log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.5)
            yield url
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):  # what is left of the engine
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


async def speed(url: str, task: str, bodies: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Answers per second with IN_FLIGHT requests at once, and the median ms of requests one at a time."""
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def request_seconds(number: int) -> float:
        async with slots:
            began = time.perf_counter()
            response = await client.post(f"/v1/{task}", json=bodies[number % len(bodies)])
            response.raise_for_status()
            return time.perf_counter() - began

    async with httpx.AsyncClient(base_url=url, timeout=300) as client:
        alone = [await request_seconds(number) for number in range(ALONE)]
        began = time.perf_counter()
        await asyncio.gather(*(request_seconds(number) for number in range(TOGETHER)))
        seconds = time.perf_counter() - began
    return TOGETHER / seconds, 1_000 * median(alone)


def _ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=60).status_code == 200
    except httpx.TransportError:
        return False
