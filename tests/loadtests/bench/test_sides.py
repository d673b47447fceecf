import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from loadtests.bench.load import Failed, Told
from loadtests.bench.sides import (
    COMPARED,
    MIXED,
    Asker,
    Plan,
    Result,
    _memory,
    _over_http,
    _time_to_first_token,
    asking,
)

METRICS = """# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.1"} 3.0
vllm:time_to_first_token_seconds_count{engine="0"} 4.0
vllm:time_to_first_token_seconds_sum{engine="0"} 0.5
vllm:time_to_first_token_seconds_created{engine="0"} 1.7e+09
"""


def test_the_time_to_the_first_token_is_read_from_vllms_histogram() -> None:
    assert _time_to_first_token(METRICS) == (0.5, 4)


def test_mixed_goes_round_the_tasks() -> None:
    asked: list[tuple[str, int]] = []

    async def ask(name: str, number: int) -> Told:
        asked.append((name, number))
        return Told(None, 1)

    async def no_first_tokens() -> None:
        return None

    async def four_requests() -> None:
        requests: dict[str, tuple[dict[str, Any], ...]] = {"rewrite": ({},) * 30, "classify": ({},) * 30}
        plan = Plan(requests, (MIXED,), (1,), (), 1)
        next_one = asking(Asker(ask, no_first_tokens), MIXED, plan)
        for _ in range(4):
            await next_one()

    asyncio.run(four_requests())
    first = COMPARED // 2
    assert asked == [("rewrite", first), ("classify", first), ("rewrite", first + 1), ("classify", first + 1)]


def test_refusals_are_failures_and_answers_are_read() -> None:
    async def handle(request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response({"tokens": 3, **body}, status=200 if body["fits"] else 422)

    def asked(name: str, number: int) -> tuple[str, dict[str, Any]]:
        return f"/v1/{name}", {"fits": number == 0}

    def told(name: str, number: int, answer: dict[str, Any]) -> Told:
        return Told({"fits": answer["fits"]}, answer["tokens"])

    async def both() -> None:
        app = web.Application()
        app.router.add_post("/v1/rewrite", handle)
        async with TestServer(app) as server, _over_http(str(server.make_url("/")), asked, told) as asker:
            assert await asker.ask("rewrite", 0) == Told({"fits": True}, 3)
            assert await asker.first_tokens() is None  # it has no /metrics
            with pytest.raises(Failed, match="fits"):
                await asker.ask("rewrite", 1)

    asyncio.run(both())


def test_memory_is_that_of_the_sides_processes() -> None:
    alone, together = Result(0), Result(0)
    with _memory(alone, with_this=False), _memory(together, with_this=True):
        pass
    assert together.memory_mb > alone.memory_mb + 10
