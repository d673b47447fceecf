"""The base and adapters that ship: whole, small, honestly described, and right where it counts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.adapter_folder import CARD
from adapters.ontology import Ontology
from adapters.store import SHIPPED, Store, Version, base_digest, default_base
from adapters.tasks import tasks
from adapters.tasks.contract import Task
from tests.readme import asking, tables
from tests.shop import served
from training.public.sources import sources

pytestmark = pytest.mark.skipif(not default_base().exists(), reason="no base and adapters are shipped yet")

MAX_BYTES = 45_000_000
SUFFIXES = {".safetensors", ".json", ".jinja", ".md", ".yaml"}
SAMPLES = Path(__file__).parent.parent / "training/samples"
ASKED = 20  # sample requests a task
AGREE = 0.9  # share of answers that bfloat16 in vLLM and float32 in transformers must share
NEAR = 0.1  # of a confidence, between the two
# What comes with every answer and is not read from the model's line.
COMMON = {"model", "request_id", "usage", "confidence", "needs_review", "source"}
Answer = dict[str, Any]


def shipped() -> dict[str, Version]:
    return Store(SHIPPED).live() if default_base().exists() else {}


def task_of(channel: str) -> Task[Any, Any]:
    return tasks()[channel.partition("/")[0]]


def test_every_live_adapter_has_a_task() -> None:
    assert shipped()
    for channel in shipped():
        name, _, variant = channel.partition("/")
        assert not variant or tasks()[name].variant_field


def test_all_of_it_is_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) <= MAX_BYTES


def test_no_file_can_run_code() -> None:
    assert {path.suffix for path in SHIPPED.rglob("*") if path.is_file()} <= SUFFIXES


def test_every_version_is_what_was_published() -> None:
    store = Store(SHIPPED)
    for version in store.versions():
        store.verify(version.name)


def test_every_version_was_trained_on_this_base_and_this_ontology() -> None:
    base, ontology = base_digest(default_base()), Ontology.load().digest
    for version in Store(SHIPPED).versions():
        assert version.manifest.base_digest == base, version.name
        assert version.manifest.ontology_digest == ontology, version.name


def test_the_card_of_the_base_names_data_and_licences() -> None:
    card = (default_base() / CARD).read_text(encoding="utf-8")
    for source in sources():
        assert source.repository in card and source.licence in card


@pytest.mark.parametrize("name", shipped())
def test_the_card_of_an_adapter_names_data_licences_and_its_figures(name: str) -> None:
    version = shipped()[name]
    card = (version.folder / CARD).read_text(encoding="utf-8")
    assert version.manifest.data
    for source in version.manifest.data:
        assert source.name in card and source.licence in card
        assert source.rows > 0
    assert version.manifest.recipe.keys() >= {"modules", "rank", "lr", "epochs", "seed"}
    told = tables(card)
    assert told.keys() == version.manifest.metrics.keys()
    for source_name, figures in version.manifest.metrics.items():
        assert len(told[source_name]) >= 3  # the adapter, the prompted base, a cheap baseline
        for figure, value in told[source_name]["adapter"].items():
            assert value == pytest.approx(figures[figure], abs=0.0006)


@pytest.fixture(scope="session")
def url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    return served(pytestconfig, tmp_path_factory.mktemp("shop"))


@pytest.mark.engine
def test_a_vague_query_becomes_filters(url: str) -> None:
    query = "Something red and flowy for a wedding"
    answer = asking(url)("/v1/rewrite", {"query": query})
    assert answer["filters"] == {"color": ["red"], "silhouette": ["flowy"], "occasion": ["wedding"]}
    assert answer["price"] is None


@pytest.mark.engine
def test_a_review_becomes_facts(url: str) -> None:
    review = "Great for beginners but the handle is uncomfortable after 20 minutes"
    answer = asking(url)("/v1/extract", {"review": review})
    assert answer["overall_sentiment"] == "positive"
    assert answer["mentions_difficulty"] is False
    assert "handle_comfort" in answer["attribute_issues"]
    assert answer["use_case"] == "beginner"


@pytest.mark.engine
def test_a_supplier_title_becomes_a_category(url: str) -> None:
    answer = asking(url)("/v1/classify", {"title": "Turtle Check Men Navy Blue Shirt"})
    assert answer["category"]["path"][-1] == "Shirts"
    assert answer["attributes"]["color"] == "navy blue"
    assert answer["attributes"]["gender"] == "men"


@pytest.mark.engine
def test_copy_says_nothing_that_was_not_given(url: str) -> None:
    answer = asking(url)("/v1/copywrite", tasks()["copywrite"].example)
    assert answer["description"] and answer["unsupported"] == []


def sample_requests(channel: str) -> list[dict[str, Any]]:
    task, variant = task_of(channel), channel.partition("/")[2]
    lines = (SAMPLES / f"{task.name}.jsonl").read_text(encoding="utf-8").splitlines()
    asked: dict[str, Any] = {task.variant_field: variant} if task.variant_field and variant else {}
    return [json.loads(line)["request"] | asked for line in lines[:ASKED]]


@pytest.fixture(scope="module")
def mixed(url: str) -> dict[str, list[Answer]]:
    """What the server answers when it is asked everything of all tasks at once."""

    async def ask_all() -> list[tuple[str, Answer]]:
        bodies = {name: sample_requests(name) for name in shipped()}
        rounds = [(name, bodies[name][i]) for i in range(ASKED) for name in bodies]
        async with httpx.AsyncClient(base_url=url, timeout=300) as client:
            posts = (client.post(f"/v1/{task_of(c).name}", json=body) for c, body in rounds)
            responses = await asyncio.gather(*posts)
        assert {response.status_code for response in responses} == {200}
        return [(name, r.json()) for (name, _), r in zip(rounds, responses, strict=True)]

    found: dict[str, list[Answer]] = {name: [] for name in shipped()}
    for name, answer in asyncio.run(ask_all()):
        found[name].append(answer)
    return found


@pytest.mark.engine
@pytest.mark.parametrize("name", shipped())
def test_mixed_requests_are_answered_each_by_its_own_adapter(mixed: dict[str, list[Answer]], name: str) -> None:
    version = shipped()[name].name
    for answer in mixed[name]:
        task_of(name).answer.model_validate(answer)
        assert answer["model"] == version
    if task_of(name).name == "copywrite":
        assert [answer["unsupported"] for answer in mixed[name]] == [[]] * ASKED


@pytest.mark.engine
@pytest.mark.parametrize("name", [n for n in shipped() if task_of(n).samples == 1])
def test_the_engine_answers_as_evaluation_does(mixed: dict[str, list[Answer]], name: str) -> None:
    """So the model cards' figures, measured without a server, hold for the served answers."""
    from training.evaluation.decoding import Decoder

    task, ontology, version = task_of(name), Ontology.load(), shipped()[name]
    requests = [task.request.model_validate(body) for body in sample_requests(name)]
    decoder = Decoder(default_base(), version.folder, ontology)
    agreed = 0
    for request, [line], answer in zip(requests, decoder.lines(task, requests), mixed[name], strict=True):
        calibration = version.manifest.calibration
        decided = task.decide([line.line], [line.logprob], calibration, request, ontology)
        told = task.expand(decided.labels, request, ontology)
        fields = json.loads(task.answer.model_construct(**told).model_dump_json(include=set(told)))
        same = {k: v for k, v in answer.items() if k not in COMMON} == fields
        agreed += same and answer["confidence"] == pytest.approx(decided.confidence, abs=NEAR)
    assert agreed >= AGREE * len(requests)
