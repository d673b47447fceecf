import asyncio

import pytest

from loadtests.bench.load import Failed, Told, arriving, closed

ANSWER = Told({"color": "red"}, tokens=7, first_token=0.004)


class Server:
    """Answers after a while, so many at once; every `fails`-th request fails."""

    def __init__(self, seconds: float, at_once: int = 1000, fails: int = 0) -> None:
        self._seconds, self._slots, self._fails = seconds, asyncio.Semaphore(at_once), fails
        self.asked = self.active = self.most = 0

    async def ask(self) -> Told:
        self.asked += 1
        number = self.asked
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            async with self._slots:
                await asyncio.sleep(self._seconds)
        finally:
            self.active -= 1
        if self._fails and number % self._fails == 0:
            raise Failed("no")
        return ANSWER


def test_a_closed_loop_keeps_that_many_in_flight() -> None:
    async def measured() -> None:
        server = Server(0.02)
        level = await closed("rewrite", server.ask, in_flight=4, seconds=0.3)
        assert server.most == 4 and server.active == 0
        assert (level.workload, level.in_flight, level.rate, level.failed) == ("rewrite", 4, None, 0)
        assert level.p50 is not None and level.p50 >= 20
        assert level.answers_per_second <= 4 / 0.02
        assert level.tokens_per_answer == 7
        assert level.ttft == pytest.approx(4)

    asyncio.run(measured())


def test_the_first_answers_are_not_counted() -> None:
    async def measured() -> None:
        server = Server(0.01)
        level = await closed("rewrite", server.ask, in_flight=8, seconds=0.2)
        assert 8 <= server.asked - level.answers <= 3 * 8  # warming up, and what the end cut off

    asyncio.run(measured())


def test_a_side_that_fails_is_measured_too() -> None:
    async def measured() -> None:
        level = await closed("rewrite", Server(0.005, fails=2).ask, in_flight=2, seconds=0.5)
        assert level.failed > 0 and level.answers > 0
        nothing = await closed("rewrite", Server(0, fails=1).ask, in_flight=2, seconds=0.1)
        assert nothing.answers == 0 and nothing.p50 is None and nothing.in_time == 0

    asyncio.run(measured())


def test_arrivals_do_not_wait_for_answers() -> None:
    async def measured() -> None:
        server = Server(0.2)
        level = await arriving("mixed", server.ask, rate=100, seconds=0.5)
        assert server.most > 10  # a closed loop of one would have one
        assert level.answers == server.asked and 20 <= level.answers <= 90
        assert (level.in_flight, level.rate, level.in_time) == (None, 100, 1.0)

    asyncio.run(measured())


def test_waiting_behind_others_counts() -> None:
    async def measured() -> None:
        level = await arriving("mixed", Server(0.05, at_once=1).ask, rate=60, seconds=0.5)
        assert level.p99 is not None and level.p50 is not None
        assert level.p99 > 200 and level.p50 > 50

    asyncio.run(measured())


def test_arrivals_come_at_the_same_times_in_every_run() -> None:
    async def measured() -> None:
        first, second = Server(0), Server(0)
        await arriving("mixed", first.ask, rate=200, seconds=0.2)
        await arriving("mixed", second.ask, rate=200, seconds=0.2)
        assert first.asked == second.asked > 0

    asyncio.run(measured())
