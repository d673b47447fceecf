"""Answer lines of a base and of adapters on it, published or not, from the engine that serves.

Knows requests, few-shot prompts and progress; no labels and no metric. Called by `training.pipeline` and
`training.studies`, which start an engine once for all that they compare.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.errors import ShopLoraError
from adapters.fit import check_finite
from adapters.ontology import Ontology
from adapters.tasks.contract import Message, Task
from server.engine.config import check_kind
from server.engine.context import needed_context
from server.engine.engine import Engine
from server.engine.generation import Completion, Job, Model, job_of
from server.errors import EngineFailed, TextTooLong
from server.settings import Settings
from training.evaluation.unfinished import Unfinished, unfinished_in

LINES = "lines.jsonl"  # in the folder of a run: see `unfinished`
CONTEXT = 2048  # tokens at least, if neither the base nor SHOPLORA_MAX_MODEL_LEN has fewer: room for few-shot prompts
QUIET = {"PYTHONWARNINGS": "ignore", "TORCH_CPP_LOG_LEVEL": "ERROR"}  # of the engine's core, if not set otherwise
IN_FLIGHT = 128  # samples: twice what the engine decodes at once by default, so that it never waits for the next


class EvaluationError(ShopLoraError):
    """There is no vLLM to ask, it cannot serve the base, or it failed."""


class Models:
    """A base and its adapters, loaded in one engine."""

    def __init__(
        self,
        engine: Model,
        ontology: Ontology,
        run: Callable[..., Any] = asyncio.run,
        unfinished: Unfinished | None = None,
    ) -> None:
        """
        Args:
            run: runs a coroutine in the event loop that the engine was started in.
            unfinished: has the lines of an earlier evaluation, and takes those of this one.
        """
        self._engine = engine
        self._ontology = ontology
        self._run = run
        self._unfinished = unfinished
        self._ids = count()

    def lines(
        self,
        task: Task[Any, Any],
        requests: Sequence[Any],
        adapter: str | None,
        *,
        samples: int | None = None,
        shots: Sequence[Sequence[list[Message]]] | None = None,
    ) -> list[list[Completion]]:
        """The sampled lines of each request; none where the server would refuse the text as too long.

        Args:
            adapter: one of the engine's names; None: the base.
            samples: if not as many as in serving.
            shots: for each request the messages of examples that may precede it, nearest first; as many as the
                context has room for are shown, the nearest last.

        Raises:
            EvaluationError: the engine failed.
        """
        n = samples or task.samples

        def job(i: int) -> Job:
            job = job_of(self._engine, task, requests[i], self._ontology, adapter, f"evaluation-{next(self._ids)}")
            prompt = self._prompt_with(shots[i], job, task.prompt(requests[i], self._ontology)) if shots else job.prompt
            return replace(job, prompt=prompt, n=n)

        title = f"{task.name}: {adapter or 'base'}"
        lines: list[list[Completion]] = self._run(self._answered(job, len(requests), IN_FLIGHT // n, title))
        return lines

    def _prompt_with(self, shots: Sequence[list[Message]], job: Job, messages: list[Message]) -> list[int]:
        """The job's prompt with as many shots before its last message as fit the context."""
        for n in range(len(shots), 0, -1):
            shown = [message for turns in reversed(shots[:n]) for message in turns]
            with suppress(TextTooLong):
                return self._engine.tokenize([*messages[:-1], *shown, messages[-1]], job.max_tokens)
        return job.prompt

    async def _answered(self, job: Callable[[int], Job], jobs: int, at_once: int, title: str) -> list[list[Completion]]:
        slots = asyncio.Semaphore(max(1, at_once))

        async def answer(i: int) -> list[Completion]:
            async with slots:  # in the order of the requests
                try:
                    completions = await self._completions(job(i))
                except TextTooLong:
                    completions = []
            advance()
            return completions

        with _progress(title, jobs) as advance:
            try:
                return await asyncio.gather(*map(answer, range(jobs)))
            except EngineFailed as error:
                raise EvaluationError(f"{title}: the engine failed: {error.__cause__ or error}") from error

    async def _completions(self, job: Job) -> list[Completion]:
        if self._unfinished and (earlier := self._unfinished.get(job)) is not None:
            return earlier
        completions = (await self._engine.generate(job)).completions
        if self._unfinished:
            self._unfinished.add(job, completions)
        return completions


@contextmanager
def loaded(
    base: Path, adapters: Mapping[str, Path], ontology: Ontology, tasks: Iterable[str], lines: Path | None = None
) -> Iterator[Models]:
    """The base and the adapters, by names of the caller's choice, in an engine that ends with the context.

    Args:
        tasks: whose largest requests must fit, as they do in serving.
        lines: a file for all lines until the context ends without an error, so that another one resumes from there.

    The engine has the server's settings. Its core is a process of its own, neither forked nor in this one: in this
    process training may have used torch's threads, the GPU and `torch.distributed`.

    Raises:
        ShopLoraError: vLLM is not installed, an adapter has weights that are no numbers, or the engine does not start.
    """
    check_possible(base)
    for folder in adapters.values():
        check_finite(folder)
    logging.getLogger("uvicorn.shoplora").addHandler(logging.NullHandler())  # errors are raised in one line
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    gc.collect()  # a trainer is part of a cycle
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()  # the engine needs what training no longer does
    engine = Engine(Settings(), fork=False)
    with asyncio.Runner() as runner, ExitStack() as stack:
        unfinished = stack.enter_context(unfinished_in(lines, base, adapters)) if lines else None
        try:
            needed = needed_context(tasks)  # None: the base's maximum
            runner.run(engine.start(base, adapters, needed and max(CONTEXT, needed)))
            yield Models(engine, ontology, runner.run, unfinished)
        finally:
            runner.run(engine.close())


def check_possible(base: Path) -> None:
    """What can be known before anything is trained or loaded.

    Raises:
        ShopLoraError: there is no vLLM, or this one cannot serve a base of this kind.
    """
    if find_spec("vllm") is None:
        raise EvaluationError(
            "vLLM is not installed, and evaluation asks it: run `pip install -e '.[cpu]'`, or '.[gpu]' with a GPU"
        )
    check_kind(base)


def check_alone() -> None:
    """Raises EvaluationError in each of several processes of `accelerate launch`, all of which would do the same."""
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise EvaluationError("only `shoplora train` uses several processes: run this without `accelerate launch`")


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar with answers/s and the time left; the function counts one answer."""
    columns = (TextColumn("{task.fields[rate]:,.1f} answers/s"), TimeRemainingColumn(elapsed_when_finished=True))
    began = time.monotonic()
    with Progress(TextColumn("{task.description}"), BarColumn(), *columns, transient=True) as bar:
        task = bar.add_task(title, total=total, rate=0.0)
        answered = count(1)
        yield lambda: bar.update(task, advance=1, rate=next(answered) / (time.monotonic() - began))
