"""The page: it holds all findings and plots, escapes what it shows, and loads nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from training.data import report as reporting
from training.data.check import Finding, Report

EVIL = "<script>alert(1)</script> $x^2$ 日本"


class Loads(HTMLParser):
    """Everything in a page that could make a browser ask a server."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            local = (value or "").startswith("#")
            if name in ("src", "href", "xlink:href", "data", "action", "srcset") and not local:
                self.found.append(f"{tag} {name}={value}")


def page(**changed: object) -> str:
    told = {
        "file": "shop.jsonl",
        "task": "classify",
        "examples": 3,
        "labels": {EVIL: 2, "Jeans": 1},
        "findings": [Finding("personal data", True, 1, EVIL, [{"line": 3, "text": EVIL}])],
        "lengths": {10: 2, 30: 1},
        "languages": {"en": 2, "unsure": 1},
    }
    return reporting.page(Report(**{**told, **changed}))  # type: ignore[arg-type]


def test_a_page_needs_nothing_else() -> None:
    said = page()
    parser = Loads()
    parser.feed(said)
    assert parser.found == []
    assert parser.tags.count("svg") == 3
    assert not {"script", "link", "img", "iframe", "object"} & {*parser.tags}
    assert not re.search(r"url\((?!#)|@import", said)
    assert set(re.findall(r"https?://[^\s\"'<]+", said)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",  # names, never fetched
    }


def test_what_is_shown_is_escaped() -> None:
    said = page(file=EVIL)
    assert "<script>" not in said
    assert "&lt;script&gt;alert(1)&lt;/script&gt; $x^2$ 日本" in said


def test_defects_and_their_cases_are_on_it() -> None:
    said = page()
    assert "1 defects" in said
    assert "personal data: 1 shown" in said
    assert "No defects" in page(findings=[])


def test_of_many_cases_some_are_shown() -> None:
    said = page(findings=[Finding("rare labels", False, 60, "", [{"label": f"<{i}>"} for i in range(50)])])
    assert "rare labels: 10 shown" in said
    assert said.count("<dt>label</dt>") == 10


def test_no_plot_of_nothing_and_the_same_page_twice() -> None:
    said = page(labels={}, lengths={}, languages={})
    assert "<svg" not in said
    assert page() == page()


def test_many_labels_are_cut_and_told() -> None:
    said = page(labels={f"label {i}": 1 for i in range(30)})
    assert "5 more are not shown" in said
    assert "label 24" in said
    assert "label 25" not in said


def test_the_template_is_packaged() -> None:
    root = Path(reporting.__file__).parents[2]
    assert '"*.html"' in (root / "pyproject.toml").read_text()
