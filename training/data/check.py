"""What is wrong with a file of examples: defects, which training would learn, and warnings.

Knows typed records, whatever made them. Called by `cli`; `report` shows what comes out.
"""

from __future__ import annotations

import hashlib
import heapq
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from adapters.ontology import Ontology
from adapters.tasks import task as find_task
from training.data import personal
from training.data.duplicates import SIMILAR, folded, near_pairs
from training.data.records import Record, compared, label_values, read, task_of
from training.data.vocabulary import Vocabulary
from training.examples import ExampleError, typed

CASES = 50  # shown of each finding; all are counted
FEW = 200  # examples; an adapter learns fewer by heart
LOST = "\ufffd"  # what a reader puts where it could not decode
RARE = 5  # examples of a label; a split has too few of fewer
FENCE = 3.0  # interquartile ranges: what is beyond is "far out" (Tukey 1977, Exploratory Data Analysis)
SAMPLED = 5_000  # texts whose language is told
LETTERS = 20  # below, a language cannot be told
SURE = 0.9
FOREIGN = 0.05  # share of another language that is worth a word
# The labels that one input has one right value of; the first also holds for nearly the same input.
ONE_RIGHT = {
    "classify": ("category", "attributes.color", "attributes.gender"),
    "extract": ("overall_sentiment", "use_case", "mentions_difficulty"),
    "rewrite": ("tags",),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing that was found, and every line that it is about.

    `cases` are some of them, each a few named texts.
    """

    kind: str
    defect: bool
    count: int
    told: str
    cases: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    file: str
    task: str
    examples: int
    findings: list[Finding]
    labels: dict[str, int]  # commonest first
    lengths: dict[int, int]  # characters of the input: examples
    languages: dict[str, int]

    @property
    def defects(self) -> int:
        return sum(finding.count for finding in self.findings if finding.defect)


def check(file: Path, ontology: Ontology, region: str = personal.REGION) -> Report:
    """Everything that is found in the file.

    Raises:
        RecordError: it cannot be read, is empty, or is for no task.
    """
    records, broken = read(file)
    task = task_of(records, file) if records else "none"
    model = find_task(task).request if records else BaseModel
    texts = [folded(compared(model, record.request)) for record in records]
    by_text: defaultdict[str, list[int]] = defaultdict(list)
    for i, text in enumerate(texts):
        by_text[text].append(i)
    labels = Counter(v for r in records for v in label_values(task, r.labels))
    lengths = Counter(len(record.text) for record in records)
    languages = _languages(records)
    found = [
        _few(len(records)),
        _broken(broken),
        *(_invalid(records, task, ontology) if records else ()),
        *_same(records, by_text, task),
        *_near(records, by_text, task),
        _garbled(records),
        _personal(records, region),
        _rare(labels, task),
        _far_out(records),
        _foreign(languages),
    ]
    # A report must not spread what it warns of.
    masked = [replace(f, cases=personal.mask_all(f.cases, region)) for f in found if f.count]
    return Report(
        file.name,
        task,
        len(records),
        masked,
        dict(labels.most_common()),
        dict(sorted(lengths.items())),
        dict(languages.most_common()),
    )


def _few(count: int) -> Finding:
    advice = f"under {FEW} examples: an adapter learns them by heart and fails on others"
    return Finding("few examples", False, count if count < FEW else 0, advice)


def _broken(broken: Sequence[tuple[int, str]]) -> Finding:
    cases = [{"line": line, "reason": reason} for line, reason in broken[:CASES]]
    return Finding(
        "unreadable lines", True, len(broken), "not one JSON object in UTF-8", cases, [line for line, _ in broken]
    )


def _invalid(records: Sequence[Record], task: str, ontology: Ontology) -> Iterator[Finding]:
    outside: list[dict[str, Any]] = []
    invalid: list[dict[str, Any]] = []
    vocabulary, of = Vocabulary(ontology), find_task(task)
    for record in records:
        try:
            typed(of, record.told, ontology)
        except ExampleError as error:
            unknown = vocabulary.unknown(record.labels)
            reason = "; ".join(vocabulary.complaint(*each) for each in unknown) or str(error)
            cases = outside if unknown else invalid
            cases.append({"line": record.line, "text": record.text[:200], "reason": reason})
    advice = "an adapter cannot answer with them: rename them, or add them to the ontology"
    yield _of_cases("labels outside the ontology", True, advice, outside)
    advice = f"not a request and labels of {task}"
    yield _of_cases("invalid examples", True, advice, invalid)


def _of_cases(kind: str, defect: bool, advice: str, cases: list[dict[str, Any]]) -> Finding:
    """A finding of single lines."""
    lines = [case["line"] for case in cases]
    return Finding(kind, defect, len(cases), advice, cases[:CASES], lines)


def _same(records: Sequence[Record], by_text: dict[str, list[int]], task: str) -> Iterator[Finding]:
    repeated: list[dict[str, Any]] = []
    at_odds: list[dict[str, Any]] = []
    lines: dict[bool, list[int]] = {False: [], True: []}  # by whether they contradict
    extra = 0
    for members in by_text.values():
        if len(members) < 2:
            continue
        told = [records[i] for i in members]
        if odd := _differing(told, ONE_RIGHT.get(task, ())):
            at_odds.append({"differ in": ", ".join(odd), **_side_by_side(told, task)})
            lines[True] += [record.line for record in told]
        elif task in ONE_RIGHT or len({str(record.labels) for record in told}) < len(told):
            extra += len(members) - 1
            some = ", ".join(str(record.line) for record in told[:10])
            repeated.append({"lines": some, "text": told[0].text[:200]})
            lines[False] += [record.line for record in told]
    advice = "the same input but for case, marks and spaces: it counts more than it should"
    yield Finding("exact duplicates", True, extra, advice, repeated[:CASES], sorted(lines[False]))
    advice = "the same input with different labels: at most one is right"
    yield Finding("contradictory labels", True, len(at_odds), advice, at_odds[:CASES], sorted(lines[True]))


def _near(records: Sequence[Record], by_text: dict[str, list[int]], task: str) -> Iterator[Finding]:
    """Of nearly the same inputs a colour may well differ; a category may, so that is no defect."""
    firsts = [records[members[0]] for members in by_text.values()]
    nearest: dict[bool, list[tuple[float, int, int]]] = {False: [], True: []}
    counts: Counter[bool] = Counter()
    lines: dict[bool, set[int]] = {False: set(), True: set()}
    for i, j, similarity in near_pairs(list(by_text)):
        odd = bool(_differing((firsts[i], firsts[j]), ONE_RIGHT.get(task, ())[:1]))
        counts[odd] += 1
        lines[odd] |= {firsts[i].line, firsts[j].line}
        heapq.heappush(nearest[odd], (similarity, -i, -j))  # pairs can be many more than records
        if len(nearest[odd]) > CASES:
            heapq.heappop(nearest[odd])
    cases = {
        odd: [
            {"similarity": round(each, 2), **_side_by_side((firsts[-i], firsts[-j]), task)}
            for each, i, j in sorted(heap, reverse=True)
        ]
        for odd, heap in nearest.items()
    }
    advice = f"inputs that share {SIMILAR:.0%} of their letter triples; a split keeps them together"
    yield Finding("near duplicates", False, counts[False], advice, cases[False], sorted(lines[False]))
    advice = "nearly the same input with different labels: one may be wrong, look at both"
    yield Finding(
        "contradictory labels, nearly the same input", False, counts[True], advice, cases[True], sorted(lines[True])
    )


def _differing(told: Sequence[Record], fields: Iterable[str]) -> list[str]:
    """The fields that two of the records tell and tell differently."""
    found = []
    for name in fields:
        values = [value for record in told if (value := _label(record.labels, name)) is not None]
        # Labels of words can only be compared for as many words.
        comparable = name != "tags" or len({len(value.split()) for value in values}) == 1
        if comparable and len(set(values)) > 1:
            found.append(name)
    return found


def _label(labels: Any, name: str) -> str | None:
    for step in name.split("."):
        labels = labels.get(step) if isinstance(labels, dict) else None
    if isinstance(labels, list):
        return " ".join(map(str, labels))
    return None if labels is None else str(labels).casefold()


def _side_by_side(told: Sequence[Record], task: str) -> dict[str, Any]:
    """The first record of each text with each set of labels."""
    names = ONE_RIGHT.get(task, ())
    first: dict[tuple[str, ...], Record] = {}
    for record in told:
        labels = [value for name in names if (value := _label(record.labels, name))]
        first.setdefault((folded(record.text), *labels), record)
    return {
        f"line {record.line}": " | ".join([record.text[:200], *labels]) for (_, *labels), record in [*first.items()][:5]
    }


def _garbled(records: Sequence[Record]) -> Finding:
    """Mojibake that an import would have repaired, and letters that an earlier one lost."""
    from ftfy.badness import is_bad  # slow to import, and most catalogs are plain ASCII

    cases: list[dict[str, Any]] = [
        {"line": record.line, "text": record.text[:200]}
        for record in records
        if not record.text.isascii() and (LOST in record.text or is_bad(record.text))
    ]
    advice = "letters lost in a wrong encoding: export them again as UTF-8"
    return _of_cases("broken letters", True, advice, cases)


def _personal(records: Sequence[Record], region: str) -> Finding:
    cases: list[dict[str, Any]] = []
    for record in records:
        masked = personal.mask_all(record.told, region)
        if masked != record.told:
            told = Record(record.line, masked)  # before a number is cut in two
            cases.append({"line": record.line, "text": told.text[:200]})
    advice = "e-mail addresses, telephone or card numbers: --mask writes the file without them"
    return _of_cases("personal data", True, advice, cases)


def _rare(labels: Counter[str], task: str) -> Finding:
    rare = [(name, rows) for name, rows in labels.items() if rows < RARE]
    cases: list[dict[str, Any]] = [{"label": name, "examples": rows} for name, rows in rare]
    advice = f"under {RARE} examples each: neither learnt nor measured"
    return Finding("rare labels", False, len(rare), advice, cases[:CASES])


def _far_out(records: Sequence[Record]) -> Finding:
    """Lengths beyond Tukey's outer fences, of logarithms since lengths are skewed."""
    logs = [math.log(len(record.text) or 1) for record in records]
    cases: list[dict[str, Any]] = []
    if len(logs) >= 8:
        low, _, high = statistics.quantiles(logs, n=4)
        reach = FENCE * (high - low)
        cases = [
            {"line": record.line, "characters": len(record.text), "text": record.text[:200]}
            for record, value in zip(records, logs, strict=True)
            if reach and not low - reach <= value <= high + reach
        ]
    advice = "far shorter or longer than the rest: often a column that slipped"
    return _of_cases("length outliers", False, advice, cases)


def _languages(records: Sequence[Record]) -> Counter[str]:
    """Languages of up to SAMPLED texts, drawn by hash; `unsure` for short and mixed ones."""
    texts = sorted({record.text for record in records}, key=_by_hash)[:SAMPLED]
    return Counter(_language(text) for text in texts)


def _by_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _language(text: str) -> str:
    """The code of ISO 639-1; `zxx` of ISO 639-2 is none, as of a list of model numbers."""
    if sum(map(str.isalpha, text)) < LETTERS:
        return "unsure"
    language, probability = _identifier().classify(text.encode("utf-8", "replace").decode("utf-8"))
    return str(language) if probability >= SURE and language != "zxx" else "unsure"


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _foreign(languages: Counter[str]) -> Finding:
    sure = [(name, n) for name, n in languages.most_common() if name != "unsure"]
    total = sum(n for _, n in sure)
    others = [(name, n) for name, n in sure[1:] if n >= FOREIGN * total and n > 1]
    cases: list[dict[str, Any]] = [{"language": name, "texts": n} for name, n in others]
    advice = f"beside {sure[0][0]}: the demo base has read English only" if sure else ""
    return Finding("other languages", False, sum(n for _, n in others), advice, cases)
