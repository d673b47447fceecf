"""What evaluation asks the engine: jobs as in serving, shots, limits, refusals; and the real engine's start and end."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from adapters.manifest import Calibration
from adapters.ontology import Ontology
from adapters.tasks import classify, task
from server.engine.fake_engine import FakeEngine
from server.engine.generation import Job
from server.errors import EngineFailed
from tests.tiny import make_adapter, make_base
from tests.training.tasks.builders import review, title
from training.evaluation import answers
from training.evaluation.answers import EvaluationError, Models
from training.evaluation.evaluate import FIRST_FIELD_TOKENS, answer_lines, evaluate, first_answers
from training.evaluation.results import ADAPTER

CLASSIFY = task("classify")
Shot = list[dict[str, str]]


def titles(*texts: str) -> list[classify.Request]:
    return [classify.Request(title=text) for text in texts]


def shot(text: str) -> Shot:
    return [{"role": "user", "content": text}, {"role": "assistant", "content": "shirts"}]


def answering(lines: Callable[[Job], list[str]], ontology: Ontology, limit: int = 512) -> tuple[FakeEngine, Models]:
    engine = FakeEngine(lines, limit)
    return engine, Models(engine, ontology)


def test_lines_come_in_the_order_of_the_requests(ontology: Ontology) -> None:
    lengths = [3, 1, 9, 2, 7] * 60  # more than are asked at once
    _, models = answering(lambda job: [str(job.prompt[-1])] * job.n, ontology)
    lines = models.lines(CLASSIFY, titles(*("x" * n for n in lengths)), None)
    assert [line.text.strip() for [line] in lines] == [str(n) for n in lengths]
    assert models.lines(CLASSIFY, [], None) == []


def test_no_request_has_the_id_of_another(ontology: Ontology) -> None:
    engine, models = answering(lambda job: ["x"] * job.n, ontology)
    for adapter in (None, "classify@1"):
        models.lines(CLASSIFY, titles("red shirt", "blue jeans"), adapter)
    assert len({job.request_id for job in engine.jobs}) == 4
    assert [job.adapter for job in engine.jobs] == [None, None, "classify@1", "classify@1"]


def test_samples_are_as_many_as_in_serving_or_as_are_asked_for(ontology: Ontology) -> None:
    engine, models = answering(lambda job: ["x"] * job.n, ontology)
    copywrite = task("copywrite")
    request = copywrite.request.model_validate(copywrite.example)
    assert [len(lines) for lines in models.lines(copywrite, [request], None)] == [copywrite.samples]
    assert [len(lines) for lines in models.lines(copywrite, [request], None, samples=1)] == [1]
    assert {job.temperature for job in engine.jobs} == {copywrite.temperature}


def test_of_a_partial_example_only_the_first_field_is_written(ontology: Ontology) -> None:
    engine, models = answering(lambda job: ["negative; no; -; -"], ontology)
    examples = [review("negative; no; -; -"), review("negative; no; beginner; -", known_fields=3)]
    answer_lines(task("extract"), examples, models, None)
    assert [job.max_tokens for job in engine.jobs] == [
        task("extract").max_tokens(examples[0].request),
        FIRST_FIELD_TOKENS,
    ]


def shown(ontology: Ontology, room: int, *texts: str) -> list[int]:
    """The lengths of the words after the system's message, for a request `red` and shots of these texts."""
    messages = CLASSIFY.prompt(classify.Request(title="red"), ontology)
    before = sum(len(message["content"].split()) for message in messages[:-1])
    engine, models = answering(
        lambda job: ["x"], ontology, limit=before + room + CLASSIFY.max_tokens(classify.Request(title="red"))
    )
    models.lines(CLASSIFY, titles("red"), None, shots=[[shot(text) for text in texts]])
    return engine.jobs[0].prompt[before:]


def test_the_nearest_shot_stands_last_before_the_request(ontology: Ontology) -> None:
    line = len("shirts")
    assert shown(ontology, 99, "n", "fa") == [2, line, 1, line, 3]


def test_shots_that_do_not_fit_are_left_out_farthest_first(ontology: Ontology) -> None:
    line, texts = len("shirts"), ("n", "fa", "far4")
    assert shown(ontology, 7, *texts) == [4, line, 2, line, 1, line, 3]
    assert shown(ontology, 6, *texts) == [2, line, 1, line, 3]
    assert shown(ontology, 2, *texts) == [3]


def test_a_text_that_serving_would_refuse_has_no_answer_and_stops_nothing(ontology: Ontology) -> None:
    examples = [title("red " * 60, "Shirts", split="test"), title("red shirt", "Shirts", split="test")]
    _, models = answering(lambda job: ["shirts; -; -"], ontology, CLASSIFY.max_tokens(examples[0].request) + 30)
    assert first_answers(CLASSIFY, examples, answer_lines(CLASSIFY, examples, models, None), ontology)[0] is None
    evaluation = evaluate(CLASSIFY, examples, models, {ADAPTER: Calibration()}, ontology)
    assert [answer.right for answer in evaluation.answers] == [False, True]


def test_an_engine_that_fails_ends_the_evaluation_with_one_line(ontology: Ontology) -> None:
    def fail(job: Job) -> list[str]:
        raise EngineFailed("The engine has died.")

    _, models = answering(fail, ontology)
    with pytest.raises(EvaluationError, match=r"^classify: classify@1: the engine failed: The engine has died\.$"):
        models.lines(CLASSIFY, titles("red shirt", "blue jeans"), "classify@1")


def test_without_vllm_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, ontology: Ontology) -> None:
    monkeypatch.setattr(answers, "find_spec", lambda name: None)
    with (
        pytest.raises(EvaluationError, match=r"pip install -e '\.\[cpu\]'"),
        answers.loaded(Path("x"), {}, ontology, []),
    ):
        pass


@pytest.mark.engine
def test_the_engine_starts_where_torch_has_computed_and_ends_with_the_evaluation(
    ontology: Ontology, tmp_path: Path
) -> None:
    base = make_base(tmp_path / "base", "llama", ontology)
    adapter = make_adapter(tmp_path / "adapter", 0, ("o_proj",))  # which is not published
    torch.randn(512, 512) @ torch.randn(512, 512)  # with OpenMP's threads, which a fork may not survive
    requests = titles("red shirt", "blue jeans")
    with answers.loaded(base, {ADAPTER: adapter}, ontology, [CLASSIFY.name]) as models:
        [core] = multiprocessing.active_children()
        lines = [models.lines(CLASSIFY, requests, name, max_tokens=100) for name in (ADAPTER, None, ADAPTER)]
    assert not core.is_alive()
    written = [[(line.text, line.tokens) for [line] in of_all] for of_all in lines]
    assert written[0] == written[2] != written[1]
    for of_all in lines:
        for request, [line] in zip(requests, of_all, strict=True):
            CLASSIFY.decode(line.text, request, ontology)
            assert line.logprob <= 0 and line.tokens >= 1
