"""Publishes a finished run, unless the quality gate refused it.

A finished run's folder holds `adapter/`, `evaluation.json`, `draft.json` and `README.md`, the last written
last. Called by `training.pipeline` and by `shoplora publish`.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from adapters.adapter_folder import CARD
from adapters.base import base_digest, base_folder
from adapters.manifest import Draft
from adapters.store import Store, StoreError, Version
from training.evaluation import results
from training.evaluation.results import Evaluation

_DRAFT = "draft.json"


class Refused(StoreError):
    """The quality gate refused the run; the message gives its reasons, one a line."""


def save(run: Path, draft: Draft, evaluation: Evaluation, card: str) -> None:
    """Write what publishing needs into the run's folder."""
    results.write(run, evaluation)
    (run / _DRAFT).write_text(draft.model_dump_json(indent=2), encoding="utf-8")
    (run / CARD).write_text(card, encoding="utf-8")


def publish(run: Path, store: Store, force: str | None = None, base: str | None = None) -> Version:
    """Publish a finished run and make it live.

    `force`: why it is published although the gate refused it; stored in manifest and card. `base`: the base
    that the run must have been trained on, a folder or a hub name; None: it is not checked.

    Raises:
        Refused: the gate refused the run and `force` gives no reason to publish it nevertheless.
        StoreError: the folder does not hold a finished run, or one of another base.
    """
    try:
        draft = Draft.model_validate_json((run / _DRAFT).read_bytes())
        card = (run / CARD).read_text(encoding="utf-8")
    except (OSError, ValidationError) as error:
        raise StoreError(f"{run} is not a finished run of `shoplora train`") from error
    if base and (part := base_digest(base_folder(base)).difference(draft.base_digest)):
        raise StoreError(f"{base} is not the base that {run} was trained on (different {part})")
    if draft.refusals:
        reasons = "\n".join(f"- {reason}" for reason in draft.refusals)
        if not force:
            raise Refused(
                f'not published:\n{reasons}\nto publish it nevertheless: shoplora publish {run} --force "REASON"'
            )
        card += f"\n## Published although the quality gate refused it\nReason given: {force}\n\n{reasons}\n"
        draft = draft.model_copy(update={"forced": force})
    return store.publish(run / "adapter", draft, card)
