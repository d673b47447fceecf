"""An adapter on its test split, beside the prompted base, the cheap baselines and the live version.

Knows how a line becomes an answer, as in serving; the figures are `metrics`'s. Called by the pipeline, by
`shoplora evaluate` and by `training.studies`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.manifest import Calibration
from adapters.ontology import Ontology
from adapters.store import Version
from adapters.tasks.contract import SEPARATOR, Decided, Message, Task
from training.evaluation.decoding import Decoded, Decoder
from training.evaluation.metrics import by_class, headlines, score
from training.evaluation.results import ADAPTER, FEW_SHOT, LIVE, ONE_SAMPLE, PROMPTED, Evaluation, JudgedAnswer
from training.evaluation.shots import nearest
from training.examples import Example
from training.tasks import training_task
from training.tasks.contract import TrainingTask

SEED = 0
FIRST_FIELD_TOKENS = 8  # enough for the first field of a partial example's line


def evaluate(
    task: Task[Any, Any],
    examples: Sequence[Example],
    base: Path,
    adapter: Path,
    ontology: Ontology,
    calibration: Calibration,
    live: Version | None = None,
) -> Evaluation:
    """All sides on the test split.

    The base is prompted twice: with the task's prompt alone, and after training examples. The adapter's calibration
    decides which of its answers are doubted, as it does for the adapter's.
    """
    training = training_task(task.name)
    test = [e for e in examples if e.split == "test"]
    train = [e for e in examples if e.split == "train"]
    models: dict[str, tuple[Path | None, Calibration]]
    models = {ADAPTER: (adapter, calibration), PROMPTED: (None, calibration)}
    models |= {FEW_SHOT: (None, calibration)} if train else {}
    models |= {LIVE: (live.folder, live.manifest.calibration)} if live else {}
    sides: dict[str, list[Any]] = {}
    is_fallback: dict[str, list[bool]] = {}
    judged: list[JudgedAnswer] = []
    for side, (folder, side_calibration) in models.items():
        decoder = Decoder(base, folder, ontology)
        shots = nearest(task, train, test, ontology) if side == FEW_SHOT else None
        samples = answer_lines(task, test, decoder, shots)
        decisions = [
            _served(task, e, lines, side_calibration, ontology) for e, lines in zip(test, samples, strict=True)
        ]
        sides[side] = [decision.labels for decision in decisions]
        is_fallback[side] = [d.source == "fallback" and d.labels is not None for d in decisions]
        if side == ADAPTER:
            judged = [
                _judged(training, e, lines[0].line, decision, ontology)
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
    decoder: Decoder,
    shots: Sequence[Sequence[list[Message]]] | None = None,
    samples: int | None = None,
) -> list[list[Decoded]]:
    """The sampled lines of each example; of a partial example only the first words.

    `shots`: see `Decoder.lines`. `samples`: how many lines for each example, if not the task's number.
    """
    lines: list[list[Decoded]] = [[] for _ in examples]
    for partial in (False, True):
        members = [i for i, e in enumerate(examples) if (e.known_fields is not None) is partial]
        decoded = decoder.lines(
            task,
            [examples[i].request for i in members],
            samples=samples or task.samples,
            temperature=task.temperature,
            max_tokens=FIRST_FIELD_TOKENS if partial else None,
            seed=SEED,
            shots=[shots[i] for i in members] if shots else None,
        )
        for i, example_lines in zip(members, decoded, strict=True):
            lines[i] = example_lines
    return lines


def single_answers(
    task: Task[Any, Any], examples: Sequence[Example], decoder: Decoder, ontology: Ontology
) -> list[Any]:
    """The labels of one sample for each example, without a choice among several and without the fallback."""
    return first_answers(task, examples, answer_lines(task, examples, decoder, samples=1), ontology)


def first_answers(
    task: Task[Any, Any], examples: Sequence[Example], samples: Sequence[Sequence[Decoded]], ontology: Ontology
) -> list[Any]:
    """The labels of the first line of each example; None where it does not decode."""
    return [_read(task, e, lines[0].line, ontology) for e, lines in zip(examples, samples, strict=True)]


def _read(task: Task[Any, Any], example: Example, line: str, ontology: Ontology) -> Any:
    """The labels of a line; of a partial example only the first field is the line's, the rest is as expected."""
    if example.known_fields is not None:
        expected = task.encode(example.labels).split(SEPARATOR)
        line = SEPARATOR.join([line.split(SEPARATOR)[0], *expected[1:]])
    return task.read(line, example.request, ontology)


def _served(
    task: Task[Any, Any], example: Example, lines: Sequence[Decoded], calibration: Calibration, ontology: Ontology
) -> Decided[Any]:
    """What serving would answer with."""
    logprobs = [decoded.logprob for decoded in lines]
    if example.known_fields is None:
        return task.decide([decoded.line for decoded in lines], logprobs, calibration, example.request, ontology)
    labels = _read(task, example, lines[0].line, ontology)
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
