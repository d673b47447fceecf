"""An adapter on its test split, beside the prompted base, the cheap baselines and the live version.

Knows how a line becomes an answer, as in serving; the figures are `metrics`'s, the lines the engine's (`answers`).
Called by the pipeline and by `training.studies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.manifest import Calibration
from adapters.ontology import Ontology
from adapters.tasks.contract import SEPARATOR, Decided, Task
from server.engine.generation import Completion
from training.evaluation.answers import Models
from training.evaluation.calibration import reliabilities
from training.evaluation.metrics import by_class, headlines, score
from training.evaluation.results import ADAPTER, FEW_SHOT, LIVE, ONE_SAMPLE, PROMPTED, Evaluation, JudgedAnswer
from training.evaluation.shots import nearest
from training.examples import Example, sampled, unseen_sources
from training.tasks import training_task
from training.tasks.contract import TrainingTask

TESTED = 600  # test examples of each source, at most
PROMPTED_TESTED = 150  # of these, what the prompted base answers: its prompts are longer, and slower, by far


def evaluate(
    task: Task[Any, Any],
    examples: Sequence[Example],
    models: Models,
    calibrations: Mapping[str, Calibration],
    ontology: Ontology,
) -> Evaluation:
    """All sides on at most TESTED test examples of each source; the prompted base on PROMPTED_TESTED of these.

    The base is prompted twice: with the task's prompt alone, and after training examples. The adapter's calibration
    decides which of its answers are doubted, as it does for the adapter's.

    Args:
        models: of which ADAPTER is evaluated.
        calibrations: of ADAPTER, and of LIVE if that is among the models.
    """
    training = training_task(task.name)
    test = sampled(examples, "test", TESTED, first=PROMPTED_TESTED)
    common = sampled(test, "test", PROMPTED_TESTED)  # the first of them
    train = [e for e in examples if e.split == "train"]
    compared = [ADAPTER, PROMPTED, *([FEW_SHOT] if train else []), *([LIVE] if LIVE in calibrations else [])]
    sides: dict[str, list[Any]] = {}
    is_fallback: dict[str, list[bool]] = {}
    judged: list[JudgedAnswer] = []
    for side in compared:
        answered = test if side in calibrations else common
        shots = nearest(task, train, answered, ontology) if side == FEW_SHOT else None
        requests = [e.request for e in answered]
        samples = models.lines(task, requests, side if side in calibrations else None, shots=shots)
        calibration = calibrations.get(side, calibrations[ADAPTER])
        decisions = [_served(task, e, lines, calibration, ontology) for e, lines in zip(answered, samples, strict=True)]
        sides[side] = [decision.labels for decision in decisions]
        is_fallback[side] = [d.source == "fallback" and d.labels is not None for d in decisions]
        if side == ADAPTER:
            judged = [
                _judged(training, e, _first(lines), decision, ontology)
                for e, lines, decision in zip(answered, samples, decisions, strict=True)
            ]
        if task.samples > 1:
            sides[f"{side}{ONE_SAMPLE}"] = first_answers(task, answered, samples, ontology)
    if train and test:  # a small file may leave nothing to learn from, or nothing to answer
        for name, baseline in training.baselines().items():
            sides[name] = baseline(train, test, ontology)
    unseen = unseen_sources(examples)
    return Evaluation(
        figures={
            side: score(training, test, answers, ontology, is_fallback.get(side)) for side, answers in sides.items()
        },
        headlines=headlines(training, test, sides, ontology),
        answers=judged,
        classes=by_class(training, test, sides[ADAPTER], ontology),
        unseen=[source for source in unseen if source in {e.source for e in test}],
        confidence=reliabilities(judged, unseen),
    )


def single_answers(
    task: Task[Any, Any], examples: Sequence[Example], models: Models, adapter: str | None, ontology: Ontology
) -> list[Any]:
    """The labels of one sample for each example, without a choice among several and without the fallback."""
    samples = models.lines(task, [e.request for e in examples], adapter, samples=1)
    return first_answers(task, examples, samples, ontology)


def first_answers(
    task: Task[Any, Any], examples: Sequence[Example], samples: Sequence[Sequence[Completion]], ontology: Ontology
) -> list[Any]:
    """The labels of the first line of each example; None where there is none or it does not decode."""
    answers = (task.read(_first(lines), e.request, ontology) for e, lines in zip(examples, samples, strict=True))
    return [_known(task, e, labels, ontology) for e, labels in zip(examples, answers, strict=True)]


def _first(lines: Sequence[Completion]) -> str:
    return lines[0].text if lines else ""


def _known(task: Task[Any, Any], example: Example, labels: Any, ontology: Ontology) -> Any:
    """The labels; of a partial example only the first field is the answer's, the rest is as expected."""
    if example.known_fields is None or labels is None:
        return labels
    first, *_ = task.encode(labels).split(SEPARATOR)
    _, *expected = task.encode(example.labels).split(SEPARATOR)
    return task.read(SEPARATOR.join([first, *expected]), example.request, ontology)


def _served(
    task: Task[Any, Any], example: Example, lines: Sequence[Completion], calibration: Calibration, ontology: Ontology
) -> Decided[Any]:
    """What serving would answer with; nothing where it would refuse the text as too long."""
    if not lines:
        return Decided(None, 0.0, True, "model")
    decided = task.decide(lines, calibration, example.request, ontology)
    return replace(decided, labels=_known(task, example, decided.labels, ontology))


def _judged(
    training: TrainingTask, example: Example, line: str, decision: Decided[Any], ontology: Ontology
) -> JudgedAnswer:
    """`line`: the first sample, shown where there are no labels."""
    labels, encode = decision.labels, training.task.encode
    return JudgedAnswer(
        source=example.source,
        request=example.request.model_dump(mode="json", exclude_defaults=True),
        expected=example.known_line(encode(example.labels)),
        predicted=line if labels is None else example.known_line(encode(labels)),
        right=training.is_right(example, labels, ontology),
        confidence=round(decision.confidence, 4),
        by=decision.source,
    )
