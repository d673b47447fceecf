import asyncio

import pytest

from loadtests.bench.load import Failed, Reply, arriving, closed
from tests.loadtests.bench.virtual_time import run


class Server:
    """Answers after some seconds, so many requests at once; every `fails`-th request fails."""

    def __init__(self, seconds: float, at_once: int = 1000, fails: int = 0) -> None:
        self._seconds, self._slots, self._fails = seconds, asyncio.Semaphore(at_once), fails
        self.requests = self.in_flight = self.most_in_flight = 0

    async def send(self) -> Reply:
        self.requests += 1
        number = self.requests
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            async with self._slots:
                await asyncio.sleep(self._seconds)
        finally:
            self.in_flight -= 1
        if self._fails and number % self._fails == 0:
            raise Failed("no")
        return Reply({"color": "red"}, tokens=7, first_token=0.004)


def test_a_closed_loop_keeps_that_many_in_flight() -> None:
    server = Server(0.02)
    level = run(closed("rewrite", server.send, in_flight=4, seconds=0.3))
    assert server.most_in_flight == 4 and server.in_flight == 0
    assert (level.workload, level.in_flight, level.rate, level.failed) == ("rewrite", 4, None, 0)
    assert (level.p50, level.p99) == pytest.approx((20, 20))
    assert level.answers_per_second == pytest.approx(4 / 0.02, rel=0.1)
    assert level.tokens_per_answer == 7
    assert level.ttft == pytest.approx(4)


def test_the_first_answers_are_not_counted() -> None:
    server = Server(0.01)
    level = run(closed("rewrite", server.send, in_flight=8, seconds=0.2))
    assert 8 <= server.requests - level.answers <= 3 * 8  # the warm-up, and those unanswered at the end


def test_a_side_that_fails_is_measured_too() -> None:
    level = run(closed("rewrite", Server(0.005, fails=2).send, in_flight=2, seconds=0.5))
    assert level.failed > 0 and level.answers > 0
    silent = run(closed("rewrite", Server(0, fails=1).send, in_flight=2, seconds=0.1))
    assert silent.answers == 0 and silent.p50 is None and silent.in_time == 0


def test_arrivals_do_not_wait_for_answers() -> None:
    server = Server(0.2)
    level = run(arriving("mixed", server.send, rate=100, seconds=0.5))
    assert server.most_in_flight > 10  # a closed loop of one would have one
    assert level.answers == server.requests
    assert (level.p50, level.p99) == pytest.approx((200, 200))
    assert (level.in_flight, level.rate, level.in_time) == (None, 100, 1.0)


def test_waiting_behind_others_counts() -> None:
    level = run(arriving("mixed", Server(0.05, at_once=1).send, rate=60, seconds=0.5))
    assert level.p99 is not None and level.p50 is not None
    assert level.p99 > 200 and level.p50 > 50


def test_arrivals_come_at_the_same_times_in_every_run() -> None:
    first, second = Server(0), Server(0)
    run(arriving("mixed", first.send, rate=200, seconds=0.2))
    run(arriving("mixed", second.send, rate=200, seconds=0.2))
    assert first.requests == second.requests > 0
