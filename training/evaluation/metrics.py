"""What counts as a good answer, task by task. Knows labels, no model.

A task without figures of its own here is measured by what it says is `counted`, and field by field.

A prediction of None (no line, or one that does not decode) is wrong and counted as `undecodable`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from adapters.ontology import Ontology
from adapters.tasks import copywrite, extract, rewrite, tasks
from training.evaluation.significance import Terms
from training.examples import Example
from training.tasks.wording import distinct, edit_distance, repetition

Figures = dict[str, float]
Thing = Iterable[Hashable]
BINS = 10  # of the confidence, where its calibration is measured
Predicted = Sequence[Any]


def score(
    task: str,
    examples: Sequence[Example],
    predicted: Predicted,
    ontology: Ontology,
    fallen: Sequence[bool] | None = None,
) -> dict[str, Figures]:
    """Figures for each source of the examples (`fashion`, `queryner` ...), and how many they are.

    `fallen`: which answers are the task's fallback; their share is told beside the figures.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for i, example in enumerate(examples):
        groups[example.source].append(i)
    result = {}
    for source, members in groups.items():
        gold = [examples[i] for i in members]
        answers = [predicted[i] for i in members]
        figures: Figures = {"examples": len(gold)}
        figures |= SCORERS.get(task, partial(_general, task))(gold, answers, ontology)
        figures["undecodable"] = sum(a is None for a in answers) / len(answers)
        figures["fallback"] = sum(fallen[i] for i in members) / len(members) if fallen else 0.0
        result[source] = {name: round(value, 4) for name, value in figures.items()}
    return result


def right(task: str, example: Example, predicted: Any, ontology: Ontology) -> bool:
    """Whether an answer is right as a whole: what a calibrated confidence is the probability of."""
    if predicted is None:
        return False
    if task == "classify":
        return bool(predicted.category == example.labels.category)
    if task == "extract":
        return bool(predicted.overall_sentiment == example.labels.overall_sentiment)
    if task == "copywrite":
        return copywrite.TASK.faithful(predicted, example.request, ontology)
    main = _main(task)
    if main is None:
        return bool(predicted == example.labels)
    same = Counter(main(predicted)) == Counter(main(example.labels))
    return same and tasks()[task].faithful(predicted, example.request, ontology)


def _main(task: str) -> Callable[[Any], Thing] | None:
    """What a task without figures of its own counts first."""
    return next(iter(tasks()[task].counted.values()), None)


def main_figure(task: str) -> tuple[str, str]:
    """Source and name of the figure that a table shows first; no source means the first."""
    general = next((f"{name}_f1" for name in tasks()[task].counted), "right")
    return HEADLINE.get(task, ("", general))


def counts(gold: Iterable[Thing], found: Iterable[Thing]) -> Terms:
    """Hits, things wanted and things found of each example, shape (examples, 3)."""
    rows = []
    for wanted, got in zip(gold, found, strict=True):
        a, b = Counter(wanted), Counter(got)
        rows.append(((a & b).total(), a.total(), b.total()))
    return np.array(rows, dtype=float).reshape(-1, 3)


def micro_f1(gold: Iterable[Thing], found: Iterable[Thing]) -> Figures:
    """Micro-averaged precision, recall and F1 over multisets of things, one an example."""
    hits, n_gold, n_found = map(float, counts(gold, found).sum(axis=0))
    precision = hits / n_found if n_found else 0.0
    recall = hits / n_gold if n_gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def headline(task: str, examples: Sequence[Example], predicted: Predicted, ontology: Ontology) -> Terms:
    """The main figure of one source's answers as numerators and denominators, (examples, 2).

    classify: path accuracy; rewrite: entity micro-F1; extract: pair micro-F1, or the accuracy of
    the overall sentiment where no more is labelled; copywrite: attributes mentioned; other tasks:
    micro-F1 of what they count first, else answers that are right.
    """
    pairs = list(zip(examples, predicted, strict=True))
    if task == "rewrite":
        return _f1_terms(
            (rewrite.spans(e.labels.tags) for e, _ in pairs), (rewrite.spans(a.tags) if a else () for _, a in pairs)
        )
    if task == "extract" and any(e.known_fields is None for e in examples):
        return _f1_terms((pairs_of(e.labels) for e, _ in pairs), (pairs_of(a, ontology) if a else () for _, a in pairs))
    if task == "copywrite":
        told = [copywrite.TASK.expand(a, e.request, ontology)["mentioned"] if a else () for e, a in pairs]
        return np.array(
            [(len(t), len(e.request.attributes)) for (e, _), t in zip(pairs, told, strict=True)], dtype=float
        ).reshape(-1, 2)
    if main := _main(task):
        return _f1_terms((main(e.labels) for e, _ in pairs), (main(a) if a else () for _, a in pairs))
    hits = [right(task, example, answer, ontology) for example, answer in pairs]
    return np.array([(hit, 1.0) for hit in hits], dtype=float).reshape(-1, 2)


def bin_of(confidences: Terms) -> NDArray[np.int_]:
    """Which of BINS bins of equal width each confidence is in."""
    placed: NDArray[np.int_] = np.minimum((confidences * BINS).astype(int), BINS - 1)
    return placed


def calibration_error(confidences: Sequence[float], rights: Sequence[bool]) -> float:
    """Expected calibration error over bins of equal width (Guo et al. 2017, arXiv:1706.04599)."""
    told, hits = np.asarray(confidences), np.asarray(rights, dtype=float)
    placed = bin_of(told)
    gaps = (abs((told - hits)[placed == b].sum()) for b in range(BINS))
    return float(sum(gaps) / len(told)) if len(told) else 0.0


def _f1_terms(gold: Iterable[Thing], found: Iterable[Thing]) -> Terms:
    told = counts(gold, found)
    return np.stack((2 * told[:, 0], told[:, 1] + told[:, 2]), axis=1)


def pairs_of(labels: extract.Labels, ontology: Ontology | None = None) -> set[tuple[str, str]]:
    """(category, sentiment) of each aspect: as labelled, or with the ontology as it is answered."""
    aspects = extract.settled(labels.aspects, ontology) if ontology else labels.aspects
    return {(aspect.category, aspect.sentiment) for aspect in aspects}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _general(task: str, gold: list[Example], answers: list[Any], ontology: Ontology) -> Figures:
    """What a task without figures of its own is measured by."""
    pairs, of = list(zip(gold, answers, strict=True)), tasks()[task]
    figures: Figures = {}
    for name, things in of.counted.items():
        found = micro_f1((things(e.labels) for e in gold), (things(a) if a else () for a in answers))
        figures |= {f"{name}_{kind}": value for kind, value in found.items()}
    agreed = {
        f"{name}_accuracy": [a and getattr(e.labels, name) == getattr(a, name) for e, a in pairs]
        for name in of.labels.model_fields
    }
    agreed["exact"] = [e.labels == a for e, a in pairs]
    agreed["right"] = [right(task, e, a, ontology) for e, a in pairs]
    return figures | {name: sum(map(bool, hits)) / len(gold) for name, hits in agreed.items()}


def _classify(gold: list[Example], answers: list[Any], ontology: Ontology) -> Figures:
    """The taxonomy has each leaf once, so the leaf is right exactly where the path is."""

    def share(is_right: Callable[[Any, Any], bool], among: list[int]) -> float:
        hits = sum(answers[i] is not None and is_right(gold[i].labels, answers[i]) for i in among)
        return hits / len(among) if among else 0.0

    def same(level: int) -> float:
        """The accuracy of the path's first `level` names."""
        paths = {name: category.path[:level] for name, category in ontology.categories.items()}
        return share(lambda a, b: paths[a.category] == paths[b.category], everyone)

    everyone = list(range(len(gold)))
    stated = [i for i in everyone if "color" in gold[i].labels.attributes]
    gendered = [i for i in everyone if "gender" in gold[i].labels.attributes]
    depth = max((len(category.path) for category in ontology.categories.values()), default=0)
    wanted, said = [e.labels.category for e in gold], [a.category if a else "" for a in answers]
    return {
        "path_accuracy": share(lambda a, b: a.category == b.category, everyone),
        "department_accuracy": same(1),
        "color_accuracy": share(lambda a, b: a.attributes.get("color") == b.attributes.get("color"), stated),
        "gender_accuracy": share(lambda a, b: a.attributes.get("gender") == b.attributes.get("gender"), gendered),
        "exact": share(lambda a, b: a == b, everyone),
        **{f"level_{level}_accuracy": same(level) for level in range(2, depth)},
        "macro_f1": float(f1_score(wanted, said, labels=sorted({*wanted}), average="macro", zero_division=0)),
    }


def _rewrite(gold: list[Example], answers: list[Any], ontology: Ontology) -> Figures:
    wanted = [rewrite.spans(e.labels.tags) for e in gold]
    found = [rewrite.spans(a.tags) if a else [] for a in answers]
    same = [bool(a) and w == f for a, w, f in zip(answers, wanted, found, strict=True)]
    filters = (
        bool(a) and _filters(e.labels, e, ontology) == _filters(a, e, ontology)
        for e, a in zip(gold, answers, strict=True)
    )
    return {
        **{f"entity_{k}": v for k, v in micro_f1(wanted, found).items()},
        "exact": sum(same) / len(gold),
        "filters_exact": sum(filters) / len(gold),
    }


def _filters(labels: Any, example: Example, ontology: Ontology) -> tuple[Any, Any]:
    """What a search would filter by."""
    told = rewrite.TASK.expand(labels, example.request, ontology)
    return told["filters"], told["price"]


def _extract(gold: list[Example], answers: list[Any], ontology: Ontology) -> Figures:
    agree = [bool(a) and a.overall_sentiment == e.labels.overall_sentiment for e, a in zip(gold, answers, strict=True)]
    figures = {"overall_accuracy": sum(agree) / len(gold)}
    if all(e.known_fields is not None for e in gold):
        return figures
    units: dict[str, Callable[[Any], Hashable]] = {
        "pair": lambda a: (a.category, a.sentiment),
        "triplet": lambda a: (a.aspect, a.opinion, a.sentiment),
    }
    wanted = [e.labels.aspects for e in gold]
    found = [extract.settled(a.aspects, ontology) if a else [] for a in answers]
    for name, unit in units.items():
        pairs = [{unit(a) for a in aspects} for aspects in wanted]
        got = [{unit(a) for a in aspects} for aspects in found]
        figures |= {f"{name}_{k}": v for k, v in micro_f1(pairs, got).items()}
    specific = [{units["pair"](a) for a in aspects if a.category != "general"} for aspects in wanted]
    told = [{units["pair"](a) for a in aspects if a.category != "general"} for aspects in found]
    figures["specific_pair_f1"] = micro_f1(specific, told)["f1"]
    for field in ("use_case", "mentions_difficulty"):
        hits = sum(
            bool(a) and getattr(a, field) == getattr(e.labels, field) for e, a in zip(gold, answers, strict=True)
        )
        figures[f"{field}_accuracy"] = hits / len(gold)
    return figures


def _copywrite(gold: list[Example], answers: list[Any], ontology: Ontology) -> Figures:
    given = mentioned = beyond = invented = loops = length = 0
    texts: list[str] = []
    repeated: list[float] = []
    edited: list[float] = []
    kept = 0
    for example, answer in zip(gold, answers, strict=True):
        request = example.request
        given += len(request.attributes)
        if answer is None:
            edited.append(1.0)
            continue
        told = copywrite.TASK.expand(answer, request, ontology)
        mentioned += len(told["mentioned"])
        invented += any(c.startswith(("color:", "material:")) for c in told["unsupported"])
        beyond += bool(told["unsupported"])
        loops += copywrite.has_loop(told["description"])
        length += len(told["description"].split())
        texts.append(told["description"])
        repeated.append(repetition(told["description"]))
        edited.append(edit_distance(told["description"], example.labels.description))
        if request.max_words:
            kept += len(answer.description.split()) <= request.max_words
    n, limited = len(gold), sum(bool(e.request.max_words) for e in gold)
    return {
        "attributes_mentioned": mentioned / given if given else 1.0,
        "invented_color_or_material": invented / n,
        "unsupported_claims": beyond / n,
        "loops": loops / n,
        "mean_words": length / n,
        "distinct_1": distinct(texts, 1),
        "distinct_2": distinct(texts, 2),
        "repetition": _mean(repeated),
        "edit_distance": _mean(edited),
        # Of the text as the model wrote it: what is shown is cut to the limit.
        **({"within_max_words": kept / limited} if limited else {}),
    }


SCORERS: dict[str, Callable[[list[Example], list[Any], Ontology], Figures]] = {
    "classify": _classify,
    "rewrite": _rewrite,
    "extract": _extract,
    "copywrite": _copywrite,
}
# The figure that a table shows first: source and name.
HEADLINE = {
    "classify": ("fashion", "path_accuracy"),
    "rewrite": ("queryner", "entity_f1"),
    "extract": ("dmaste", "pair_f1"),
    "copywrite": ("retail", "attributes_mentioned"),
}
