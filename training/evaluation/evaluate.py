"""An adapter on its test split, beside the prompted base and the cheap baselines.

Knows decoding, metrics and baselines; called by `training.cli` after training and on its own. The
figures go into the manifest and the model card, and come out again from the same command.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.linear_model import LogisticRegression

from adapters.manifest import Calibration
from adapters.ontology import Ontology
from adapters.store import Version
from adapters.tasks.contract import Decided, LineError, Message, Task
from training.evaluation.decoding import Decoded, Decoder
from training.evaluation.metrics import Figures, headline, right, score
from training.evaluation.per_class import by_class
from training.evaluation.shots import nearest
from training.evaluation.significance import interval, p_value, ratio
from training.examples import Example
from training.tasks.baselines import baselines_of

ADAPTER, PROMPTED, LIVE = "adapter", "prompted base", "live version"
FEW_SHOT = f"{PROMPTED}, few-shot"
ONE_SAMPLE = ", one sample"  # what a side reaches without choosing and falling back
THRESHOLD = 0.5
CALIBRATION = 1_000  # validation examples, at most
SEED = 0


@dataclass(frozen=True, slots=True)
class Headline:
    """The main figure of one side on one source, its 95% interval, and p against the adapter."""

    value: float
    low: float
    high: float
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer of the adapter beside what was wanted."""

    source: str
    request: dict[str, Any]
    wanted: str
    said: str
    right: bool
    confidence: float
    by: Literal["model", "fallback"] = "model"  # the confidence speaks of the model's answers only


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every side on the test split: side -> source -> figure -> value, and the main figures."""

    figures: dict[str, dict[str, Figures]]
    headlines: dict[str, dict[str, Headline]]
    answers: list[Judged] = field(default_factory=list)
    classes: dict[str, dict[str, Figures]] = field(default_factory=dict)  # the adapter's, by source


def evaluate(
    task: Task[Any, Any],
    examples: Sequence[Example],
    base: Path,
    adapter: Path,
    ontology: Ontology,
    calibration: Calibration,
    live: Version | None = None,
) -> Evaluation:
    """The adapter, the prompted base, the cheap baselines and, if given, the version now live.

    The base is prompted twice: with the task's prompt alone, and after training examples. Its
    answers are doubted by the adapter's calibration, so that both have the same help.
    """
    answers: list[Judged] = []
    test = [e for e in examples if e.split == "test"]
    train = [e for e in examples if e.split == "train"]
    sides: dict[str, list[Any]] = {}
    fallen: dict[str, list[bool]] = {}
    models: dict[str, tuple[Path | None, Calibration]]
    models = {ADAPTER: (adapter, calibration), PROMPTED: (None, calibration)}
    models |= {FEW_SHOT: (None, calibration)} if train else {}
    models |= {LIVE: (live.folder, live.manifest.calibration)} if live else {}
    for side, (weights, fitted) in models.items():
        decoder = Decoder(base, weights, ontology)
        shots = nearest(task, train, test, ontology) if side == FEW_SHOT else None
        lines = answer_lines(task, test, decoder, shots)
        told = [_served(task, e, found, fitted, ontology) for e, found in zip(test, lines, strict=True)]
        sides[side] = [decided.labels for decided in told]
        fallen[side] = [d.source == "fallback" and d.labels is not None for d in told]
        if side == ADAPTER:
            answers = [
                _judge(task, e, found[0].line, decided, ontology)
                for e, found, decided in zip(test, lines, told, strict=True)
            ]
        if task.samples > 1:
            firsts = [_decode(task, e, found[0], ontology) for e, found in zip(test, lines, strict=True)]
            sides[f"{side}{ONE_SAMPLE}"] = firsts
    # A small file may leave nothing to learn from, or nothing to answer.
    for name, baseline in baselines_of(task).items() if train and test else ():
        sides[name] = baseline(train, test, ontology)
    return Evaluation(
        {side: score(task.name, test, said, ontology, fallen.get(side)) for side, said in sides.items()},
        _headlines(task.name, test, sides, ontology),
        answers,
        _classes(task.name, test, sides[ADAPTER], ontology),
    )


def _classes(task: str, test: list[Example], said: list[Any], ontology: Ontology) -> dict[str, dict[str, Figures]]:
    found = {}
    for source in dict.fromkeys(e.source for e in test):
        own = [(e, a) for e, a in zip(test, said, strict=True) if e.source == source]
        figures = by_class(task, [e for e, _ in own], [a for _, a in own], ontology)
        found[source] = {name: {k: round(v, 4) for k, v in told.items()} for name, told in figures.items()}
    return found


def _judge(task: Task[Any, Any], example: Example, line: str, decided: Decided[Any], ontology: Ontology) -> Judged:
    labels, wanted = decided.labels, task.encode(example.labels)
    return Judged(
        source=example.source,
        request=example.request.model_dump(mode="json", exclude_defaults=True),
        wanted=example.known_line(wanted),
        said=line if labels is None or example.known_fields is not None else task.encode(labels),
        right=right(task.name, example, labels, ontology),
        confidence=round(decided.confidence, 4),
        by=decided.source,
    )


def _headlines(
    task: str, test: list[Example], sides: dict[str, list[Any]], ontology: Ontology
) -> dict[str, dict[str, Headline]]:
    found: dict[str, dict[str, Headline]] = {side: {} for side in sides}
    for source in dict.fromkeys(e.source for e in test):
        members = [i for i, e in enumerate(test) if e.source == source]
        gold = [test[i] for i in members]
        terms = {side: headline(task, gold, [said[i] for i in members], ontology) for side, said in sides.items()}
        for side, own in terms.items():
            ours = f"{ADAPTER}{ONE_SAMPLE}" if side.endswith(ONE_SAMPLE) else ADAPTER
            p = None if side == ours else p_value(terms[ours], own)
            found[side][source] = Headline(ratio(own), *interval(own), p)
    return found


def answer_lines(
    task: Task[Any, Any],
    examples: Sequence[Example],
    decoder: Decoder,
    shots: Sequence[Sequence[list[Message]]] | None = None,
    samples: int | None = None,
) -> list[list[Decoded]]:
    """Lines for every example; of an example that is known in part only the first words."""
    found: list[list[Decoded]] = [[] for _ in examples]
    for partial in (False, True):
        members = [i for i, e in enumerate(examples) if (e.known_fields is not None) is partial]
        lines = decoder.lines(
            task,
            [examples[i].request for i in members],
            samples=samples or task.samples,
            temperature=task.temperature,
            max_tokens=8 if partial else None,
            seed=SEED,
            shots=[shots[i] for i in members] if shots else None,
        )
        for i, line in zip(members, lines, strict=True):
            found[i] = line
    return found


def single_answers(
    task: Task[Any, Any], examples: Sequence[Example], decoder: Decoder, ontology: Ontology
) -> list[Any]:
    """The labels of one sample for each example, without a choice among several and without the fallback."""
    lines = answer_lines(task, examples, decoder, samples=1)
    return [_decode(task, e, found[0], ontology) for e, found in zip(examples, lines, strict=True)]


def calibrate(
    task: Task[Any, Any], examples: Sequence[Example], base: Path, adapter: Path, ontology: Ontology
) -> Calibration:
    """Platt scaling of the line's log-probability, fitted on whole validation examples."""
    held = [e for e in examples if e.split == "validation" and e.known_fields is None]
    held = random.Random(SEED).sample(held, min(len(held), CALIBRATION))
    decoder = Decoder(base, adapter, ontology)
    lines = answer_lines(task, held, decoder, samples=1) if held else []
    scores = np.array([found[0].logprob for found in lines])
    rights = np.array(
        [
            right(task.name, e, _decode(task, e, found[0], ontology), ontology)
            for e, found in zip(held, lines, strict=True)
        ]
    )
    if len(held) < 20 or rights.all() or not rights.any():
        return Calibration()
    fitted = LogisticRegression(C=1e6).fit(scores[:, None], rights)
    return Calibration(
        slope=round(float(fitted.coef_[0, 0]), 4), intercept=round(float(fitted.intercept_[0]), 4), threshold=THRESHOLD
    )


def _served(
    task: Task[Any, Any], example: Example, found: list[Decoded], calibration: Calibration, ontology: Ontology
) -> Decided[Any]:
    """What serving would answer with."""
    lines, logprobs = [d.line for d in found], [d.logprob for d in found]
    if example.known_fields is None:
        return task.decide(lines, logprobs, calibration, example.request, ontology)
    labels = _decode(task, example, found[0], ontology)
    confidence = calibration.confidence(logprobs[0])
    return Decided(labels, confidence, confidence < calibration.threshold, "model")


def _decode(task: Task[Any, Any], example: Example, found: Decoded, ontology: Ontology) -> Any:
    line = found.line
    if example.known_fields is not None:
        line = "; ".join([*line.split("; ")[:1], "no", "-", "-"])
    try:
        return task.decode(line, example.request, ontology)
    except LineError:
        return None
