"""What goes into the engine and what comes out, in words that the engine and its fake share.

Knows no vLLM. `server.answering` makes jobs and reads generations.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from adapters.store import Version
from adapters.tasks.contract import Message


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
    finish_reason: Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Generation:
    """Every sample of a job, and the seconds until its first token."""

    completions: list[Completion]
    prompt_tokens: int
    first_token: float

    @property
    def completion_tokens(self) -> int:
        return sum(completion.tokens for completion in self.completions)


class Model(Protocol):
    """What the parts around the engine ask of it."""

    async def start(self, versions: list[Version]) -> None:
        """Loads base and adapters; returns when every one of them can answer."""

    async def close(self) -> None:
        """Ends the engine; what is in flight fails."""

    def tokenize(self, messages: list[Message], max_tokens: int) -> list[int]:
        """The prompt's tokens; TextTooLong when they and the answer exceed the context."""

    async def generate(self, job: Job) -> Generation:
        """All samples at once; cancelling it frees the job's slots."""

    def stream(self, job: Job) -> AsyncGenerator[str | Generation]:
        """Pieces of the first sample, then the generation; closing it frees the job's slots."""

    def active(self) -> int:
        """Jobs that hold or wait for a slot."""

    @property
    def errored(self) -> bool:
        """The engine has died and will not come back."""
