"""A task is one file: all the rest follows, for the file that docs/tasks.md shows and for two more.

`churn` and `support` are named nowhere but in their own modules.
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
from adapters.manifest import Calibration, Draft
from adapters.ontology import Ontology
from adapters.store import Store, base_digest
from adapters.tasks import task, tasks
from adapters.tasks.contract import LineError
from server.app import create_app
from server.engine.fake_engine import FakeEngine
from server.settings import Settings
from tests.adapters.tasks.grammars import admits
from tests.server.test_metrics import sample
from tests.server.tiny import make_adapter, make_base, make_weights

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
    """A server with an adapter of each of these tasks, whose engine says `high`."""
    base = make_weights(folder / "base")
    for name in names:
        draft = Draft(
            task=name,
            base_digest=base_digest(base),
            ontology_digest=SHOP.digest,
            calibration=Calibration(slope=0.1, intercept=2.0),
        )
        Store(folder / "store").publish(make_adapter(folder / name, 0, ("o_proj",)), draft, card="")
    settings = Settings(base=str(base), store=folder / "store", demo_adapters=False)
    engine = FakeEngine(lambda job: ["high"] * job.n)
    return TestClient(create_app(settings, engine))


def ready(client: TestClient) -> Any:
    while (answered := client.get("/ready")).status_code != 200:
        pass
    return answered.json()


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
def test_without_an_adapter_it_says_so_and_the_others_are_served(tmp_path: Path) -> None:
    with serving(tmp_path, "support") as client:
        assert ready(client)["without_adapter"] == sorted(tasks().keys() - {"support"})
        answered = client.post("/v1/urgency", json=task("urgency").example)
        assert answered.status_code == 503
        assert answered.headers["content-type"] == "application/problem+json"
        assert answered.json()["type"].endswith(":no-adapter")
        assert "shoplora train urgency" in answered.json()["detail"]
        other = client.post("/v1/support", json=task("support").example)
        assert (other.status_code, other.json()["source"]) == (200, "fallback")
        labels = {"task": "urgency", "adapter": "none", "outcome": "no-adapter"}
        assert sample(client.get("/metrics").text, "shoplora_requests_total", **labels) == 1


@pytest.mark.usefixtures("urgency")
@pytest.mark.parametrize(("line", "is_one"), [("high", True), ("urgent", False), ("low ", False)])
def test_its_grammar_is_compiled_and_admits_what_decodes(line: str, is_one: bool) -> None:
    of = task("urgency")
    request = of.request(**of.example)
    assert admits(of.grammar(request, SHOP), line) is is_one
    if not is_one:
        with pytest.raises(LineError):
            of.decode(line, request, SHOP)


MESSAGES = (
    "lost my parcel",
    "love the mug",
    "where is it",
    "broken on arrival",
    "nice shop",
    "refund me today",
    "which sizes are there",
    "I was charged twice",
)
LEVELS = ("low", "normal", "high")
COLORS = ("red", "blue", "green", "black")
PASSAGES = ["Returns: within 30 days.", "Delivery: takes 4 days."]
EXAMPLES: dict[str, Records] = {
    "urgency": [
        {"request": {"message": f"{said} {color}"}, "labels": {"urgency": LEVELS[i % 3]}}
        for i, said in enumerate(MESSAGES)
        for color in COLORS
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
            "request": {"message": f"{said} {color}", "context": PASSAGES},
            "labels": {"cited": [i % 2 + 1], "reply": PASSAGES[i % 2]} if i % 4 else {},
        }
        for i, said in enumerate(MESSAGES)
        for color in COLORS
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
def test_it_is_checked_split_trained_evaluated_and_judged(name: str, base: Path, tmp_path: Path) -> None:
    from training.data.check import check
    from training.data.split import split, write
    from training.evaluation import cards, report
    from training.evaluation.evaluate import ADAPTER, PROMPTED, evaluate
    from training.evaluation.metrics import main_figure
    from training.examples import load, read
    from training.release import gate
    from training.tuning import finetune, preview

    of, file, splits = task(name), tmp_path / f"{name}.jsonl", tmp_path / "splits"
    file.write_text("".join(json.dumps(record) + "\n" for record in EXAMPLES[name]))
    report_of_data = check(file, SHOP)
    assert (report_of_data.task, report_of_data.defects) == (name, 0)
    write(split(name, read(name, file, SHOP), 0.25, 0.1, 0), splits)
    examples = load(name, splits, SHOP)
    assert {e.split for e in examples} == {"train", "validation", "test"}

    recipe = finetune.Recipe(modules=("o_proj",), rank=2, epochs=1, batch=16)
    trainer = finetune.trainer_of(of, examples, recipe, base, tmp_path / "run", SHOP)
    row = trainer.train_dataset[0]
    learnt = [label for label in row["labels"] if label != preview.IGNORED]
    line = trainer.processing_class.decode(learnt[:-1])
    assert line in {of.encode(e.labels) for e in examples if e.split == "train"}
    adapter = tmp_path / "run/adapter"
    trainer.model.save_pretrained(adapter)

    told = evaluate(of, examples, base, adapter, SHOP, Calibration())
    assert told.figures.keys() >= {ADAPTER, PROMPTED, "logistic regression", "most common answer"}
    for side, by_source in told.figures.items():
        assert by_source["splits"].keys() >= {*FIGURES[name], main_figure(name)[1]}, side
        figure = told.headlines[side]["splits"].value
        assert figure == pytest.approx(by_source["splits"][main_figure(name)[1]], abs=1e-4)
    assert told.figures["logistic regression"]["splits"]["undecodable"] == 0
    assert any("not significantly above" in reason for reason in gate.refusals(name, told))
    draft = Draft(task=name, base_digest="0" * 64, ontology_digest=SHOP.digest, data=cards.data_sources(examples))
    card = cards.adapter_card(draft, ["o_proj"], told)
    assert f"The main figure, {main_figure(name)[1]}" in card
    assert "licence not stated" in card  # of data that a user gave
    assert report.write(tmp_path / "run", name, told).stat().st_size > 1_000


@pytest.mark.parametrize("name", ["churn", "support"])
def test_no_other_module_names_them(name: str) -> None:
    modules = (p for d in ("adapters", "server", "training", "loadtests") for p in (ROOT / d).rglob("*.py"))
    named = [p.name for p in modules if f'"{name}"' in p.read_text(encoding="utf-8")]
    assert named == [f"{name}.py"]
