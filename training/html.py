"""HTML pages that need nothing else, with plots as SVG inside them.

Knows no figure and no report. Called by `training.evaluation.report`, `training.data.report` and
`training.studies.ablate`.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any


def render(template: Path, **told: Any) -> str:
    """The template filled in; a name that it asks for and is not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = FileSystemLoader([template.parent, Path(__file__).parent])  # which has page.html
    environment = Environment(loader=folder, autoescape=True, undefined=StrictUndefined)
    page: str = environment.get_template(template.name).render(**told)
    return page


def svg(figure: Any, name: str) -> str:
    """The picture without its head, which would name a server, its text left to the browser."""
    import matplotlib

    settings = {"svg.fonttype": "none", "svg.hashsalt": name, "text.parse_math": False, "font.family": "sans-serif"}
    with matplotlib.rc_context(settings), io.StringIO() as out, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that only the browser has
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        drawn = out.getvalue()
    return drawn[drawn.index("<svg") :]
