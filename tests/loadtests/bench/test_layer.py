import asyncio

import pytest

from loadtests.bench import layer
from loadtests.bench.load import Reply, Send
from tests.loadtests.bench.virtual_time import run


def side(seconds: float) -> Send:
    async def send() -> Reply:
        await asyncio.sleep(seconds)
        return Reply(None, 1)

    return send


def test_a_slower_side_adds_its_delay() -> None:
    assert run(layer.added(side(0.08), side(0.02))) == pytest.approx(60)


def test_a_side_that_takes_four_times_as_long_answers_a_quarter() -> None:
    assert run(layer.throughput("classify", side(0.08), side(0.02))) == pytest.approx(0.25, rel=0.05)
