"""The demo ontology's category of each product style of the retail demo store, for `classify` and `copywrite`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

RETAIL = "retail"  # the source's name
REPOSITORY = "aws-samples/retail-demo-store"


@cache
def retail_leaves() -> dict[str, str]:
    """The ontology's leaf category for each `category/style` of the store."""
    text = Path(__file__).with_name("retail_categories.yaml").read_text(encoding="utf-8")
    leaves: dict[str, str] = yaml.safe_load(text)
    return leaves
