"""The engine core's process: it ends with the server, and on a CPU is a fork that shares the server's imports, but none
of its connections.

Knows Linux and Python's garbage collector, of vLLM only how it logs a failed start. `server.engine.engine` calls it
around the fork, `server.cpu_lora.plugin` in the core.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import multiprocessing
import os
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

log = logging.getLogger("uvicorn.shoplora")
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
CORE_LOG = logging.getLogger("vllm.v1.engine.core")
FAILED = "EngineCore failed to start."  # how vLLM logs the error that ends the core's start


def end_with_parent() -> None:
    """Has this process killed when its parent ends, even if that is killed.

    Linux sends the signal when the *thread* that started this process ends: start it from one that lives as long as the
    parent.
    """
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def separate_the_next_fork() -> None:
    """Has the next fork close the server's connections, ignore its signals and end with it.

    It would otherwise hold the clients' connections open and wake the server's event loop with its own signals.
    """
    armed = [True]

    def in_child() -> None:
        if armed:
            end_with_parent()
            with suppress(ValueError):
                signal.set_wakeup_fd(-1)
            for fd in map(int, os.listdir("/proc/self/fd")):
                with suppress(OSError):
                    if stat.S_ISSOCK(os.fstat(fd).st_mode) and _is_tcp(fd):
                        os.close(fd)

    def in_parent() -> None:
        armed.clear()

    os.register_at_fork(after_in_child=in_child, after_in_parent=in_parent)


def _is_tcp(fd: int) -> bool:
    with socket.socket(fileno=os.dup(fd)) as copy:
        return copy.family in (socket.AF_INET, socket.AF_INET6)


class _FailureFilter(logging.Filter):
    """In the forked core, sends the error that ended its start to the server; the traceback is for log level debug."""

    def __init__(self) -> None:
        super().__init__()
        self._reader, self._writer = multiprocessing.Pipe(duplex=False)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.msg != FAILED or record.exc_info is None:
            return True
        self._writer.send(str(record.exc_info[1]) or type(record.exc_info[1]).__name__)
        if log.isEnabledFor(logging.DEBUG):
            return True
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # of this process, which ends with a traceback
        return False

    def reason(self) -> str | None:
        return self._reader.recv() if self._reader.poll() else None

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


@contextmanager
def core_errors() -> Iterator[None]:
    """For the start of a forked core: raises its own error instead of vLLM's, which only says that it failed.

    Raises:
        RuntimeError: the core's error in words, without its traceback.
    """
    failure = _FailureFilter()
    CORE_LOG.addFilter(failure)
    try:
        yield
    except Exception as error:
        if reason := failure.reason():
            raise RuntimeError(reason) from error
        raise
    finally:
        CORE_LOG.removeFilter(failure)
        failure.close()


@contextmanager
def uncollected() -> Iterator[None]:
    """For imports: the garbage collector never searches what they create, here or in the forked engine core.

    In the core each search would copy every page that it looks at.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
