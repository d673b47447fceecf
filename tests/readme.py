"""The curl examples in the README and docs/tasks.md with the answers below them, and the README's table of figures.

    python -m tests.readme http://127.0.0.1:8000        # or `make readme`, while `make serve` runs

writes what that server answers, and the figures of the shipped model cards, into those pages. test_readme checks
the pages against both.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from adapters.adapter_folder import CARD
from adapters.settings import SHIPPED_STORE
from adapters.store import Store
from adapters.tasks.contract import Answered

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = (README, ROOT / "docs/tasks.md")  # the pages with examples
MASK = "..."
LINE_WIDTH = 110
COMMON_FIELDS = len(Answered.model_fields)
Answer = dict[str, Any]
Ask = Callable[[str, Any], Answer]

# A fenced curl command, and the fenced answer if one follows.
_EXAMPLE = re.compile(
    r"^```sh\n(?P<command>curl [^`]*?/v1/.*?)^```$(?P<between>\s+^```json\n)?"
    r"(?(between)(?P<answer>.*?)(?P<end>^```$))",
    re.MULTILINE | re.DOTALL,
)
_FIGURES = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)

# Task, source and figure in the model card, description, whether less is better.
HEADLINES = (
    ("classify", "fashion", "path_accuracy", "category of fashion titles, accuracy", False),
    ("classify", "pricerunner", "path_accuracy", "category of supplier titles, accuracy", False),
    ("classify", "flipkart", "path_accuracy", "category of titles of a shop not trained on, accuracy", False),
    ("rewrite", "queryner", "entity_f1", "phrases with type and exact span, micro-F1", False),
    ("extract", "hatn", "overall_accuracy", "overall sentiment, accuracy", False),
    ("extract", "dmaste", "pair_f1", "(aspect category, sentiment), micro-F1", False),
    ("extract", "dmaste-toy", "pair_f1", "the same for toys, which nothing was trained on", False),
    ("copywrite", "written", "attributes_mentioned", "given attributes mentioned", False),
    ("copywrite", "written", "unsupported_claims", "texts with a claim beyond the facts", True),
)
_ADAPTER, _PROMPTED, _LIVE = "adapter", "prompted base", "live version"
_FEW_SHOT = f"{_PROMPTED}, few-shot"
Tables = dict[str, dict[str, dict[str, float]]]  # source -> side -> figure -> value


@dataclass(frozen=True, slots=True)
class Example:
    """One request on a page; `answer` is the text of the answer below it, if there is one."""

    path: str
    body: Any
    answer: str | None


def examples(page: str) -> Iterator[Example]:
    """The curl commands to /v1/ in the order of the page."""
    for match in _EXAMPLE.finditer(page):
        yield _example(match)


def _example(match: re.Match[str]) -> Example:
    words = shlex.split(match["command"].replace("\\\n", " "))
    url = next(word for word in words if word.startswith("http"))
    body = json.loads(words[words.index("-d") + 1])
    return Example(urlsplit(url).path, body, match["answer"])


def refresh(page: str, ask: Ask) -> str:
    """The page with the answer of `ask(path, body)` below each curl example that shows an answer."""

    def with_answer(match: re.Match[str]) -> str:
        if match["answer"] is None:
            return match[0]
        example = _example(match)
        answer = show(ask(example.path, example.body))
        return f"```sh\n{match['command']}```{match['between']}{answer}\n```"

    return _EXAMPLE.sub(with_answer, page)


def show(answer: Answer) -> str:
    """An answer as JSON in short lines: the fields common to all tasks, then the task's own. The id is masked."""
    shown = {**answer, "request_id": MASK, "confidence": round(answer["confidence"], 3)}
    fields = [f"{json.dumps(name)}: {_json(value)}" for name, value in shown.items()]
    lines = [*_filled(fields[:COMMON_FIELDS]), *_filled(fields[COMMON_FIELDS:])]
    return "{" + ",\n ".join(lines) + "}"


def _json(value: Any) -> str:
    """JSON in one line; a list of objects has a line for each."""
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "[" + ",\n  ".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _filled(fields: list[str]) -> list[str]:
    """The fields in lines of at most LINE_WIDTH characters, a longer field in a line of its own."""
    lines: list[str] = []
    for field in fields:
        if lines and len(lines[-1]) + len(field) + len(", ") < LINE_WIDTH:
            lines[-1] += f", {field}"
        else:
            lines.append(field)
    return lines


def with_figures(readme: str, cards: dict[str, str]) -> str:
    """The page with the headline figures of the tasks' model cards."""
    return _FIGURES.sub(lambda match: f"{match[1]}{figures(cards)}{match[2]}", readme)


def figures(cards: dict[str, str]) -> str:
    """The table: for each figure the adapter, the better prompted base and the best baseline."""
    lines = ["| task | on the test split | adapter | base, prompted | cheap baseline |"]
    lines.append("|---|---|---|---|---|")
    for task, source, figure, description, less_is_better in HEADLINES:
        sides = tables(cards[task])[source]
        baselines = {
            side: row[figure] for side, row in sides.items() if not side.startswith((_ADAPTER, _PROMPTED, _LIVE))
        }
        better = min if less_is_better else max
        best = better(baselines, key=baselines.__getitem__)
        base = better(row[figure] for side, row in sides.items() if side in (_PROMPTED, _FEW_SHOT))
        lines.append(
            f"| {task} | {description} | {sides[_ADAPTER][figure]:.3f} | {base:.3f} | {baselines[best]:.3f} ({best}) |"
        )
    return "\n".join(lines) + "\n"


def tables(card: str) -> Tables:
    """The figures of a model card, as `training.evaluation.cards.tables` writes them."""
    by_source: Tables = {}
    columns: list[str] = []
    for line in card.splitlines():
        if heading := re.fullmatch(r"(\S+), [\d,]+ examples", line):
            rows, columns = by_source.setdefault(heading[1], {}), []
        elif line.startswith("|") and by_source and not line.startswith("|---"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if columns:
                rows[cells[0]] = dict(zip(columns, map(float, cells[1:]), strict=True))
            else:
                columns = cells[1:]
    return by_source


def shipped_cards() -> dict[str, str]:
    """The model card of each shipped live version, by channel."""
    live = Store(SHIPPED_STORE).live()
    return {channel: (version.folder / CARD).read_text(encoding="utf-8") for channel, version in live.items()}


def asking(url: str) -> Ask:
    """A function that sends a request to the server at that address; it raises if the status is not 200."""

    def ask(path: str, body: Any) -> Answer:
        response = httpx.post(f"{url}{path}", json=body, timeout=120)
        response.raise_for_status()
        answer: Answer = response.json()
        return answer

    return ask


if __name__ == "__main__":
    for path in PAGES:
        page = refresh(path.read_text(encoding="utf-8"), asking(sys.argv[1]))
        path.write_text(with_figures(page, shipped_cards()), encoding="utf-8")
