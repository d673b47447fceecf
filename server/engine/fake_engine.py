"""A stand-in for the engine, for tests of the parts around it only.

Has the interface `Model` and nothing else of the real engine. Only tests use it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path

from adapters.prompts import Message
from server.engine.generation import Completion, Generation, Job
from server.errors import TextTooLong


class FakeEngine:
    """Answers each job with the samples `answer(job)`; while `open` is cleared, it stops before the second word.

    A word is a token; `logprob(job, word)` is its log-probability.
    """

    def __init__(self, answer: Callable[[Job], list[str]], limit: int = 512) -> None:
        self.answer = answer
        self.limit = limit
        self.logprob: Callable[[Job, str], float] = lambda job, word: -0.01
        self.jobs: list[Job] = []
        self.base: Path | None = None
        self.adapters: Mapping[str, Path] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.errored = False
        self.refuses_to_start: Exception | None = None
        self._active = 0

    async def start(self, base: Path, adapters: Mapping[str, Path], context: int | None = None) -> None:
        if self.refuses_to_start:
            raise self.refuses_to_start
        self.base = base
        self.adapters = adapters

    async def close(self) -> None:
        self.adapters = {}

    def active(self) -> int:
        return self._active

    def tokenize(self, messages: list[Message], max_tokens: int) -> list[int]:
        prompt = [len(word) for message in messages for word in message["content"].split()]
        if len(prompt) + max_tokens > self.limit:
            raise TextTooLong(f"The limit is {self.limit - max_tokens} tokens.")
        return prompt

    async def generate(self, job: Job) -> Generation:
        *_, generation = [item async for item in self.stream(job)]
        assert isinstance(generation, Generation)
        return generation

    async def stream(self, job: Job) -> AsyncGenerator[str | Generation]:
        self.jobs.append(job)
        self._active += 1
        try:
            samples = self.answer(job)
            for piece in samples[0].split(" "):
                await asyncio.sleep(0)
                yield piece + " "
                await self.open.wait()
            completions = [
                Completion(sample, tuple(sample.split()), tuple(self.logprob(job, word) for word in sample.split()))
                for sample in samples
            ]
            yield Generation(completions, len(job.prompt), 0.001)
        finally:
            self._active -= 1
