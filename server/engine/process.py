"""The engine core's process: it ends with the server, and on a CPU is a fork that shares the server's imports, but none
of its connections.

Knows Linux and Python's garbage collector, of vLLM only how it logs a failed start. `server.engine.engine` calls it
around the fork, `server.cpu_lora.plugin` in the core.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import re
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

log = logging.getLogger("uvicorn.shoplora")
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
# What torchrun and `accelerate launch` set. With TORCHELASTIC_USE_AGENT_STORE torch.distributed waits in the core for a
# store that nobody serves, until its timeout of 30 minutes.
LAUNCHER = re.compile("TORCHELASTIC_.*|MASTER_(ADDR|PORT)|((LOCAL|GROUP|ROLE)_)?(RANK|WORLD_SIZE)")
CORE_LOG = logging.getLogger("vllm.v1.engine.core")
FAILED = "EngineCore failed to start."  # how vLLM logs the error that ends the core's start
FAILURE_FILE = "SHOPLORA_FAILURE_FILE"  # the environment variable by which a spawned core knows where to write


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
    """In the core, writes the error that ended its start into a file; the traceback is for log level debug."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def filter(self, record: logging.LogRecord) -> bool:
        if record.msg != FAILED or record.exc_info is None:
            return True
        self._file.write_text(str(record.exc_info[1]) or type(record.exc_info[1]).__name__, encoding="utf-8")
        if log.isEnabledFor(logging.DEBUG):
            return True
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # of this process, which ends with a traceback
        return False


@contextmanager
def core_errors() -> Iterator[None]:
    """For the start of a core: raises its own error instead of vLLM's, which only says that it failed.

    Raises:
        RuntimeError: the core's error in words, without its traceback.
    """
    with TemporaryDirectory(prefix="shoplora-") as folder:
        file = Path(folder, "reason")
        failure = _FailureFilter(file)
        CORE_LOG.addFilter(failure)  # a fork has it
        os.environ[FAILURE_FILE] = str(file)
        try:
            yield
        except Exception as error:
            if file.exists():
                raise RuntimeError(file.read_text(encoding="utf-8")) from error
            raise
        finally:
            del os.environ[FAILURE_FILE]
            CORE_LOG.removeFilter(failure)


def report_failure() -> None:
    """In a spawned core, does what a forked one inherits from `core_errors`."""
    if file := os.environ.get(FAILURE_FILE):
        CORE_LOG.addFilter(_FailureFilter(Path(file)))


@contextmanager
def without_launcher() -> Iterator[None]:
    """Hides from a core that is started meanwhile that this process was started by a launcher, maybe with others."""
    hidden = {name: value for name, value in os.environ.items() if LAUNCHER.fullmatch(name)}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


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
