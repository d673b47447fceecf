"""The README's curl examples with the answers under them, and its table of figures.

    python -m tests.readme http://127.0.0.1:8000        # or `make readme`, while `make serve` runs

writes into README.md what that server answers now and what the shipped model cards say. test_readme
holds both against the README. Knows the README's form, nothing of what a good answer is.
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
from adapters.store import SHIPPED, Store

README = Path(__file__).parent.parent / "README.md"
MASKED = "..."
Answer = dict[str, Any]
Ask = Callable[[str, Any], Answer]

# A fenced curl command, and the fenced answer if one follows.
_EXAMPLE = re.compile(
    r"^```sh\n(?P<command>curl [^`]*?/v1/.*?)^```$(?P<between>\s+^```json\n)?"
    r"(?(between)(?P<shown>.*?)(?P<end>^```$))",
    re.MULTILINE | re.DOTALL,
)
_FIGURES = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)

# Task, source and figure in the model card, what it is, whether less is better.
HEADLINES = (
    ("classify", "fashion", "path_accuracy", "category of fashion titles, accuracy", False),
    ("classify", "pricerunner", "path_accuracy", "category of supplier titles, accuracy", False),
    ("rewrite", "queryner", "entity_f1", "phrases with type and exact span, micro-F1", False),
    ("extract", "hatn", "overall_accuracy", "overall sentiment, accuracy", False),
    ("extract", "dmaste", "pair_f1", "(aspect category, sentiment), micro-F1", False),
    ("copywrite", "retail", "attributes_mentioned", "given attributes mentioned", False),
    ("copywrite", "retail", "invented_color_or_material", "texts that invent a colour or material", True),
    ("copywrite", "retail", "loops", "texts with a loop", True),
)
_ADAPTER, _PROMPTED, _LIVE = "adapter", "prompted base", "live version"
_FEW_SHOT = f"{_PROMPTED}, few-shot"
Tables = dict[str, dict[str, dict[str, float]]]  # source -> side -> figure -> value


@dataclass(frozen=True, slots=True)
class Example:
    """One request of the README; `shown` is the text of the answer under it, if there is one."""

    path: str
    body: Any
    shown: str | None


def examples(readme: str) -> Iterator[Example]:
    """The curl commands to /v1/ in the order of the page."""
    for match in _EXAMPLE.finditer(readme):
        yield _example(match)


def _example(match: re.Match[str]) -> Example:
    words = shlex.split(match["command"].replace("\\\n", " "))
    url = next(word for word in words if word.startswith("http"))
    body = json.loads(words[words.index("-d") + 1])
    return Example(urlsplit(url).path, body, match["shown"])


def refresh(readme: str, ask: Ask) -> str:
    """The page with what `ask(path, body)` answers under each curl example that shows an answer."""

    def answered(match: re.Match[str]) -> str:
        if match["shown"] is None:
            return match[0]
        example = _example(match)
        shown = show(ask(example.path, example.body))
        return f"```sh\n{match['command']}```{match['between']}{shown}\n```"

    return _EXAMPLE.sub(answered, readme)


def show(answer: Answer) -> str:
    """JSON with a line a field; the id, different in every answer, is masked."""
    told = {**answer, "request_id": MASKED, "confidence": round(answer["confidence"], 3)}
    fields = (f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in told.items())
    return "{\n" + ",\n".join(fields) + "\n}"


def with_figures(readme: str, cards: dict[str, str]) -> str:
    """The page with the headline figures of the tasks' model cards."""
    return _FIGURES.sub(lambda match: f"{match[1]}{figures(cards)}{match[2]}", readme)


def figures(cards: dict[str, str]) -> str:
    """The table: a row a figure; the adapter, the better prompted base and the best baseline."""
    lines = ["| task | on the test split | adapter | base, prompted | cheap baseline |"]
    lines.append("|---|---|---|---|---|")
    for task, source, figure, what, less in HEADLINES:
        sides = tables(cards[task])[source]
        baselines = {
            side: row[figure] for side, row in sides.items() if not side.startswith((_ADAPTER, _PROMPTED, _LIVE))
        }
        better = min if less else max
        best = better(baselines, key=baselines.__getitem__)
        base = better(row[figure] for side, row in sides.items() if side in (_PROMPTED, _FEW_SHOT))
        lines.append(
            f"| {task} | {what} | {sides[_ADAPTER][figure]:.3f} | {base:.3f} | {baselines[best]:.3f} ({best}) |"
        )
    return "\n".join(lines) + "\n"


def tables(card: str) -> Tables:
    """The figures of a model card, as `training.evaluation.cards.tables` writes them."""
    found: Tables = {}
    columns: list[str] = []
    for line in card.splitlines():
        if heading := re.fullmatch(r"(\S+), [\d,]+ examples", line):
            rows, columns = found.setdefault(heading[1], {}), []
        elif line.startswith("|") and found and not line.startswith("|---"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if columns:
                numbers = map(float, cells[1:])
                rows[cells[0]] = dict(zip(columns, numbers, strict=True))
            else:
                columns = cells[1:]
    return found


def shipped_cards() -> dict[str, str]:
    """The model card of each task's shipped live version."""
    return {
        task: (version.folder / CARD).read_text(encoding="utf-8") for task, version in Store(SHIPPED).live().items()
    }


def asking(url: str) -> Ask:
    """Asks the server at that address; raises where it does not answer 200."""

    def ask(path: str, body: Any) -> Answer:
        response = httpx.post(f"{url}{path}", json=body, timeout=120)
        response.raise_for_status()
        answer: Answer = response.json()
        return answer

    return ask


if __name__ == "__main__":
    page = refresh(README.read_text(encoding="utf-8"), asking(sys.argv[1]))
    README.write_text(with_figures(page, shipped_cards()), encoding="utf-8")
