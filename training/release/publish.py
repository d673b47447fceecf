"""From a finished run to a published version: what is kept beside the run, and the gate.

A run's folder holds `adapter/`, `evaluation.json`, `draft.json` and `README.md`, the last written
last. Called by `training.cli` from `train` and `publish`; `live_on` also by `training.studies.cli`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError

from adapters.adapter_folder import CARD, CONFIG
from adapters.manifest import Draft
from adapters.ontology import Ontology
from adapters.store import Store, StoreError, Version, base_digest
from training.evaluation.evaluate import Evaluation
from training.release import gate
from training.studies import isolation

BESIDE = "## Beside the others"  # the card's heading
_DRAFT, _EVALUATION = "draft.json", "evaluation.json"


class Refused(StoreError):
    """The gate's reasons, one a line."""


def keep(run: Path, draft: Draft, evaluation: Evaluation, card: str) -> None:
    """Write beside the run what publishing needs; the gate's reasons are part of the draft."""
    draft = draft.model_copy(update={"refusals": gate.refusals(draft.task, evaluation)})
    (run / _EVALUATION).write_text(json.dumps(asdict(evaluation), indent=1), encoding="utf-8")
    (run / _DRAFT).write_text(draft.model_dump_json(indent=2), encoding="utf-8")
    (run / CARD).write_text(card, encoding="utf-8")


def publish(run: Path, store: Store, ontology: Ontology, base: Path | None = None, force: str | None = None) -> Version:
    """Publish an evaluated run and make it live.

    Before that it is loaded beside all live adapters of its base, which must answer as without it.

    `base`: the base's folder, if it is no longer where the run was trained on it. `force`: why a
    refused adapter is published nevertheless; told in manifest and card.

    Raises:
        Refused: the gate has reasons against it and `force` gives none for it.
        StoreError: the folder is not that of a finished and evaluated run, or its base is missing.
    """
    try:
        draft = Draft.model_validate_json((run / _DRAFT).read_bytes())
        card = (run / CARD).read_text(encoding="utf-8")
    except (OSError, ValidationError) as error:
        raise StoreError(f"{run} is no finished run of `shoplora train`") from error
    reasons = [*draft.refusals]
    if force or not reasons:
        live = live_on(store, draft.base_digest)
        folder = base or _recorded_base(run)
        if base_digest(folder) != draft.base_digest:
            raise StoreError(f"{folder} is not the base of this run: name its folder with --base")
        adapters = {"this run": run / "adapter"} | {name: v.folder for name, v in live.items()}
        changed = isolation.disturbed(folder, adapters, isolation.example_prompts(ontology))
        reasons += [f"{name} answers otherwise when all are loaded" for name in changed]
        card += _beside(list(live), changed)
    if reasons and not force:
        raise Refused("\n".join(f"- {reason}" for reason in reasons))
    if reasons:
        told = "\n".join(f"- {reason}" for reason in reasons)
        card += f"\n## Published against the gate\nReason given: {force}\n\n{told}\n"
        draft = draft.model_copy(update={"refusals": reasons, "forced": force})
    return store.publish(run / "adapter", draft, card)


def live_on(store: Store, base: str) -> dict[str, Version]:
    """The live versions of the base of that digest, by name."""
    live = store.live().values()
    return {v.name: v for v in live if v.manifest.base_digest == base}


def _recorded_base(run: Path) -> Path:
    """Where PEFT says that the base was."""
    try:
        return Path(json.loads((run / "adapter" / CONFIG).read_bytes())["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{run} does not say where its base is: name it with --base") from error


def _beside(live: list[str], changed: list[str]) -> str:
    """The card's word on the check."""
    beside = ", ".join(live) or "no other adapter"
    if changed:
        found = f"{', '.join(changed)} did not answer as without the others."
    else:
        found = "the base and each adapter gave the logits, to the bit, that they give alone."
    return f"\n{BESIDE}\nLoaded with {beside}: {found}\n"
