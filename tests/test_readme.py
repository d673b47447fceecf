"""What the README and docs/ say is so: commands, settings, links, problems, metrics and answers."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

import shoplora
from adapters.store import default_base
from adapters.tasks import tasks
from server.http.problems import PROBLEM_TYPES
from server.metrics import Metrics
from server.settings import Settings
from tests.readme import (
    HEADLINES,
    MASKED,
    README,
    Example,
    asking,
    examples,
    figures,
    refresh,
    shipped_cards,
    show,
    tables,
    with_figures,
)
from tests.server.http.test_routes import events
from tests.shop import served
from training.evaluation import cards as cards_module

ROOT = README.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
TEXT = README.read_text(encoding="utf-8")
ACCEPTANCE = {
    ("/v1/rewrite", "query", "Something red and flowy for a wedding"),
    ("/v1/extract", "review", "Great for beginners but the handle is uncomfortable after 20 minutes"),
    ("/v1/classify", "title", "Turtle Check Men Navy Blue Shirt"),
}
NEAR = 0.05  # of a confidence, which is a little different on another processor

SIDES = {"adapter": 0.93, "prompted base": 0.01, "template": 0.92, "lexicon": 0.5}


def said(page: Path, command: str) -> Iterator[str]:
    """Every use of a command on a page, in a fenced block or between backticks."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    yield from re.findall(rf"^({command} [^\n]+)$", text, re.MULTILINE)
    yield from re.findall(rf"`({command} [^`\n]+)`", text)


def help_examples() -> Iterator[str]:
    group: Any = typer.main.get_command(shoplora.app)
    groups = (group, group.commands["adapters"], group.commands["data"])
    for command in (each for one in groups for each in one.commands.values()):
        yield from re.findall(r"`(shoplora [^`]+)`", command.epilog or "")


def check_command(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: Any = typer.main.get_command(shoplora.app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    known = {"--help", *(o for p in command.params for o in (*p.opts, *p.secondary_opts))}
    given = {word.split("=")[0] for word in words if word.startswith("-")}
    assert given <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_shoplora_command_on_a_page_exists(page: Path) -> None:
    for line in said(page, "shoplora"):
        check_command(line)


def test_every_example_of_the_help_exists() -> None:
    lines = list(help_examples())
    assert len(lines) > 8
    for line in lines:
        check_command(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_on_a_page_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    used = re.findall(r"(?:^|`)(?:[A-Z]+=\S+ )*make ([a-z]+)", text, re.MULTILINE)
    assert set(used) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_settings_are_listed_with_their_defaults() -> None:
    rows = dict(re.findall(r"^\| `(SHOPLORA_\w+)` \| ([^|]*) \|", TEXT, re.MULTILINE))
    fields = {f"SHOPLORA_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert fields.keys() <= rows.keys()
    for name, field in fields.items():
        if field.default_factory is None and field.default is not None:
            default = Path(field.default).name if isinstance(field.default, Path) else field.default
            assert str(default).lower() in rows[name].replace(",", "").lower(), name


def test_operations_names_every_problem_and_metric() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert [type.slug for type in PROBLEM_TYPES if type.slug not in page] == []
    families = (family.name for family in Metrics().registry.collect())
    assert [name for name in families if name not in page] == []


def test_the_examples_are_requests_of_all_that_ships_and_hold_the_acceptance_sentences() -> None:
    found = list(examples(TEXT))
    assert {e.path for e in found} == {f"/v1/{name.partition('/')[0]}" for name in shipped_cards()}
    for example in found:
        tasks()[example.path.rpartition("/")[2]].request.model_validate(example.body)
    asked = {(e.path, field, value) for e in found for field, value in e.body.items() if isinstance(value, str)}
    assert asked >= ACCEPTANCE
    assert [e.body["stream"] for e in found if e.shown is None] == [True]


def test_refresh_writes_answers_and_nothing_else() -> None:
    answers = iter(range(100))

    def ask(path: str, body: Any) -> dict[str, Any]:
        return {"path": path, "n": next(answers), "request_id": "5f0c1d", "confidence": 0.12345}

    once = refresh(TEXT, ask)
    shown = [json.loads(e.shown) for e in examples(once) if e.shown is not None]
    assert len(shown) >= 4 and [answer["n"] for answer in shown] == list(range(len(shown)))
    assert all(a["request_id"] == MASKED and a["confidence"] == 0.123 for a in shown)
    assert [(e.path, e.body) for e in examples(once)] == [(e.path, e.body) for e in examples(TEXT)]
    answers = iter(range(100))
    assert refresh(once, ask) == once
    kept = {line for e in examples(TEXT) for line in (e.shown or "").splitlines()}
    assert {line for line in TEXT.splitlines() if line not in kept} <= set(once.splitlines())


def test_figures_are_read_from_cards_as_training_writes_them() -> None:
    told: dict[str, dict[str, dict[str, dict[str, float]]]] = {name: {} for name in tasks()}
    for name, source, figure, *_ in HEADLINES:
        for side, value in SIDES.items():
            row = told[name].setdefault(side, {}).setdefault(source, {"examples": 1000})
            row[figure] = value
    cards = {name: cards_module.tables(sides) for name, sides in told.items()}
    assert tables(cards["classify"])["fashion"]["template"] == {"path_accuracy": 0.92}
    _, _, first, *_, loops = figures(cards).splitlines()
    assert first.endswith("| 0.930 | 0.010 | 0.920 (template) |")
    assert loops.endswith("| 0.930 | 0.010 | 0.500 (lexicon) |")  # where less is better
    filled = with_figures(TEXT, cards)
    assert figures(cards) in filled and with_figures(filled, cards) == filled


def test_the_figures_are_the_shipped_cards() -> None:
    if not default_base().exists():
        pytest.skip("no base and adapters are shipped yet")
    cards = shipped_cards()
    assert figures(cards).count("\n") == len(HEADLINES) + 2
    assert with_figures(TEXT, cards) == TEXT, "run `make readme` while `make serve` runs"


@pytest.fixture(scope="session")
def url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    if not default_base().exists():
        pytest.skip("no base and adapters are shipped yet")
    return served(pytestconfig, tmp_path_factory.mktemp("shop"))


@pytest.mark.engine
@pytest.mark.parametrize("example", [e for e in examples(TEXT) if e.shown], ids=lambda e: e.path)
def test_the_answers_shown_are_what_the_server_answers(url: str, example: Example) -> None:
    shown = json.loads(example.shown or "")
    now = json.loads(show(asking(url)(example.path, example.body)))
    assert shown.keys() == now.keys()
    assert shown["model"] == now["model"]
    if tasks()[example.path.rpartition("/")[2]].samples > 1:  # a text that was drawn
        assert shown["unsupported"] == now["unsupported"] == []
        return
    assert shown.pop("confidence") == pytest.approx(now.pop("confidence"), abs=NEAR)
    assert shown == now


@pytest.mark.engine
def test_the_stream_is_as_described(url: str) -> None:
    [example] = [e for e in examples(TEXT) if e.shown is None]
    answered = httpx.post(f"{url}{example.path}", json=example.body, timeout=120)
    names = [name for name, _ in events(answered.text)]
    assert names[-1] == "answer" and set(names[:-1]) == {"delta"}
