"""The page: it has all findings and plots, escapes all text, and loads nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from training.data import report as reporting
from training.data.check import Finding, Report

EVIL = "<script>alert(1)</script> $x^2$ 日本"


class Loads(HTMLParser):
    """Collects every attribute of a page that could make a browser send a request."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            local = (value or "").startswith("#")
            if name in ("src", "href", "xlink:href", "data", "action", "srcset") and not local:
                self.links.append(f"{tag} {name}={value}")


def page(**changed: object) -> str:
    values = {
        "file": "shop.jsonl",
        "task": "classify",
        "examples": 3,
        "labels": {EVIL: 2, "Jeans": 1},
        "findings": [Finding("personal data", True, 1, EVIL, [{"line": 3, "text": EVIL}])],
        "lengths": {10: 2, 30: 1},
        "languages": {"en": 2, "unsure": 1},
    }
    return reporting.page(Report(**{**values, **changed}))  # type: ignore[arg-type]


def test_a_page_loads_nothing() -> None:
    html = page()
    parser = Loads()
    parser.feed(html)
    assert parser.links == []
    assert parser.tags.count("svg") == 3
    assert not {"script", "link", "img", "iframe", "object"} & {*parser.tags}
    assert not re.search(r"url\((?!#)|@import", html)
    assert set(re.findall(r"https?://[^\s\"'<]+", html)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",  # names, never fetched
    }


def test_all_text_is_escaped() -> None:
    html = page(file=EVIL)
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; $x^2$ 日本" in html


def test_it_has_the_defects_and_their_cases() -> None:
    html = page()
    assert "1 defects" in html
    assert "personal data: 1 shown" in html
    assert "No defects" in page(findings=[])


def test_ten_cases_of_a_finding_are_shown() -> None:
    html = page(findings=[Finding("rare labels", False, 60, "", [{"label": f"<{i}>"} for i in range(50)])])
    assert "rare labels: 10 shown" in html
    assert html.count("<dt>label</dt>") == 10


def test_empty_data_has_no_plot_and_the_page_is_deterministic() -> None:
    html = page(labels={}, lengths={}, languages={})
    assert "<svg" not in html
    assert page() == page()


def test_the_number_of_labels_that_are_not_shown_is_on_the_page() -> None:
    html = page(labels={f"label {i}": 1 for i in range(30)})
    assert "5 more are not shown" in html
    assert "label 24" in html
    assert "label 25" not in html


def test_the_template_is_packaged() -> None:
    root = Path(reporting.__file__).parents[2]
    assert '"*.html"' in (root / "pyproject.toml").read_text()
