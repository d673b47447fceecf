"""One cleaning of texts: imported rows, public data and requests, so that an adapter is served as it was trained.

Knows no task. Called by the requests' fields (`adapters.tasks.contract.limit`) and by training.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

ROUNDS = 8  # of a change until the text stays the same; deeper nested entities do not occur in product titles

_PLACEHOLDER = re.compile(r"\{\{.{0,300}?\}\}|</?[a-z!][^<>]{0,300}>", re.IGNORECASE)  # `<$50` and `3 < 4` are no tags
_SPACE = re.compile(r"\s+")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]+")
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+")  # hyphens, directions


def plain(text: str) -> str:
    """One line of readable text: mojibake, entities and full-width letters repaired; tags, control characters and
    repeated spaces removed. Idempotent.
    """
    return settled(_plain, text)


def _plain(text: str) -> str:
    """Mojibake is repaired by ftfy (Speer 2019, doi:10.5281/zenodo.2591652); typographic quotes are not changed."""
    if not text.isascii():
        import ftfy  # slow to import, and most texts are plain ASCII

        keep = {"uncurl_quotes": False, "unescape_html": False, "remove_control_chars": False, "explain": False}
        text = ftfy.fix_text(text, **keep)
        text = _INVISIBLE.sub("", text)
    text = html.unescape(html.unescape(_CONTROLS.sub(" ", text)))
    return _SPACE.sub(" ", _PLACEHOLDER.sub(" ", text)).strip()


def settled(change: Callable[[str], str], text: str) -> str:
    """The text after the change is repeated until nothing changes any more."""
    for _ in range(ROUNDS):
        if (again := change(text)) == text:
            break
        text = again
    return text
