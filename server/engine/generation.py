"""The engine's interface: what goes in, what comes out, and what the parts around the engine can ask of it.

Knows no vLLM. `server.answering` and `training.evaluation` make jobs with `job_of` and read generations; the engine and
its fake implement `Model`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from adapters.confidence import Completion as Completion
from adapters.ontology import Ontology
from adapters.prompts import Message
from adapters.tasks.contract import Task


@dataclass(frozen=True, slots=True)
class Job:
    """One prompt for one adapter, to be answered within a grammar.

    `adapter`: a name that the engine was started with; None: the base itself, which only an evaluation asks.
    """

    request_id: str
    adapter: str | None
    prompt: list[int]
    grammar: str
    max_tokens: int
    n: int = 1
    temperature: float = 0.0


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

    async def start(self, base: Path, adapters: Mapping[str, Path], context: int | None = None) -> None:
        """Loads the base in that folder and the adapters; returns when every one of them can answer.

        Args:
            adapters: the folder of each by its name.
            context: tokens of prompt and answer, at most the base's maximum, where the settings leave it open; None:
                the base's maximum.
        """

    async def close(self) -> None:
        """Ends the engine; jobs in flight fail."""

    def tokenize(self, messages: list[Message], max_tokens: int) -> list[int]:
        """The prompt's tokens.

        Raises:
            TextTooLong: prompt and answer exceed the context.
            TemplateError: the base's chat template has no place for a message.
        """

    async def generate(self, job: Job) -> Generation:
        """All samples at once; cancelling it frees the job's slots."""

    def stream(self, job: Job) -> AsyncGenerator[str | Generation]:
        """Pieces of the first sample, then the generation; closing it frees the job's slots."""

    @property
    def errored(self) -> bool:
        """The engine has died and will not come back."""


def job_of(
    engine: Model, task: Task[Any, Any], request: Any, ontology: Ontology, adapter: str | None, request_id: str
) -> Job:
    """The job whose completions answer the request.

    Raises:
        TextTooLong, TemplateError: as `Model.tokenize`.
    """
    max_tokens = task.max_tokens(request)
    return Job(
        request_id=request_id,
        adapter=adapter,
        prompt=engine.tokenize(task.prompt(request, ontology), max_tokens),
        grammar=task.grammar(request, ontology),
        max_tokens=max_tokens,
        n=task.samples,
        temperature=task.temperature,
    )
