import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from loadtests.bench.load import Failed, Reply
from loadtests.bench.sides import (
    COMPARED,
    MIXED,
    Client,
    Plan,
    Result,
    _first_tokens,
    _measured_memory,
    _over_http,
    sender,
)

METRICS = """# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.1"} 3.0
vllm:time_to_first_token_seconds_count{engine="0"} 4.0
vllm:time_to_first_token_seconds_sum{engine="0"} 0.5
vllm:time_to_first_token_seconds_created{engine="0"} 1.7e+09
"""


def test_the_time_to_the_first_token_is_read_from_vllms_histogram() -> None:
    assert _first_tokens(METRICS) == (0.5, 4)


def test_mixed_goes_round_the_tasks() -> None:
    sent: list[tuple[str, int]] = []

    async def send(name: str, number: int) -> Reply:
        sent.append((name, number))
        return Reply(None, 1)

    async def no_first_tokens() -> None:
        return None

    async def four_requests() -> None:
        requests: dict[str, tuple[dict[str, Any], ...]] = {"rewrite": ({},) * 30, "classify": ({},) * 30}
        plan = Plan(requests, (MIXED,), (1,), (), 1)
        send_next = sender(Client(send, no_first_tokens), MIXED, plan)
        for _ in range(4):
            await send_next()

    asyncio.run(four_requests())
    first = COMPARED // 2
    assert sent == [("rewrite", first), ("classify", first), ("rewrite", first + 1), ("classify", first + 1)]


def test_refusals_are_failures_and_answers_are_read() -> None:
    async def handle(request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response({"tokens": 3, **body}, status=200 if body["fits"] else 422)

    def http_request(name: str, number: int) -> tuple[str, dict[str, Any]]:
        return f"/v1/{name}", {"fits": number == 0}

    def read_reply(name: str, number: int, answer: dict[str, Any]) -> Reply:
        return Reply({"fits": answer["fits"]}, answer["tokens"])

    async def both() -> None:
        app = web.Application()
        app.router.add_post("/v1/rewrite", handle)
        async with TestServer(app) as server, _over_http(str(server.make_url("/")), http_request, read_reply) as client:
            assert await client.send("rewrite", 0) == Reply({"fits": True}, 3)
            assert await client.first_tokens() is None  # it has no /metrics
            with pytest.raises(Failed, match="fits"):
                await client.send("rewrite", 1)

    asyncio.run(both())


def test_memory_is_that_of_the_processes_of_the_side() -> None:
    alone, together = Result(0), Result(0)
    with _measured_memory(alone, with_this_process=False), _measured_memory(together, with_this_process=True):
        pass
    assert together.memory_mb > alone.memory_mb + 10
