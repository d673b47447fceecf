"""An evaluation that was killed goes on where it was, and never with the lines of another adapter or prompt."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.ontology import Ontology
from adapters.tasks import classify, task
from server.engine.fake_engine import FakeEngine
from server.engine.generation import Generation, Job
from server.errors import EngineFailed
from tests.adapters.completions import line
from tests.tiny import make_adapter, make_weights
from training.evaluation.answers import EvaluationError, Models
from training.evaluation.results import ADAPTER
from training.evaluation.unfinished import Unfinished, unfinished_in

REQUESTS = [classify.Request(title=f"thing {'x' * n}") for n in range(1, 7)]
JOB = Job("id", ADAPTER, [1, 2], "root ::= [a-z]+", 8)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_weights(tmp_path / "base")


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return make_adapter(tmp_path / "adapter", 0, ("o_proj",))


class Killed(FakeEngine):
    """An engine that ends after some answers."""

    def __init__(self, after: int) -> None:
        super().__init__(lambda job: [f"leaf {len(self.jobs)}"])
        self.after = after

    async def generate(self, job: Job) -> Generation:
        if len(self.jobs) == self.after:
            await asyncio.sleep(0.01)
            raise EngineFailed("The engine has died.")
        return await super().generate(job)


def asked(file: Path, base: Path, adapter: Path, engine: FakeEngine, ontology: Ontology) -> list[str]:
    with unfinished_in(file, base, {ADAPTER: adapter}) as unfinished:
        models = Models(engine, ontology, unfinished=unfinished)
        return [of.text for [of] in models.lines(task("classify"), REQUESTS, ADAPTER)]


def test_what_was_answered_is_not_asked_again(tmp_path: Path, base: Path, adapter: Path, ontology: Ontology) -> None:
    file, killed, second = tmp_path / "lines.jsonl", Killed(4), FakeEngine(lambda job: ["new"])
    with pytest.raises(EvaluationError):
        asked(file, base, adapter, killed, ontology)
    assert asked(file, base, adapter, second, ontology) == ["leaf 1", "leaf 2", "leaf 3", "leaf 4", "new", "new"]
    assert len(second.jobs) == 2
    assert not file.exists()  # the next evaluation asks anew


def test_a_changed_adapter_base_or_prompt_never_gets_the_lines_of_another(
    tmp_path: Path, base: Path, adapter: Path
) -> None:
    file = tmp_path / "lines.jsonl"
    earlier = Unfinished(file, base, {ADAPTER: adapter})
    earlier.add(JOB, [line("shirts")])
    other_adapter = make_adapter(tmp_path / "other", 1, ("o_proj",))
    other_base = make_weights(tmp_path / "base2")
    (other_base / "model.safetensors").write_bytes((base / "model.safetensors").read_bytes() + b" ")
    assert Unfinished(file, base, {ADAPTER: adapter}).get(replace(JOB, request_id="other")) == [line("shirts")]
    assert Unfinished(file, base, {ADAPTER: other_adapter}).get(JOB) is None
    assert Unfinished(file, other_base, {ADAPTER: adapter}).get(JOB) is None
    same = Unfinished(file, base, {ADAPTER: adapter})
    changes = ({"prompt": [1, 3]}, {"grammar": "root ::= [a-c]+"}, {"n": 4}, {"temperature": 0.7}, {"adapter": None})
    assert [same.get(replace(JOB, **change)) for change in changes] == [None] * 5  # type: ignore[arg-type]


def test_a_row_that_was_being_written_is_left_out(tmp_path: Path, base: Path) -> None:
    file = tmp_path / "lines.jsonl"
    for prompt in ([1], [2]):
        lines = Unfinished(file, base, {})
        lines.add(replace(JOB, adapter=None, prompt=prompt), [line("shirts")])
    file.write_bytes(file.read_bytes()[:-30])
    lines = Unfinished(file, base, {})
    assert lines.get(replace(JOB, adapter=None, prompt=[1])) == [line("shirts")]
    assert lines.get(replace(JOB, adapter=None, prompt=[2])) is None
    lines.add(replace(JOB, adapter=None, prompt=[2]), [line("jeans")])
    assert Unfinished(file, base, {}).get(replace(JOB, adapter=None, prompt=[2])) == [line("jeans")]
