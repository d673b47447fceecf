"""A server for a moment: ours, to measure an adapter as it will be served, or another.

Knows the command line and HTTP. Called by `training.studies.ablate`, `loadtests.peers` and the tests.
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

START_LIMIT = 300.0  # seconds
IN_FLIGHT, ALONE, TOGETHER = 32, 30, 400  # requests at once; requests one by one; requests in all


class ServingError(RuntimeError):
    """The server did not start; the message ends with its log."""


@contextmanager
def server(environment: Mapping[str, str]) -> Iterator[str]:
    """The address of a server with that environment (`SHOPLORA_STORE` ...), ended afterwards.

    Raises:
        ServingError: it is not ready in START_LIMIT seconds.
    """
    command = [str(Path(sys.executable).with_name("shoplora")), "serve"]
    with running(command, environment) as url:
        yield url


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], ready: str = "/ready") -> Iterator[str]:
    """The address of the server that `command` starts once it is given `--port`.

    It is ready where `ready` answers 200. Afterwards it and all processes it started are ended.

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
                    raise ServingError(log.read().decode(errors="replace")[-2000:])
                time.sleep(0.5)
            yield url
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):  # what is left of the engine
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def speed(url: str, task: str, bodies: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Answers a second at IN_FLIGHT, and the median ms of requests one at a time."""
    return asyncio.run(_speed(url, task, bodies))


async def _speed(url: str, task: str, bodies: Sequence[dict[str, Any]]) -> tuple[float, float]:
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def ask(number: int) -> float:
        async with slots:
            began = time.perf_counter()
            answered = await client.post(f"/v1/{task}", json=bodies[number % len(bodies)])
            answered.raise_for_status()
            return time.perf_counter() - began

    async with httpx.AsyncClient(base_url=url, timeout=300) as client:
        alone = [await ask(number) for number in range(ALONE)]
        began = time.perf_counter()
        await asyncio.gather(*(ask(number) for number in range(TOGETHER)))
        took = time.perf_counter() - began
    return TOGETHER / took, 1_000 * median(alone)


def _ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=60).status_code == 200
    except httpx.TransportError:
        return False
