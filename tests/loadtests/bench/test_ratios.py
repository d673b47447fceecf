from dataclasses import asdict
from typing import Any

import pytest

from loadtests.bench.load import Level
from loadtests.bench.ratios import TARGETS, Target, agreement, ratios
from loadtests.bench.report import markdown, plot


def level(workload: str, in_flight: int | None, rate: float, p50: float | None) -> dict[str, Any]:
    arrivals, answers = None if in_flight else 5.0, 0 if p50 is None else 100
    return asdict(Level(workload, in_flight, arrivals, answers, 0, rate, 11.0, p50, p50, p50, None, 1.0))


def side(rate: float, p50: float | None, answers: list[Any]) -> dict[str, Any]:
    levels = [level("classify", 1, rate, p50), level("classify", 64, 2 * rate, p50), level("mixed", None, 5, p50)]
    return {"start_seconds": 18.0, "memory_mb": 900.0, "levels": levels, "compared": {"classify": answers}}


SIDES = {
    "typed": side(10, 80.0, [{"category": "Shirts"}, {"category": "Dresses"}, None]),
    "engine": side(12.5, 78.0, [{"category": "Shirts"}, {"category": "Dresses"}, None]),
    "plain": side(1, 400.0, [{"category": "Shirts"}, {"category": "Shirts"}, {"category": "Bags"}]),
}


def test_ratios_are_of_the_same_load() -> None:
    figures = ratios(SIDES)
    assert figures["typed.ready_seconds"] == 18
    assert figures["typed_to_plain.classify.answers_per_second.64"] == 10
    assert figures["typed_to_engine.classify.answers_per_second.64"] == pytest.approx(0.8)
    assert figures["typed_to_plain.classify.p50.1"] == pytest.approx(0.2)
    assert not any("peft" in name or "mixed" in name for name in figures)


def test_a_side_that_did_not_run_or_answer_has_no_ratio() -> None:
    assert ratios({"plain": SIDES["plain"]}) == {}
    silent = {**SIDES, "plain": side(0, None, [])}
    assert not any("plain" in name for name in ratios(silent))


def test_a_missing_answer_never_agrees() -> None:
    assert agreement(SIDES) == {"engine.classify": 2 / 3, "plain.classify": 1 / 3}


def test_targets() -> None:
    assert Target("a", 8).met(8) and not Target("a", 8).met(7.9)
    assert Target("a", 1.2, at_most=True).met(1.2) and not Target("a", 1.2, at_most=True).met(1.3)
    assert len({target.name for target in TARGETS}) == len(TARGETS)


def test_the_report_marks_the_targets_that_are_missed() -> None:
    report = {
        "sides": SIDES,
        "ratios": {**ratios(SIDES), "layer.classify.added_ms.1": 3.5},
        "workloads": ["classify"],
        "in_flight": [1, 64],
        "agreement": agreement(SIDES),
        "command": "shoplora bench",
        "machine": "2 cores",
        "versions": {"vllm": "1"},
        "seconds": 9,
    }
    tables = markdown(report)
    assert "`shoplora bench`: 9 s on 2 cores; vllm 1." in tables
    assert "| typed_to_plain.classify.answers_per_second.64 | 10.00 | ≥ 8 | yes |" in tables
    assert "| layer.classify.added_ms.1 | 3.50 | ≤ 3 | no |" in tables
    assert "| classify | 64 | plain vLLM, JSON | 2.0 | 400 | 400 | 400 | - | 11.0 | 0 |" in tables
    assert "| 5 | typed endpoints | 5.0 | 80 | 80 | 80 | - | 100% | 0 |" in tables
    assert plot(report).count("<svg") == 1
