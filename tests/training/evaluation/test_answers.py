"""What evaluation asks the engine: jobs as in serving, shots, limits, refusals; and the real engine's start and end."""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from adapters.errors import ShopLoraError
from adapters.manifest import Calibration
from adapters.ontology import Ontology
from adapters.tasks import classify, task
from server.engine import config
from server.engine.fake_engine import FakeEngine
from server.engine.generation import Job
from server.errors import EngineFailed
from server.settings import Settings
from tests.adapters.completions import line
from tests.tiny import make_adapter, make_base, make_weights
from tests.training.tasks.builders import review, title
from training.evaluation import answers
from training.evaluation.answers import EvaluationError, Models
from training.evaluation.evaluate import evaluate, first_answers
from training.evaluation.results import ADAPTER

CLASSIFY = task("classify")
# As torchrun sets it in the first of two processes.
LAUNCHED = {
    "RANK": "0",
    "LOCAL_RANK": "0",
    "GROUP_RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
}
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


def test_of_a_partial_example_the_first_field_is_the_answers_and_the_rest_as_expected(ontology: Ontology) -> None:
    examples = [review("negative; no; beginner; -", known_fields=3)]
    samples = [[line("positive; yes; -; -")]]
    [labels] = first_answers(task("extract"), examples, samples, ontology)
    assert task("extract").encode(labels) == "positive; no; beginner; -"


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
    assert (
        first_answers(CLASSIFY, examples, models.lines(CLASSIFY, [e.request for e in examples], None), ontology)[0]
        is None
    )
    evaluation = evaluate(CLASSIFY, examples, models, {ADAPTER: Calibration()}, ontology)
    assert [answer.right for answer in evaluation.answers] == [False, True]


def test_an_engine_that_fails_ends_the_evaluation_with_one_line(ontology: Ontology) -> None:
    def fail(job: Job) -> list[str]:
        raise EngineFailed("The engine has died.")

    _, models = answering(fail, ontology)
    with pytest.raises(EvaluationError, match=r"^classify: classify@1: the engine failed: The engine has died\.$"):
        models.lines(CLASSIFY, titles("red shirt", "blue jeans"), "classify@1")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The bases that an engine was started with."""
    bases: list[Path] = []

    class Started(FakeEngine):
        def __init__(self, settings: Settings, fork: bool) -> None:
            super().__init__(lambda job: [])

        async def start(self, base: Path, adapters: Mapping[str, Path], context: int | None = None) -> None:
            bases.append(base)

    monkeypatch.setattr(answers, "Engine", Started)
    return bases


def test_an_adapter_whose_weights_are_no_numbers_spoils_no_figures(
    ontology: Ontology, tmp_path: Path, started: list[Path]
) -> None:
    base = make_weights(tmp_path / "base")
    sound, diverged = (make_adapter(tmp_path / name, 0, ("o_proj",)) for name in ("sound", "diverged"))
    with answers.loaded(base, {ADAPTER: sound}, ontology, []):
        assert started == [base]
    tensors = load_file(diverged / "adapter_model.safetensors")
    next(iter(tensors.values()))[0, 0] = np.nan
    save_file(tensors, diverged / "adapter_model.safetensors")
    with (
        pytest.raises(ShopLoraError, match=r"diverged/.* NaN or infinite"),
        answers.loaded(base, {ADAPTER: sound, "other": diverged}, ontology, []),
    ):
        pass
    assert started == [base]


def test_a_base_that_vllm_cannot_serve_is_refused_before_it_is_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = make_weights(tmp_path)
    answers.check_possible(base)
    (base / "config.json").write_text('{"vision_config": {}}')
    monkeypatch.setattr(config, "find_spec", lambda name: None)  # no torchvision
    with pytest.raises(ShopLoraError, match="also reads images"):
        answers.check_possible(base)


def test_several_processes_do_not_all_evaluate(monkeypatch: pytest.MonkeyPatch) -> None:
    answers.check_alone()
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(EvaluationError, match="run this without `accelerate launch`"):
        answers.check_alone()


def test_without_vllm_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, ontology: Ontology) -> None:
    monkeypatch.setattr(answers, "find_spec", lambda name: None)
    with (
        pytest.raises(EvaluationError, match=r"pip install -e '\.\[cpu\]'"),
        answers.loaded(Path("x"), {}, ontology, []),
    ):
        pass


@pytest.mark.engine
def test_the_engine_starts_where_torch_has_computed_and_ends_with_the_evaluation(
    ontology: Ontology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = make_base(tmp_path / "base", "llama", ontology)
    adapter = make_adapter(tmp_path / "adapter", 0, ("o_proj",))  # which is not published
    torch.randn(512, 512) @ torch.randn(512, 512)  # with OpenMP's threads, which a fork may not survive
    for name, value in LAUNCHED.items():
        monkeypatch.setenv(name, value)
    requests = titles("red shirt", "blue jeans")
    with answers.loaded(base, {ADAPTER: adapter}, ontology, [CLASSIFY.name]) as models:
        [core] = multiprocessing.active_children()
        lines = [models.lines(CLASSIFY, requests, name) for name in (ADAPTER, None, ADAPTER)]
    assert not core.is_alive()
    texts = [[(one.text, one.tokens) for [one] in of_all] for of_all in lines]
    assert texts[0] == texts[2] != texts[1]
    for of_all in lines:
        for request, [written] in zip(requests, of_all, strict=True):
            CLASSIFY.decode(written.text, request, ontology)
            assert written.logprob <= 0 and written.tokens >= 1


@pytest.mark.engine
def test_a_spawned_core_that_does_not_start_gives_its_reason_and_no_traceback(
    ontology: Ontology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    base = make_base(tmp_path / "base", "llama", ontology)
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1000000")
    with (
        pytest.raises(ShopLoraError, match=r"VLLM_CPU_KVCACHE_SPACE gives the cache 1000000\.00 GiB.* GiB are free$"),
        answers.loaded(base, {}, ontology, [CLASSIFY.name]),
    ):
        pass
    assert not re.search("Traceback|ERROR", "".join(capfd.readouterr()))
