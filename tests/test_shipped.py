"""The shipped adapters: undamaged, small, described, and right on known examples, served on the default base.

Those marked `engine` share one server with test_readme and test_typed.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from adapters.adapter_folder import CARD
from adapters.base import base_digest, base_folder
from adapters.fit import check_fit
from adapters.ontology import Ontology
from adapters.settings import SHIPPED_STORE, SharedSettings
from adapters.store import Store, Version
from adapters.tasks import tasks
from adapters.tasks.contract import Task
from tests.readme import asking, tables
from tests.shop import served

MAX_BYTES = 45_000_000
SUFFIXES = {".safetensors", ".json", ".md", ".yaml"}
SAMPLES = Path(__file__).parent.parent / "training/samples"
REQUESTS = 20  # sample requests of a task
Answer = dict[str, Any]


@pytest.fixture(scope="module")
def base() -> Path:
    """The folder of the default base."""
    return base_folder(SharedSettings.model_fields["base"].default)


def shipped() -> dict[str, Version]:
    return Store(SHIPPED_STORE).live()


def task_of(channel: str) -> Task[Any, Any]:
    return tasks()[channel.partition("/")[0]]


def test_every_live_adapter_has_a_task() -> None:
    assert shipped()
    for channel in shipped():
        name, _, variant = channel.partition("/")
        assert not variant or tasks()[name].variant_field


def test_all_files_together_are_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED_STORE.rglob("*") if path.is_file()) <= MAX_BYTES


def test_no_file_can_run_code() -> None:
    assert {path.suffix for path in SHIPPED_STORE.rglob("*") if path.is_file()} <= SUFFIXES


def test_every_version_is_what_was_published_and_belongs_to_this_base_and_this_ontology(base: Path) -> None:
    store, digest, ontology = Store(SHIPPED_STORE), base_digest(base), Ontology.load().digest
    for version in store.versions():
        store.verify(version.name)
        check_fit(version.folder, base)
        assert not version.manifest.base_digest.difference(digest), version.name
        assert version.manifest.ontology_digest == ontology, version.name


@pytest.mark.parametrize("name", shipped())
def test_the_card_of_an_adapter_names_data_licences_and_its_figures(name: str) -> None:
    version = shipped()[name]
    card = (version.folder / CARD).read_text(encoding="utf-8")
    assert version.manifest.data
    for source in version.manifest.data:
        assert source.name in card and source.licence in card
        assert source.rows > 0
    assert version.manifest.recipe.keys() >= {"modules", "rank", "lr", "epochs", "seed"}
    rows = tables(card)
    assert rows.keys() == version.manifest.metrics.keys()
    for source_name, figures in version.manifest.metrics.items():
        assert len(rows[source_name]) >= 3  # the adapter, the prompted base, a cheap baseline
        for figure, value in rows[source_name]["adapter"].items():
            assert value == pytest.approx(figures[figure], abs=0.0006)


@pytest.fixture(scope="session")
def url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    return served(pytestconfig, tmp_path_factory.mktemp("shop"))


@pytest.mark.engine
@pytest.mark.parametrize(
    ("task", "request_", "expected"),
    [
        (
            "rewrite",
            {"query": "Something red and flowy for a wedding"},
            {"filters": {"color": ["red"], "silhouette": ["flowy"], "occasion": ["wedding"]}, "price": None},
        ),
        (
            "extract",
            {"review": "Great for beginners but the handle is uncomfortable after 20 minutes"},
            {"overall_sentiment": "positive", "attribute_issues": ["handle_comfort"], "mentions_difficulty": False},
        ),
        (
            "classify",
            {"title": "Turtle Check Men Navy Blue Shirt"},
            {"attributes": {"color": "navy blue", "gender": "men", "pattern": "checked"}},
        ),
        ("copywrite", tasks()["copywrite"].example, {"unsupported": []}),
    ],
)
def test_known_examples(url: str, task: str, request_: dict[str, Any], expected: Answer) -> None:
    answer = asking(url)(f"/v1/{task}", request_)
    assert {name: answer[name] for name in expected} == expected


@pytest.mark.engine
def test_a_query_of_the_longest_that_the_schema_allows_is_answered(url: str) -> None:
    longest = ("x" * 8 + " ") * 31 + "x" * 21
    tasks()["rewrite"].request(query=longest)
    with pytest.raises(ValidationError):
        tasks()["rewrite"].request(query=longest + "x")
    assert len(longest) == 300
    assert asking(url)("/v1/rewrite", {"query": longest})["source"] == "model"


def sample_requests(channel: str) -> list[dict[str, Any]]:
    task, variant = task_of(channel), channel.partition("/")[2]
    lines = (SAMPLES / f"{task.name}.jsonl").read_text(encoding="utf-8").splitlines()
    voice: dict[str, Any] = {task.variant_field: variant} if task.variant_field and variant else {}
    return [json.loads(line)["request"] | voice for line in lines[:REQUESTS]]


@pytest.fixture(scope="module")
def mixed(url: str) -> dict[str, list[Answer]]:
    """The server's answers to the samples of all tasks at once, by channel."""

    async def ask_all() -> list[tuple[str, Answer]]:
        bodies = {name: sample_requests(name) for name in shipped()}
        rounds = [(name, bodies[name][i]) for i in range(REQUESTS) for name in bodies]
        async with httpx.AsyncClient(base_url=url, timeout=300) as client:
            posts = (client.post(f"/v1/{task_of(c).name}", json=body) for c, body in rounds)
            responses = await asyncio.gather(*posts)
        assert {response.status_code for response in responses} == {200}
        return [(name, r.json()) for (name, _), r in zip(rounds, responses, strict=True)]

    answers: dict[str, list[Answer]] = {name: [] for name in shipped()}
    for name, answer in asyncio.run(ask_all()):
        answers[name].append(answer)
    return answers


@pytest.mark.engine
@pytest.mark.parametrize("name", shipped())
def test_mixed_requests_are_answered_by_the_adapter_of_their_channel(mixed: dict[str, list[Answer]], name: str) -> None:
    version = shipped()[name].name
    for answer in mixed[name]:
        task_of(name).answer.model_validate(answer)
        assert answer["model"] == version
    if task_of(name).name == "copywrite":
        assert [answer["unsupported"] for answer in mixed[name]] == [[]] * REQUESTS
