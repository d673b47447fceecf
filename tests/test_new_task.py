"""A new task is one file: endpoint, training, evaluation and metrics follow from it.

Tested with the task that docs/tasks.md shows and with `churn` and `support`, which no other module names.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import adapters.tasks as package
from adapters.adapter_folder import CARD
from adapters.ontology import Ontology
from adapters.settings import SharedSettings
from adapters.store import Store
from adapters.tasks import task, tasks
from adapters.tasks.contract import LineError
from server.app import create_app
from server.engine.fake_engine import FakeEngine
from server.settings import Settings
from tests.adapters.tasks.grammars import admits
from tests.fake_models import evaluation_answers
from tests.server.test_metrics import sample
from tests.tiny import make_base, make_weights, publish_all
from training.tasks import training_task

ROOT = Path(__file__).parent.parent
SHOP = Ontology.load()
Records = list[dict[str, Any]]


@pytest.fixture
def urgency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The task of docs/tasks.md, as if its file lay beside the others."""
    text = (ROOT / "docs/tasks.md").read_text(encoding="utf-8")
    [source] = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "urgency.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    tasks.cache_clear()
    yield
    tasks.cache_clear()
    sys.modules.pop("adapters.tasks.urgency", None)


def serving(folder: Path, *names: str) -> TestClient:
    """A server with an adapter of each of these tasks; its fake engine always answers `high`."""
    base = make_weights(folder / "base")
    publish_all(Store(folder / "store"), base, SHOP, folder / "staged", names)
    settings = Settings(base=str(base), store=folder / "store", demo_adapters=False)
    engine = FakeEngine(lambda job: ["high"] * job.n)
    return TestClient(create_app(settings, engine))


def ready(client: TestClient) -> Any:
    while (response := client.get("/ready")).status_code != 200:
        pass
    return response.json()


@pytest.mark.usefixtures("urgency")
def test_it_is_served_described_and_measured(tmp_path: Path) -> None:
    example = task("urgency").example
    with serving(tmp_path, "urgency") as client:
        assert ready(client)["adapters"] == ["urgency@1"]
        answer = client.post("/v1/urgency", json=example).json()
        assert (answer["urgency"], answer["model"]) == ("high", "urgency@1")
        operation = client.get("/openapi.json").json()["paths"]["/v1/urgency"]["post"]
        body = operation["requestBody"]["content"]["application/json"]
        assert body["examples"]["example"]["value"] == example
        assert operation["summary"] == task("urgency").summary
        labels = {"task": "urgency", "adapter": "urgency@1", "outcome": "ok"}
        assert sample(client.get("/metrics").text, "shoplora_requests_total", **labels) == 1


@pytest.mark.usefixtures("urgency")
def test_a_task_without_an_adapter_is_refused_and_the_others_are_served(tmp_path: Path) -> None:
    with serving(tmp_path, "support") as client:
        assert ready(client)["without_adapter"] == sorted(tasks().keys() - {"support"})
        response = client.post("/v1/urgency", json=task("urgency").example)
        assert response.status_code == 503
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["type"].endswith(":no-adapter")
        assert "shoplora train urgency" in response.json()["detail"]
        other = client.post("/v1/support", json=task("support").example)
        assert (other.status_code, other.json()["source"]) == (200, "fallback")
        labels = {"task": "urgency", "adapter": "none", "outcome": "no-adapter"}
        assert sample(client.get("/metrics").text, "shoplora_requests_total", **labels) == 1


@pytest.mark.usefixtures("urgency")
@pytest.mark.parametrize(("line", "decodes"), [("high", True), ("urgent", False), ("low ", False)])
def test_its_grammar_is_compiled_and_admits_what_decodes(line: str, decodes: bool) -> None:
    of = task("urgency")
    request = of.request(**of.example)
    assert admits(of.grammar(request, SHOP), line) is decodes
    if not decodes:
        with pytest.raises(LineError):
            of.decode(line, request, SHOP)


TEXTS = "lost parcel; love the mug; where is it; broken; nice shop; refund me; which sizes; I paid twice".split("; ")
MESSAGES = [f"{text} {color}" for text in TEXTS for color in ("red", "blue", "green", "black")]
PASSAGES = ["Returns: within 30 days.", "Delivery: takes 4 days."]
EXAMPLES: dict[str, Records] = {
    "urgency": [
        {"request": {"message": message}, "labels": {"urgency": ("low", "normal", "high")[i // 4 % 3]}}
        for i, message in enumerate(MESSAGES)
    ],
    "churn": [
        {
            "request": {"tenure_months": i, "contract": "monthly" if i % 2 else "yearly"},
            "labels": {"will_churn": bool(i % 2)},
        }
        for i in range(32)
    ],
    "support": [
        {
            "request": {"message": message, "context": PASSAGES},
            "labels": {"cited": [i // 4 % 2 + 1], "reply": PASSAGES[i // 4 % 2]} if i // 4 % 4 else {},
        }
        for i, message in enumerate(MESSAGES)
    ],
}
FIGURES = {
    "urgency": {"urgency_accuracy", "exact", "right"},
    "churn": {"churners_f1", "churners_recall", "flags_f1", "will_churn_accuracy"},
    "support": {"cited_f1", "cited_accuracy", "reply_accuracy"},
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"), "qwen3", SHOP)


@pytest.mark.usefixtures("urgency")
@pytest.mark.parametrize("name", EXAMPLES)
def test_it_is_checked_split_trained_evaluated_and_judged(
    name: str, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import pipeline
    from training.data.check import check
    from training.data.split import split, write
    from training.evaluation.results import ADAPTER, PROMPTED
    from training.examples import read
    from training.tuning.recipe import Recipe

    file, splits = tmp_path / f"{name}.jsonl", tmp_path / "splits"
    file.write_text("".join(json.dumps(record) + "\n" for record in EXAMPLES[name]))
    checked = check(file, SHOP)
    assert (checked.task, checked.defects) == (name, 0)
    write(split(name, read(name, file, SHOP), 0.25, 0.1, 0), splits)
    examples = pipeline.load_examples(task(name), [splits], SHOP)
    assert {e.split for e in examples} == {"train", "validation", "test"}

    recipe, settings = Recipe(rank=2, epochs=1, batch=16), SharedSettings(base=str(base), store=tmp_path / "store")
    engine = evaluation_answers("high", monkeypatch)
    run = pipeline.train(task(name), examples, recipe, settings, SHOP, tmp_path)
    assert run is not None
    assert {job.adapter for job in engine.jobs} == {ADAPTER, None}
    figures, headlines = run.evaluation.figures, run.evaluation.headlines
    assert figures.keys() >= {ADAPTER, PROMPTED, "logistic regression", "most common answer"}
    headline_figure = training_task(name).headline_figure
    for side, by_source in figures.items():
        assert by_source["splits"].keys() >= {*FIGURES[name], headline_figure}, side
        assert headlines[side]["splits"].value == pytest.approx(by_source["splits"][headline_figure], abs=1e-4)
    assert figures["logistic regression"]["splits"]["undecodable"] == 0
    assert any("not significantly above" in reason for reason in run.verdict.refusals)
    assert run.report.stat().st_size > 1_000

    version = pipeline.publish(run.folder, settings, force="a first try")
    card = (version.folder / CARD).read_text(encoding="utf-8")
    assert f"The main figure, {headline_figure}" in card
    assert "licence not stated" in card  # of data that a user gave
    assert Store(settings.store).live()[name] == version


@pytest.mark.parametrize("name", ["churn", "support"])
def test_no_other_module_names_them(name: str) -> None:
    modules = (p for d in ("adapters", "server", "training", "loadtests") for p in (ROOT / d).rglob("*.py"))
    naming = [p.name for p in modules if f'"{name}"' in p.read_text(encoding="utf-8")]
    assert naming == [f"{name}.py"]
