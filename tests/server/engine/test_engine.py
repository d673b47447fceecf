"""What the engine does around vLLM, with vLLM itself replaced; `test_engine_e2e` has the real one."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from server.engine.engine import Engine
from server.engine.generation import Completion, Generation, Job
from server.errors import EngineFailed, StartError
from server.settings import Settings


@dataclass
class LoRARequest:
    """In place of vLLM's."""

    name: str
    number: int
    path: str


class Llm:
    """In place of vLLM's engine."""

    def __init__(self) -> None:
        self.loaded: list[LoRARequest] = []
        self.model_config = SimpleNamespace(max_model_len=512)
        self.is_shut_down = False
        self.output_handler: asyncio.Task[None] | None = None

    def get_tokenizer(self) -> None:
        pass

    async def add_lora(self, lora: LoRARequest) -> None:
        self.loaded.append(lora)

    def shutdown(self) -> None:
        self.is_shut_down = True


@pytest.fixture
def llm(monkeypatch: pytest.MonkeyPatch) -> Llm:
    llm = Llm()
    monkeypatch.setattr(Engine, "_import", lambda self: None)
    monkeypatch.setattr(Engine, "_build", lambda self, *arguments: llm)
    modules = {"vllm": ModuleType("vllm"), "vllm.lora": ModuleType("vllm.lora"), "vllm.lora.request": LoRARequest}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(LoRARequest, "LoRARequest", LoRARequest, raising=False)
    return llm


def test_each_adapter_gets_an_integer_of_its_own_when_it_is_loaded(llm: Llm) -> None:
    asyncio.run(Engine(Settings()).start(Path("base"), {"classify@1": Path("one"), "rewrite@1": Path("two")}))
    assert llm.loaded == [LoRARequest("classify@1", 1, "one"), LoRARequest("rewrite@1", 2, "two")]


def test_the_engine_core_is_forked_on_a_thread_that_lives_until_the_engine_is_closed(
    llm: Llm, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def build(self: Engine, *arguments: Any) -> Llm:
        threads.append(threading.current_thread())
        return llm

    monkeypatch.setattr(Engine, "_build", build)
    engine = Engine(Settings())
    asyncio.run(engine.start(Path("base"), {}))  # its end is the end of the event loop's own threads
    [thread] = threads
    assert thread is not threading.current_thread() and thread.is_alive()
    asyncio.run(engine.close())
    assert llm.is_shut_down
    thread.join(60)
    assert not thread.is_alive()


def test_without_a_gpu_the_build_for_gpus_says_what_to_run_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    platforms: Any = ModuleType("vllm.platforms")
    platforms.current_platform = SimpleNamespace(is_unspecified=lambda: True)
    monkeypatch.setitem(sys.modules, "vllm", ModuleType("vllm"))
    monkeypatch.setitem(sys.modules, "vllm.platforms", platforms)
    with pytest.raises(StartError, match=r"finds no GPU.*`ENGINE=cpu make serve`"):
        asyncio.run(Engine(Settings()).start(Path("base"), {}))


def output(index: int, text: str, seconds: float, finish_reason: str | None = None) -> Any:
    token = SimpleNamespace(decoded_token=text, logprob=-0.5)
    sample = SimpleNamespace(index=index, text=text, logprobs=[{1: token}], finish_reason=finish_reason)
    return SimpleNamespace(outputs=[sample], metrics=SimpleNamespace(first_token_latency=seconds))


def job(n: int) -> Job:
    return Job("id", "classify@1", [1, 2, 3], "root ::= [a-z]+", 8, n)


def make_engine(monkeypatch: pytest.MonkeyPatch, streamed: list[Any], whole: list[Any]) -> Engine:
    """An engine in which vLLM gives these outputs, for streamed and for plain jobs."""

    async def run(self: Engine, of: Job, is_streamed: bool) -> AsyncGenerator[Any]:
        for item in streamed if is_streamed else whole:
            yield item

    monkeypatch.setattr(Engine, "_run", run)
    return Engine(Settings())


def test_plain_and_streamed_jobs_take_the_time_of_the_first_token_from_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    streamed = [output(0, "a", 0.25), output(1, "b", 0.5), output(0, "c", 0.25, "stop"), output(1, "", 0.5, "length")]
    whole = output(0, "ac", 0.5, "stop")
    whole.outputs += output(1, "b", 0.5, "length").outputs
    engine, two = make_engine(monkeypatch, streamed, [whole]), job(2)

    async def collect() -> list[str | Generation]:
        return [item async for item in engine.stream(two)]

    *pieces, generation = asyncio.run(collect())
    assert pieces == ["a", "c"]
    completions = [Completion("ac", ("a", "c"), (-0.5, -0.5)), Completion("b", ("b", ""), (-0.5, -0.5))]
    assert generation == Generation(completions, 3, 0.5)
    assert asyncio.run(engine.generate(two)).first_token == 0.5


@pytest.mark.parametrize("outputs", [[], [output(0, "a", 0.1, "stop")], [output(0, "a", 0.1), output(1, "a", 0.1)]])
def test_an_answer_with_a_missing_or_unfinished_sample_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, outputs: list[Any]
) -> None:
    with pytest.raises(EngineFailed):
        asyncio.run(make_engine(monkeypatch, [], outputs).generate(job(2)))
