"""HTML pages that need nothing else, with plots as SVG inside them.

Knows no figure and no report. Called by the reports of `training.evaluation`, `training.data` and `training.studies`.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any


def render(template: Path, **values: Any) -> str:
    """The template filled in.

    Raises:
        jinja2.UndefinedError: the template uses a name without a value.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader([template.parent, Path(__file__).parent])  # the second for layout.html
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    html: str = environment.get_template(template.name).render(**values)
    return html


def svg(figure: Any, name: str) -> str:
    """The figure as an `<svg>` element, without the XML header, which names a server; text is left to the browser.

    `name` seeds the element's ids, so that the same figure gives the same SVG.
    """
    import matplotlib

    settings = {"svg.fonttype": "none", "svg.hashsalt": name, "text.parse_math": False, "font.family": "sans-serif"}
    with matplotlib.rc_context(settings), io.StringIO() as out, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # glyphs that only the browser has
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        document = out.getvalue()
    return document[document.index("<svg") :]
