"""The lines of an evaluation that has not finished, in a file, so that one that was killed goes on from there.

Each is kept under a digest of the model's weights and of the whole job: prompt, grammar, samples. So a changed adapter,
base, prompt or example never gets another's lines. Called by `answers`, which removes the file at the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from adapters.adapter_folder import digest_of
from adapters.base import base_digest
from adapters.confidence import Completion
from server.engine.generation import Job


class Unfinished:
    """The lines in a file, by model and job."""

    def __init__(self, file: Path, base: Path, adapters: Mapping[str, Path]) -> None:
        """`adapters`: the folder of each by the name that jobs give it."""
        weights = base_digest(base).weights
        self._models: dict[str | None, str] = {None: weights}
        self._models |= {name: f"{weights} {digest_of(folder)}" for name, folder in adapters.items()}
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lines: dict[str, list[Completion]] = {}
        for row in file.read_bytes().split(b"\n") if file.exists() else ():
            try:
                key, samples = json.loads(row)
                self._lines[key] = [Completion(text, tuple(pieces), tuple(ps)) for text, pieces, ps in samples]
            except ValueError:  # the row that was being written when the evaluation was killed
                continue

    def get(self, job: Job) -> list[Completion] | None:
        """The job's lines; None if it has not been answered."""
        return self._lines.get(self._key(job))

    def add(self, job: Job, samples: list[Completion]) -> None:
        """Writes the lines of a job that has been answered."""
        lines = [(sample.text, sample.pieces, sample.logprobs) for sample in samples]
        row = json.dumps([self._key(job), lines]).encode()
        with self._file.open("ab") as rows:
            rows.write(b"\n" + row)  # after a row that was cut off, too

    def _key(self, job: Job) -> str:
        question = asdict(replace(job, request_id="", adapter=self._models[job.adapter]))
        return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


@contextmanager
def unfinished_in(file: Path, base: Path, adapters: Mapping[str, Path]) -> Iterator[Unfinished]:
    """The lines in a file, which is removed when the context ends without an error."""
    yield Unfinished(file, base, adapters)
    file.unlink(missing_ok=True)
