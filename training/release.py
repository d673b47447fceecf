"""From a finished run to a published version: what is kept beside the run, and the gate.

A run's folder holds `adapter/`, `evaluation.json`, `draft.json` and `README.md`, the last written
last. Called by `training.cli` from `train` and `publish`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError

from adapters.files import CARD
from adapters.manifest import Draft
from adapters.store import Store, StoreError, Version
from training import gate
from training.evaluate import Evaluation

_DRAFT, _EVALUATION = "draft.json", "evaluation.json"


class Refused(StoreError):
    """The gate's reasons, one a line."""


def keep(run: Path, draft: Draft, evaluation: Evaluation, card: str) -> None:
    """Write beside the run what publishing needs; the gate's reasons are part of the draft."""
    draft = draft.model_copy(update={"refusals": gate.refusals(draft.task, evaluation)})
    (run / _EVALUATION).write_text(json.dumps(asdict(evaluation), indent=1), encoding="utf-8")
    (run / _DRAFT).write_text(draft.model_dump_json(indent=2), encoding="utf-8")
    (run / CARD).write_text(card, encoding="utf-8")


def publish(run: Path, store: Store, force: str | None = None) -> Version:
    """Publish an evaluated run and make it live.

    `force`: why a refused adapter is published nevertheless; told in manifest and card.

    Raises:
        Refused: the gate has reasons against it and `force` gives none for it.
        StoreError: the folder is not that of a finished and evaluated run.
    """
    try:
        draft = Draft.model_validate_json((run / _DRAFT).read_bytes())
        card = (run / CARD).read_text(encoding="utf-8")
    except (OSError, ValidationError) as error:
        raise StoreError(f"{run} is no finished run of `shoplora train`") from error
    if draft.refusals and not force:
        raise Refused("\n".join(f"- {reason}" for reason in draft.refusals))
    if draft.refusals:
        told = "\n".join(f"- {reason}" for reason in draft.refusals)
        card += f"\n## Published against the gate\nReason given: {force}\n\n{told}\n"
        draft = draft.model_copy(update={"forced": force})
    return store.publish(run / "adapter", draft, card)
