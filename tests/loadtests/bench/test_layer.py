import asyncio

import pytest

from loadtests.bench import layer
from loadtests.bench.load import Told


def side(seconds: float) -> layer.Ask:
    async def ask() -> Told:
        await asyncio.sleep(seconds)
        return Told(None, 1)

    return ask


def test_what_a_slower_side_adds_and_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "TURNS", 1)
    monkeypatch.setattr(layer, "SECONDS", 0.1)
    monkeypatch.setattr(layer, "PAIRS", 3)
    slow, fast = side(0.08), side(0.02)
    assert 40 < asyncio.run(layer.added(slow, fast)) < 120
    assert asyncio.run(layer.throughput("classify", slow, fast)) < 0.6
