"""The README and docs/ agree with the code: commands, settings, links, problems, metrics, figures and answers."""

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
from adapters.tasks import tasks
from server.http.problems import PROBLEM_TYPES
from server.metrics import Metrics
from server.settings import Settings
from tests.readme import (
    HEADLINES,
    MASK,
    README,
    ROOT,
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
from tests.readme import PAGES as ANSWER_PAGES
from tests.server.http.test_routes import events
from tests.shop import served
from training.evaluation import cards as cards_module
from training.evaluation.calibration import MOST

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "deploy/README.md"])
TEXT = README.read_text(encoding="utf-8")
EXAMPLES = [example for page in ANSWER_PAGES for example in examples(page.read_text(encoding="utf-8"))]
ACCEPTANCE = {
    ("/v1/rewrite", "query", "Something red and flowy for a wedding"),
    ("/v1/extract", "review", "Great for beginners but the handle is uncomfortable after 20 minutes"),
    ("/v1/classify", "title", "Turtle Check Men Navy Blue Shirt"),
}
NEAR = 0.05  # tolerance of a confidence, which differs a little between processors

SIDES = {"adapter": 0.93, "prompted base": 0.01, "template": 0.92, "lexicon": 0.5}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
# The LOG names the files and commands of each entry's date.
every_page_but_the_log = pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "LOG.md"], ids=lambda page: str(page.relative_to(ROOT))
)


def doc(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def command_lines(page: Path, command: str) -> Iterator[str]:
    """Every use of a command on a page, in a fenced block or between backticks."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    yield from re.findall(rf"^({command} [^\n]+)$", text, re.MULTILINE)
    yield from re.findall(rf"`({command} [^`\n]+)`", text)


def help_examples() -> Iterator[str]:
    root: Any = typer.main.get_command(shoplora.app)
    groups = (root, root.commands["adapters"], root.commands["data"])
    for command in (command for group in groups for command in group.commands.values()):
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


@every_page_but_the_log
def test_every_shoplora_command_on_a_page_exists(page: Path) -> None:
    for line in command_lines(page, "shoplora"):
        check_command(line)


def test_every_example_of_the_help_exists() -> None:
    lines = list(help_examples())
    assert len(lines) > 8
    for line in lines:
        check_command(line)


@every_page
def test_every_make_target_on_a_page_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    used = re.findall(r"(?:^|`)(?:[A-Z]+=\S+ )*make ([a-z]+)", text, re.MULTILINE)
    assert set(used) <= targets


@every_page
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@every_page_but_the_log
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    folders = "adapters|deploy|docs|loadtests|requirements|server|tests|training"
    paths = re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text(encoding="utf-8"))
    assert [path for path in paths if not (ROOT / path).exists()] == []


@every_page
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if link[1] not in anchors(page.parent / link[0] if link[0] else page)]
    assert missing == []


def anchors(page: Path) -> set[str]:
    """GitHub's anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_operations_lists_the_settings_with_their_defaults() -> None:
    rows = dict(re.findall(r"^\| `(SHOPLORA_\w+)` \| ([^|]*) \|", doc("operations.md"), re.MULTILINE))
    fields = {f"SHOPLORA_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert fields.keys() <= rows.keys()
    for name, field in fields.items():
        if field.default_factory is None and field.default is not None:
            default = str(field.default).rpartition("/")[2]  # of a path its name
            assert default.lower() in rows[name].replace(",", "").lower(), name


def test_operations_names_every_problem_and_metric() -> None:
    page = doc("operations.md")
    assert [type.slug for type in PROBLEM_TYPES if type.slug not in page] == []
    names = (metric.name for metric in Metrics().registry.collect())
    assert [name for name in names if name not in page] == []


def test_adapters_names_how_many_examples_a_calibration_is_fitted_on() -> None:
    [number] = re.findall(r"at most ([\d,]+)\s+validation\s+examples\s+of\s+each\s+source", doc("adapters.md"))
    assert int(number.replace(",", "")) == MOST


def test_the_readme_shows_an_answer_of_each_shipped_task_and_the_acceptance_sentences() -> None:
    on_readme = list(examples(TEXT))
    assert {e.path for e in on_readme if e.answer} == {
        f"/v1/{channel}" for channel in shipped_cards() if channel in tasks()
    }
    texts = {(e.path, name, value) for e in on_readme for name, value in e.body.items() if isinstance(value, str)}
    assert texts >= ACCEPTANCE


def test_the_examples_are_valid_requests_and_one_is_a_stream() -> None:
    for example in EXAMPLES:
        tasks()[example.path.rpartition("/")[2]].request.model_validate(example.body)
    assert [e.body["stream"] for e in EXAMPLES if e.answer is None] == [True]


def test_refresh_writes_answers_and_nothing_else() -> None:
    numbers = iter(range(100))

    def ask(path: str, body: Any) -> dict[str, Any]:
        return {"path": path, "n": next(numbers), "request_id": "5f0c1d", "confidence": 0.12345}

    once = refresh(TEXT, ask)
    answers = [json.loads(e.answer) for e in examples(once) if e.answer is not None]
    assert len(answers) >= 4 and [answer["n"] for answer in answers] == list(range(len(answers)))
    assert all(a["request_id"] == MASK and a["confidence"] == 0.123 for a in answers)
    assert [(e.path, e.body) for e in examples(once)] == [(e.path, e.body) for e in examples(TEXT)]
    numbers = iter(range(100))
    assert refresh(once, ask) == once
    replaced = {line for e in examples(TEXT) for line in (e.answer or "").splitlines()}
    assert {line for line in TEXT.splitlines() if line not in replaced} <= set(once.splitlines())


def test_an_answer_is_shown_in_lines_that_are_the_same_json() -> None:
    answers = [example.answer for example in EXAMPLES if example.answer]
    assert [show(json.loads(answer)) for answer in answers] == [answer.rstrip() for answer in answers]


def test_figures_are_read_from_cards_as_training_writes_them() -> None:
    sides_of: dict[str, dict[str, dict[str, dict[str, float]]]] = {name: {} for name in tasks()}
    for name, source, figure, *_ in HEADLINES:
        for side, value in SIDES.items():
            row = sides_of[name].setdefault(side, {}).setdefault(source, {"examples": 1000})
            row[figure] = value
    cards = {name: cards_module.tables(sides) for name, sides in sides_of.items()}
    assert tables(cards["classify"])["fashion"]["template"] == {"path_accuracy": 0.92}
    _, _, first, *_, loops = figures(cards).splitlines()
    assert first.endswith("| 0.930 | 0.010 | 0.920 (template) |")
    assert loops.endswith("| 0.930 | 0.010 | 0.500 (lexicon) |")  # where less is better
    filled = with_figures(TEXT, cards)
    assert figures(cards) in filled and with_figures(filled, cards) == filled


def test_the_figures_are_the_shipped_cards() -> None:
    cards = shipped_cards()
    assert figures(cards).count("\n") == len(HEADLINES) + 2
    assert with_figures(TEXT, cards) == TEXT, "run `make readme` while `make serve` runs"


@pytest.fixture(scope="session")
def url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    return served(pytestconfig, tmp_path_factory.mktemp("shop"))


@pytest.mark.engine
@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.answer], ids=lambda e: e.path)
def test_the_answers_shown_are_what_the_server_answers(url: str, example: Example) -> None:
    shown = json.loads(example.answer or "")
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
    [example] = [e for e in EXAMPLES if e.answer is None]
    answered = httpx.post(f"{url}{example.path}", json=example.body, timeout=120)
    names = [name for name, _ in events(answered.text)]
    assert names[-1] == "answer" and set(names[:-1]) == {"delta"}
