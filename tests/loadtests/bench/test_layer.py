import asyncio
import time

import pytest

from loadtests.bench import layer
from loadtests.bench.load import Ask, Told


def test_what_a_slower_side_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def side(seconds: float) -> Ask:
        async def ask() -> Told:
            now[0] += seconds
            return Told(None, 1)

        return ask

    assert asyncio.run(layer.added(side(0.08), side(0.02))) == pytest.approx(60)


def test_what_a_slower_side_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "TURNS", 1)
    monkeypatch.setattr(layer, "SECONDS", 0.1)

    def side(seconds: float) -> Ask:
        async def ask() -> Told:
            await asyncio.sleep(seconds)
            return Told(None, 1)

        return ask

    assert asyncio.run(layer.throughput("classify", side(0.08), side(0.02))) < 0.6
