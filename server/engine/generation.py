"""The engine's interface: what goes in, what comes out, and what the parts around the engine can ask of it.

Knows no vLLM. `server.answering` makes jobs and reads generations; the engine and its fake implement `Model`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapters.prompts import Message
from adapters.store import Version


@dataclass(frozen=True, slots=True)
class Job:
    """One prompt for one adapter, to be answered within a grammar."""

    request_id: str
    version: Version
    prompt: list[int]
    grammar: str
    max_tokens: int
    n: int = 1
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class Completion:
    """One sample; `logprob` is the sum over its tokens, after the grammar's mask."""

    text: str
    logprob: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Generation:
    """Every sample of a job.

    `first_token`: seconds from the engine's receipt of the job to the first token of the sample that ended last;
    vLLM measures it, the same for plain and streamed jobs.
    """

    completions: list[Completion]
    prompt_tokens: int
    first_token: float

    @property
    def completion_tokens(self) -> int:
        return sum(completion.tokens for completion in self.completions)


class Model(Protocol):
    """What the parts around the engine ask of it."""

    async def start(self, base: Path, versions: list[Version]) -> None:
        """Loads the base in that folder and the adapters; returns when every one of them can answer."""

    async def close(self) -> None:
        """Ends the engine; jobs in flight fail."""

    def tokenize(self, messages: list[Message], max_tokens: int) -> list[int]:
        """The prompt's tokens.

        Raises:
            TextTooLong: prompt and answer exceed the context.
            TemplateError: the base's tokenizer has no chat template.
        """

    async def generate(self, job: Job) -> Generation:
        """All samples at once; cancelling it frees the job's slots."""

    def stream(self, job: Job) -> AsyncGenerator[str | Generation]:
        """Pieces of the first sample, then the generation; closing it frees the job's slots."""

    @property
    def errored(self) -> bool:
        """The engine has died and will not come back."""
