"""An adapter on its test split, beside the prompted base, the cheap baselines and the live version.

Knows how a line becomes an answer, as in serving; the figures are `metrics`'s, the lines the engine's (`answers`).
Called by the pipeline, by `calibration` and by `training.studies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.manifest import Calibration
from adapters.ontology import Ontology
from adapters.tasks.contract import SEPARATOR, Decided, Message, Task
from server.engine.generation import Completion
from training.evaluation.answers import Models
from training.evaluation.metrics import by_class, headlines, score
from training.evaluation.results import ADAPTER, FEW_SHOT, LIVE, ONE_SAMPLE, PROMPTED, Evaluation, JudgedAnswer
from training.evaluation.shots import nearest
from training.examples import Example
from training.tasks import training_task
from training.tasks.contract import TrainingTask

FIRST_FIELD_TOKENS = 8  # enough for the first field of a partial example's line


def evaluate(
    task: Task[Any, Any],
    examples: Sequence[Example],
    models: Models,
    calibrations: Mapping[str, Calibration],
    ontology: Ontology,
) -> Evaluation:
    """All sides on the test split.

    The base is prompted twice: with the task's prompt alone, and after training examples. The adapter's calibration
    decides which of its answers are doubted, as it does for the adapter's.

    Args:
        models: of which ADAPTER is evaluated.
        calibrations: of ADAPTER, and of LIVE if that is among the models.
    """
    training = training_task(task.name)
    test = [e for e in examples if e.split == "test"]
    train = [e for e in examples if e.split == "train"]
    compared = [ADAPTER, PROMPTED, *([FEW_SHOT] if train else []), *([LIVE] if LIVE in calibrations else [])]
    sides: dict[str, list[Any]] = {}
    is_fallback: dict[str, list[bool]] = {}
    judged: list[JudgedAnswer] = []
    for side in compared:
        shots = nearest(task, train, test, ontology) if side == FEW_SHOT else None
        samples = answer_lines(task, test, models, side if side in calibrations else None, shots)
        calibration = calibrations.get(side, calibrations[ADAPTER])
        decisions = [_served(task, e, lines, calibration, ontology) for e, lines in zip(test, samples, strict=True)]
        sides[side] = [decision.labels for decision in decisions]
        is_fallback[side] = [d.source == "fallback" and d.labels is not None for d in decisions]
        if side == ADAPTER:
            judged = [
                _judged(training, e, _first(lines), decision, ontology)
                for e, lines, decision in zip(test, samples, decisions, strict=True)
            ]
        if task.samples > 1:
            sides[f"{side}{ONE_SAMPLE}"] = first_answers(task, test, samples, ontology)
    if train and test:  # a small file may leave nothing to learn from, or nothing to answer
        for name, baseline in training.baselines().items():
            sides[name] = baseline(train, test, ontology)
    return Evaluation(
        figures={
            side: score(training, test, answers, ontology, is_fallback.get(side)) for side, answers in sides.items()
        },
        headlines=headlines(training, test, sides, ontology),
        answers=judged,
        classes=by_class(training, test, sides[ADAPTER], ontology),
    )


def answer_lines(
    task: Task[Any, Any],
    examples: Sequence[Example],
    models: Models,
    adapter: str | None,
    shots: Sequence[Sequence[list[Message]]] | None = None,
    samples: int | None = None,
) -> list[list[Completion]]:
    """The sampled lines of each example; of a partial example only the first words. Arguments as `Models.lines`."""
    lines: list[list[Completion]] = [[] for _ in examples]
    for partial in (False, True):
        members = [i for i, e in enumerate(examples) if (e.known_fields is not None) is partial]
        if not members:
            continue
        completions = models.lines(
            task,
            [examples[i].request for i in members],
            adapter,
            samples=samples,
            max_tokens=FIRST_FIELD_TOKENS if partial else None,
            shots=[shots[i] for i in members] if shots else None,
        )
        for i, example_lines in zip(members, completions, strict=True):
            lines[i] = example_lines
    return lines


def single_answers(
    task: Task[Any, Any], examples: Sequence[Example], models: Models, adapter: str | None, ontology: Ontology
) -> list[Any]:
    """The labels of one sample for each example, without a choice among several and without the fallback."""
    return first_answers(task, examples, answer_lines(task, examples, models, adapter, samples=1), ontology)


def first_answers(
    task: Task[Any, Any], examples: Sequence[Example], samples: Sequence[Sequence[Completion]], ontology: Ontology
) -> list[Any]:
    """The labels of the first line of each example; None where there is none or it does not decode."""
    return [_read(task, e, _first(lines), ontology) for e, lines in zip(examples, samples, strict=True)]


def _first(lines: Sequence[Completion]) -> str:
    return lines[0].text if lines else ""


def _read(task: Task[Any, Any], example: Example, line: str, ontology: Ontology) -> Any:
    """The labels of a line; of a partial example only the first field is the line's, the rest is as expected."""
    if example.known_fields is not None:
        expected = task.encode(example.labels).split(SEPARATOR)
        line = SEPARATOR.join([line.split(SEPARATOR)[0], *expected[1:]])
    return task.read(line, example.request, ontology)


def _served(
    task: Task[Any, Any], example: Example, lines: Sequence[Completion], calibration: Calibration, ontology: Ontology
) -> Decided[Any]:
    """What serving would answer with; nothing where it would refuse the text as too long."""
    if not lines:
        return Decided(None, 0.0, True, "model")
    logprobs = [completion.logprob for completion in lines]
    if example.known_fields is None:
        return task.decide([completion.text for completion in lines], logprobs, calibration, example.request, ontology)
    labels = _read(task, example, lines[0].text, ontology)
    confidence = calibration.confidence(logprobs[0])
    return Decided(labels, confidence, confidence < calibration.threshold, "model")


def _judged(
    training: TrainingTask, example: Example, line: str, decision: Decided[Any], ontology: Ontology
) -> JudgedAnswer:
    """`line`: the first sample, shown where there are no labels or only its beginning counts."""
    labels, encode = decision.labels, training.task.encode
    return JudgedAnswer(
        source=example.source,
        request=example.request.model_dump(mode="json", exclude_defaults=True),
        expected=example.known_line(encode(example.labels)),
        predicted=line if labels is None or example.known_fields is not None else encode(labels),
        right=training.is_right(example, labels, ontology),
        confidence=round(decision.confidence, 4),
        by=decision.source,
    )
