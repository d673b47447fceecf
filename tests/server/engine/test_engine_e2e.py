"""The whole server on the real engine, with a tiny random model; `test_shapes_e2e` has other architectures.

Random weights write nonsense; the grammars make even that a valid answer.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from adapters.ontology import Ontology
from adapters.store import Store
from adapters.tasks import tasks
from server.app import create_app
from server.engine.engine import Engine
from server.engine.generation import Generation, Job
from server.service import Service
from server.settings import Settings
from tests.server.http.test_routes import events
from tests.server.test_metrics import sample
from tests.tiny import CONTEXT, make_base, publish_all

pytestmark = pytest.mark.engine

START_LIMIT = 600.0  # seconds
LIMIT = 60.0  # seconds, after which a test fails instead of waiting for ever
LONG = {"name": "Evening Calm Candle", "max_words": 150}  # more than one step
T = TypeVar("T")


class Gate:
    """While it is closed, the engine core stops after a step that leaves a request running."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        context = multiprocessing.get_context("fork")  # as the engine core is
        self.is_open, self.is_reached = context.Event(), context.Event()
        self.is_open.set()
        import_vllm = Engine._import

        def import_and_patch(engine: Engine) -> None:
            import_vllm(engine)
            from vllm.v1.core.sched.scheduler import Scheduler

            patch.setattr(Scheduler, "update_from_output", self._held(Scheduler.update_from_output))

        patch.setattr(Engine, "_import", import_and_patch)

    def _held(self, update: Callable[..., Any]) -> Callable[..., Any]:
        def held(scheduler: Any, *args: Any, **kwargs: Any) -> Any:
            outputs = update(scheduler, *args, **kwargs)
            if scheduler.running and not self.is_open.is_set():
                self.is_reached.set()
                self.is_open.wait()
            return outputs

        return held

    @contextmanager
    def closed(self) -> Iterator[None]:
        self.is_reached.clear()
        self.is_open.clear()
        try:
            yield
        finally:
            self.is_open.set()


@dataclass
class Served:
    app: FastAPI
    url: str
    loop: asyncio.AbstractEventLoop
    gate: Gate

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    def active(self) -> int:
        """Jobs that hold or wait for a slot of the engine."""
        active: int = self.service.engine._llm.get_num_unfinished_requests()  # type: ignore[attr-defined]
        return active

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs it where the engine lives."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(LIMIT)

    def counted(self, outcome: str) -> float:
        page = httpx.get(f"{self.url}/metrics").text
        return sample(page, "shoplora_requests_total", outcome=outcome)


def until(condition: Callable[[], bool], seconds: float = LIMIT) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, ontology: Ontology) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    base = make_base(folder / "base", "llama", ontology)
    publish_all(Store(folder / "store"), base, ontology, folder / "staged")
    failed: list[bool] = []
    patch = pytest.MonkeyPatch()
    gate = Gate(patch)
    app = create_app(Settings(base=str(base), store=folder / "store"), give_up=lambda: failed.append(True))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    try:
        with warnings.catch_warnings():  # the engine core is a fork and would raise warnings as errors, as tests do
            warnings.simplefilter("ignore")
            thread.start()
            until(lambda: server.started)
            url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            assert httpx.get(f"{url}/health").json()["status"] == "alive"
            until(lambda: bool(failed) or httpx.get(f"{url}/ready", timeout=LIMIT).status_code == 200, START_LIMIT)
        assert not failed
        llm = weakref.ref(app.state.service.engine._llm)
        yield Served(app, url, loops[0], gate)
    finally:
        server.should_exit = True
        thread.join(LIMIT)
        patch.undo()
    gc.collect()
    assert llm() is None, "vLLM's engine would print a traceback at the interpreter's end"


def test_tasks_mixed_in_one_batch_answer_validly(served: Served, ontology: Ontology) -> None:
    bodies = [
        *(("classify", {"title": f"{word} men navy shirt"}) for word in ("turtle", "puma", "x")),
        *(("rewrite", {"query": query}) for query in ("red dress", "gift under $20", "a b c d")),
        *(("extract", {"review": text}) for text in ("Great for beginners.", "Broke at once.")),
        *(("copywrite", {"name": name, "max_words": 10}) for name in ("Candle", "Backpack")),
        *((name, tasks()[name].example) for name in ("churn", "support")),
    ]

    async def ask_all() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=served.url, timeout=LIMIT) as client:
            posts = (client.post(f"/v1/{name}", json=body) for name, body in bodies)
            return await asyncio.gather(*posts)

    answered = 0
    for (name, body), response in zip(bodies, asyncio.run(ask_all()), strict=True):
        if response.status_code == 503:  # a line that would not end, and no other answer to give
            assert response.json()["type"].endswith(":undecodable-answer")
            request = tasks()[name].request.model_validate(body)
            assert tasks()[name].fallback(request, ontology) is None
            continue
        assert response.status_code == 200, response.text
        answered += 1
        answer = response.json()
        tasks()[name].answer.model_validate(answer)
        assert answer["model"] == served.service.versions[name].name
        if name == "classify":
            assert tuple(answer["category"]["path"]) in {category.path for category in ontology.categories.values()}
            colors = ontology.attributes["color"].values
            assert answer["attributes"].get("color", colors[0]) in colors
        if name == "rewrite":
            for attribute, values in answer["filters"].items():
                closed = ontology.attributes.get(attribute)  # others are as the query says
                known = closed.values if closed else ()
                assert all(v in known or v in body["query"] for v in values), answer
    assert answered >= 8
    assert served.active() == 0


def test_each_adapter_is_really_applied_and_the_base_has_none(served: Served) -> None:
    engine = served.service.engine
    prompt = engine.tokenize([{"role": "user", "content": "a red shirt"}], 8)

    async def write() -> list[Generation]:
        jobs = [
            Job(f"applied-{number}", version.name, prompt, "root ::= [a-z]+", 8)
            for number, version in enumerate(served.service.live)
        ]
        jobs.append(Job("base", None, prompt, "root ::= [a-z]+", 8))
        together = await asyncio.gather(*(engine.generate(job) for job in jobs))
        return [*together, await engine.generate(jobs[-1])]

    *generations, alone = served.run(write())
    written = {(g.completions[0].text, g.completions[0].logprob) for g in generations}
    assert len(written) == len(tasks()) + 1  # the base, which adapters in its batch do not change:
    assert generations[-1].completions[0].text == alone.completions[0].text
    assert generations[-1].completions[0].logprob == pytest.approx(alone.completions[0].logprob, abs=0.05)
    assert all(g.first_token > 0 and g.completions[0].logprob < 0 for g in generations)


def test_a_stream_ends_with_the_answer(served: Served) -> None:
    body = {"name": "Candle", "max_words": 10, "stream": True}
    response = httpx.post(f"{served.url}/v1/copywrite", json=body, timeout=LIMIT)
    names = [name for name, _ in events(response.text)]
    assert set(names) == {"delta", "answer"} and names[-1] == "answer"
    tasks()["copywrite"].answer.model_validate(events(response.text)[-1][1])


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_a_client_that_leaves_frees_its_slots_in_the_engine(served: Served, stream: bool) -> None:
    cancelled = served.counted("cancelled")

    async def leave() -> None:
        async with httpx.AsyncClient(base_url=served.url, timeout=LIMIT) as client:
            response = asyncio.create_task(client.post("/v1/copywrite", json={**LONG, "stream": stream}))
            assert await asyncio.to_thread(served.gate.is_reached.wait, LIMIT)
            assert served.active() > 0
            response.cancel()
            await asyncio.wait([response])

    with served.gate.closed():
        asyncio.run(leave())
        until(lambda: served.active() == 0)
        until(lambda: served.counted("cancelled") == cancelled + 1)
    # The engine core reports how many requests it runs with its next step.
    httpx.post(f"{served.url}/v1/classify", json={"title": "shirt"}, timeout=LIMIT)
    page = httpx.get(f"{served.url}/metrics").text
    assert sample(page, "vllm:num_requests_running") == 0
    assert sample(page, "vllm:num_requests_waiting") == 0


def test_a_text_that_does_not_fit_the_context_is_refused(served: Served) -> None:
    review = " ".join(f"strap{n}" for n in range(250))  # what a review repeats is read once
    long = httpx.post(f"{served.url}/v1/extract", json={"review": review})
    assert long.status_code == 422 and long.json()["type"].endswith(":text-too-long")
    assert str(CONTEXT) in long.json()["detail"]


def test_vllms_own_metrics_are_on_the_page(served: Served) -> None:
    page = httpx.get(f"{served.url}/metrics").text
    assert sample(page, "vllm:generation_tokens_total") > 0
    assert sample(page, "shoplora_requests_total", outcome="ok") > 0


def test_a_dead_engine_fails_liveness_and_every_task(served: Served) -> None:  # the last: there is no way back
    [core] = multiprocessing.active_children()
    core.kill()
    until(lambda: served.service.engine.errored)
    for response in (
        httpx.get(f"{served.url}/health"),
        httpx.post(f"{served.url}/v1/classify", json={"title": "shirt"}),
    ):
        assert response.status_code == 503
        assert response.json()["type"].endswith(":engine-failed")
        assert "Traceback" not in response.text
