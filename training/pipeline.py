"""From examples to a published adapter: load examples, tune, evaluate, judge, publish.

Each step is one call of the module that does it; a step's heavy imports wait until it is reached, so that a
fault in the examples is reported at once. Called by the CLI modules and by `loadtests.peers.train`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.adapter_folder import CARD, CONFIG, digest_of, read_config
from adapters.base import BaseDigest, base_digest, base_folder
from adapters.manifest import VARIANT, Calibration, Draft, channel_of
from adapters.ontology import Ontology
from adapters.settings import SharedSettings, user_cache
from adapters.store import Store, Version
from adapters.tasks.contract import Task
from training.data.split import leak_message, prove
from training.examples import SAMPLES, Example, ExampleError, load
from training.public.sources import SourceError
from training.tasks import training_task

if TYPE_CHECKING:
    from training.evaluation.results import Evaluation, Verdict
    from training.tuning.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Run:
    """A trained, evaluated and judged adapter; its folder holds all that publishing needs."""

    folder: Path
    evaluation: Evaluation
    verdict: Verdict
    report: Path  # HTML


def load_examples(
    task: Task[Any, Any], files: Sequence[Path] | None, ontology: Ontology, variant: str | None = None
) -> list[Example]:
    """The examples of some files or folders, proved free of leaks; without any, the public ones.

    Raises:
        ExampleError: the variant's name or a file is not valid, a text is in two splits, or there are no examples.
    """
    if variant and task.variant_field is None:
        raise ExampleError(f"{task.name} has no variants: none of its request's fields names one")
    if variant and not re.fullmatch(VARIANT, variant):
        raise ExampleError(f"{variant!r} is not a variant's name: lower-case letters, digits and hyphens")
    if files:
        examples = [example for file in files for example in load(task.name, file, ontology)]
        if pairs := prove(examples):  # figures on such splits would flatter
            raise ExampleError(
                f"{leak_message(pairs)}\nsplit them with `shoplora data split FILE --output FOLDER`, "
                "and name the folder with --data"
            )
        return examples
    try:
        return training_task(task.name).public_examples(ontology, variant=variant)
    except SourceError as error:
        sample = SAMPLES / f"{task.name}.jsonl"
        raise ExampleError(f"{error}; or name your own examples with --data FILE, such as {sample}") from error


def train(
    task: Task[Any, Any],
    examples: list[Example],
    recipe: Recipe,
    settings: SharedSettings,
    ontology: Ontology,
    output: Path,
    variant: str | None = None,
    report_to: str = "none",
) -> Run | None:
    """Tune an adapter, evaluate it beside the baselines and judge it; nothing is published yet.

    `output`: the folder of runs; an unfinished run of the same recipe, examples and base is resumed. Returns
    None in all but the first of the processes that `accelerate launch` starts.

    Raises:
        ShopLoraError: the base, the examples or the recipe cannot be used, or the store is damaged.
    """
    from training.evaluation import answers
    from training.tuning import finetune
    from training.tuning.recipe import run_key

    base = base_folder(settings.base)
    answers.check_possible(base)  # before hours of training
    digest = base_digest(base)
    name = f"{task.name}-{variant}" if variant else task.name
    key = run_key(recipe, examples, digest)
    folder = output / f"{name}-{key}"
    adapter = finetune.run(task, examples, recipe, base, folder, ontology, report_to)
    if os.environ.get("RANK", "0") != "0":
        return None

    from training.evaluation import cards, report, results
    from training.evaluation.results import ADAPTER
    from training.release.publish import save
    from training.studies import transfer

    place = transfer.folder_of(output, name, key)
    study = results.read(place) if (place / CARD).exists() else None
    calibration, evaluation, verdict = _evaluated(
        task, examples, base, digest, adapter, None, settings, ontology, variant, folder / answers.LINES, study
    )
    draft = Draft(
        task=task.name,
        variant=variant,
        base_digest=digest,
        ontology_digest=ontology.digest,
        recipe=recipe.fields(),
        data=cards.data_sources(task.name, examples),
        metrics=evaluation.figures[ADAPTER],
        calibration=calibration,
        refusals=verdict.refusals,
    )
    modules = read_config(adapter / CONFIG)["target_modules"]
    on_unseen = (place / CARD).read_text(encoding="utf-8") if study else ""
    card = cards.adapter_card(draft, modules, finetune.cost(folder), evaluation, verdict, on_unseen)
    save(folder, draft, evaluation, card)
    return Run(folder, evaluation, verdict, report.write(folder, task.name, evaluation, verdict))


def evaluate(
    task: Task[Any, Any],
    examples: list[Example],
    adapter: Path,
    calibration: Calibration,
    settings: SharedSettings,
    ontology: Ontology,
    variant: str | None = None,
) -> tuple[Evaluation, Verdict]:
    """An adapter on its test split beside the baselines and the live version, and the gate's verdict on it.

    The live version of its channel is left out if it is this adapter, or is of another base or ontology.

    Raises:
        ShopLoraError: the base cannot be used, the store is damaged, or it is one of several processes.
    """
    from training.evaluation import answers

    answers.check_alone()
    base = base_folder(settings.base)
    digest = base_digest(base)
    lines = user_cache() / "evaluations" / f"{task.name}-{digest_of(adapter)[:12]}.jsonl"
    _, evaluation, verdict = _evaluated(
        task, examples, base, digest, adapter, calibration, settings, ontology, variant, lines
    )
    return evaluation, verdict


def _evaluated(
    task: Task[Any, Any],
    examples: list[Example],
    base: Path,
    digest: BaseDigest,
    adapter: Path,
    calibration: Calibration | None,
    settings: SharedSettings,
    ontology: Ontology,
    variant: str | None,
    lines: Path,
    study: Evaluation | None = None,
) -> tuple[Calibration, Evaluation, Verdict]:
    """As `evaluate`, on a base of that digest, which takes long to compute.

    Args:
        calibration: None: it is fitted.
        lines: the file of lines by which an evaluation that was killed is resumed.
        study: of transfer, if there was one.
    """
    from training.evaluation import answers
    from training.evaluation.calibration import calibrate
    from training.evaluation.evaluate import evaluate
    from training.evaluation.results import ADAPTER, LIVE
    from training.release import gate

    live = Store(settings.store).live().get(channel_of(task.name, variant))
    folders, calibrations = {ADAPTER: adapter}, {}
    if (
        live
        and live.folder != adapter
        and not live.manifest.base_digest.difference(digest)
        and live.manifest.ontology_digest == ontology.digest
        and live.manifest.calibration.is_current
    ):
        folders[LIVE], calibrations[LIVE] = live.folder, live.manifest.calibration
    with answers.loaded(base, folders, ontology, [task.name], lines) as models:
        calibrations[ADAPTER] = calibration or calibrate(task, examples, models, ontology)
        evaluation = evaluate(task, examples, models, calibrations, ontology)
    return calibrations[ADAPTER], evaluation, gate.judge(task.name, evaluation, study)


def publish(run: Path, settings: SharedSettings, force: str | None = None, base: str | None = None) -> Version:
    """Publish a finished run and make it live; see `training.release.publish`."""
    from training.release import publish as publish_step

    return publish_step.publish(run, Store(settings.store), force, base)
