"""The model card of the demo base. Called by `training.base.pretrain`."""

from __future__ import annotations

from typing import Any

from training.public.sources import sources


def base_card(recipe: dict[str, Any], parameters: int, loss: float) -> str:
    """The card of the demo base, as Markdown; `loss` in nats a token."""
    data = "\n".join(
        f"- {repository}: {licence}" for repository, licence in sorted({(s.repository, s.licence) for s in sources()})
    )
    settings = "\n".join(f"- {name}: {value}" for name, value in recipe.items())
    earlier = (
        "It went on from an earlier base, named below by the digest of its weights (`start`).\n"
        if recipe["start"]
        else ""
    )
    return f"""# ShopLoRA demo base

A Qwen3-shaped language model of {parameters / 1e6:.2f}M parameters, trained from scratch with
`shoplora pretrain`: small enough to ship and to serve on a CPU, and far too small for anything but
demonstrating adapters. It has read reviews, titles, queries and product copy, and structure made
from them (`training/base/structure.py`), among it answer lines that the words of the ontology and the
lexicon alone tell (`training/base/weak.py`), never a label of the four tasks' data sets; every
validation and test item was removed. Training loss at the end: {loss:.3f} nats a token.

## Recipe
{earlier}
{settings}

## Data and licences
{data}
"""
