"""What is wrong with a file of examples: defects, which an adapter would learn, and warnings.

Reads the file, prints nothing. Called by `cli`; `report` shows the result as a page.
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

from adapters.ontology import Ontology
from training.data import personal
from training.data.duplicates import SIMILAR, folded, near_pairs
from training.data.records import compared_text, task_of
from training.data.vocabulary import Vocabulary
from training.examples import ExampleError, Record, scan_records, typed
from training.tasks import training_task
from training.tasks.contract import TrainingTask

CASES = 50  # listed of each finding; all are counted
FEW = 200  # examples
FEW_ADVICE = f"under {FEW} examples: an adapter memorises them and fails on others"
LOST = "\ufffd"  # what a reader writes for bytes that it cannot decode
RARE = 5  # examples of a label; fewer do not fill three splits
FENCE = 3.0  # interquartile ranges: what is beyond is "far out" (Tukey 1977, Exploratory Data Analysis)
SAMPLED = 5_000  # texts whose language is identified
LETTERS = 20  # of a text; the language of shorter ones cannot be identified
SURE = 0.9  # probability of the language
FOREIGN = 0.05  # share of the texts from which another language is reported


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of defect or warning.

    Attributes:
        advice: what it means and what to do.
        cases: the first of them, each a few named texts.
        lines: the lines of all of them.
    """

    kind: str
    defect: bool
    count: int
    advice: str
    cases: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """The findings in a file, and the distributions of its labels, lengths and languages."""

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
    """The report of a file. `region`: whose national telephone numbers are searched for.

    Raises:
        ExampleError: the file is empty, or is for no task.
        OSError: the file cannot be read.
    """
    records, broken = scan_records(file)
    if not records:
        return Report(file.name, "none", 0, [_broken(broken)], {}, {}, {})
    training = training_task(task_of(records, file))
    texts = [folded(compared_text(training.task.request, record.request)) for record in records]
    by_text: defaultdict[str, list[int]] = defaultdict(list)
    for i, text in enumerate(texts):
        by_text[text].append(i)
    labels = Counter(v for r in records if isinstance(r.labels, dict) for v in training.label_values(r.labels))
    lengths = Counter(len(record.text) for record in records)
    languages = _languages(records)
    findings = [
        Finding("few examples", False, len(records) if len(records) < FEW else 0, FEW_ADVICE),
        _broken(broken),
        *_invalid(records, training, ontology),
        *_same(records, by_text, training),
        *_near(records, by_text, training),
        _garbled(records),
        _personal(records, region),
        _rare(labels),
        _far_out(records),
        _foreign(languages),
    ]
    # The report itself must hold no personal data.
    masked = [replace(f, cases=personal.mask_all(f.cases, region)) for f in findings if f.count]
    return Report(
        file.name,
        training.task.name,
        len(records),
        masked,
        dict(labels.most_common()),
        dict(sorted(lengths.items())),
        dict(languages.most_common()),
    )


def _broken(broken: Sequence[tuple[int, str]]) -> Finding:
    cases: list[dict[str, Any]] = [{"line": line, "reason": reason} for line, reason in broken]
    return _finding_of_lines("unreadable lines", True, "not one JSON object in UTF-8", cases)


def _invalid(records: Sequence[Record], training: TrainingTask, ontology: Ontology) -> Iterator[Finding]:
    outside: list[dict[str, Any]] = []
    invalid: list[dict[str, Any]] = []
    vocabulary = Vocabulary(training, ontology)
    for record in records:
        try:
            typed(training.task, record.data, ontology)
        except ExampleError as error:
            unlisted = vocabulary.unlisted(record.labels)
            reason = "; ".join(vocabulary.complaint(field, value) for field, value in unlisted) or str(error)
            cases = outside if unlisted else invalid
            cases.append({"line": record.line, "text": record.text[:200], "reason": reason})
    advice = "an adapter cannot answer with them: rename them, or add them to the ontology"
    yield _finding_of_lines("labels outside the ontology", True, advice, outside)
    advice = f"not a request and labels of {training.task.name}"
    yield _finding_of_lines("invalid examples", True, advice, invalid)


def _finding_of_lines(kind: str, defect: bool, advice: str, cases: list[dict[str, Any]]) -> Finding:
    """A finding whose cases are one line each."""
    return Finding(kind, defect, len(cases), advice, cases[:CASES], [case["line"] for case in cases])


def _same(records: Sequence[Record], by_text: dict[str, list[int]], training: TrainingTask) -> Iterator[Finding]:
    duplicates: list[dict[str, Any]] = []
    contradictions: list[dict[str, Any]] = []
    duplicate_lines: list[int] = []
    contradictory_lines: list[int] = []
    extra = 0
    for group in ([records[i] for i in members] for members in by_text.values() if len(members) > 1):
        lines = [record.line for record in group]
        if differing := _differing(group, training, training.one_right):
            contradictions.append({"differ in": ", ".join(differing), **_side_by_side(group, training)})
            contradictory_lines += lines
        elif training.one_right or len({str(record.labels) for record in group}) < len(group):
            extra += len(group) - 1
            duplicates.append({"lines": ", ".join(map(str, lines[:10])), "text": group[0].text[:200]})
            duplicate_lines += lines
    advice = "the same input but for case, marks and spaces: it counts more than it should"
    yield Finding("exact duplicates", True, extra, advice, duplicates[:CASES], sorted(duplicate_lines))
    advice = "the same input with different labels: at most one is right"
    yield Finding(
        "contradictory labels", True, len(contradictions), advice, contradictions[:CASES], sorted(contradictory_lines)
    )


def _near(records: Sequence[Record], by_text: dict[str, list[int]], training: TrainingTask) -> Iterator[Finding]:
    """Near duplicates, as warnings: a small difference of the input may rightly change a label.

    They contradict if the main label differs; any other label, such as a colour, differs often.
    """
    firsts = [records[members[0]] for members in by_text.values()]
    nearest: dict[bool, list[tuple[float, int, int]]] = {False: [], True: []}  # by whether they contradict
    lines: dict[bool, set[int]] = {False: set(), True: set()}
    counts: Counter[bool] = Counter()
    for i, j, similarity in near_pairs(list(by_text)):
        contradict = bool(_differing((firsts[i], firsts[j]), training, training.one_right[:1]))
        counts[contradict] += 1
        lines[contradict] |= {firsts[i].line, firsts[j].line}
        heapq.heappush(nearest[contradict], (similarity, -i, -j))  # pairs can be many more than records
        if len(nearest[contradict]) > CASES:
            heapq.heappop(nearest[contradict])
    duplicates = f"inputs that share {SIMILAR:.0%} of their character trigrams; a split keeps them together"
    contradictions = "nearly the same input with different labels: one may be wrong, look at both"
    for contradict, kind, advice in (
        (False, "near duplicates", duplicates),
        (True, "contradictory labels, nearly the same input", contradictions),
    ):
        cases = [
            {"similarity": round(similarity, 2), **_side_by_side((firsts[-i], firsts[-j]), training)}
            for similarity, i, j in sorted(nearest[contradict], reverse=True)
        ]
        yield Finding(kind, False, counts[contradict], advice, cases, sorted(lines[contradict]))


def _differing(records: Sequence[Record], training: TrainingTask, fields: Iterable[str]) -> list[str]:
    """The fields of which two of the records have different labels."""
    differing = []
    for name in fields:
        values = [value for record in records if (value := _label(record.labels, name)) is not None]
        # Labels of words can be compared only if there are as many words.
        comparable = name != training.word_label or len({len(value.split()) for value in values}) == 1
        if comparable and len(set(values)) > 1:
            differing.append(name)
    return differing


def _label(labels: Any, name: str) -> str | None:
    for step in name.split("."):
        labels = labels.get(step) if isinstance(labels, dict) else None
    if isinstance(labels, list):
        return " ".join(map(str, labels))
    return None if labels is None else str(labels).casefold()


def _side_by_side(records: Sequence[Record], training: TrainingTask) -> dict[str, Any]:
    """The first record of each text with each set of labels."""
    first: dict[tuple[str, ...], Record] = {}
    for record in records:
        labels = [value for name in training.one_right if (value := _label(record.labels, name))]
        first.setdefault((folded(record.text), *labels), record)
    return {
        f"line {record.line}": " | ".join([record.text[:200], *labels]) for (_, *labels), record in [*first.items()][:5]
    }


def _garbled(records: Sequence[Record]) -> Finding:
    """Mojibake, which an import repairs, and characters that an earlier export lost."""
    from ftfy.badness import is_bad  # slow to import, and most catalogs are plain ASCII

    cases: list[dict[str, Any]] = [
        {"line": record.line, "text": record.text[:200]}
        for record in records
        if not record.text.isascii() and (LOST in record.text or is_bad(record.text))
    ]
    advice = "letters lost in a wrong encoding: export them again as UTF-8"
    return _finding_of_lines("broken letters", True, advice, cases)


def _personal(records: Sequence[Record], region: str) -> Finding:
    cases: list[dict[str, Any]] = []
    for record in records:
        masked = Record(record.line, personal.mask_all(record.data, region))  # before a number is cut in two
        if masked != record:
            cases.append({"line": record.line, "text": masked.text[:200]})
    advice = "e-mail addresses, telephone or card numbers: --mask writes the file without them"
    return _finding_of_lines("personal data", True, advice, cases)


def _rare(labels: Counter[str]) -> Finding:
    rare: list[dict[str, Any]] = [{"label": name, "examples": n} for name, n in labels.items() if n < RARE]
    advice = f"under {RARE} examples each: too few to learn or to measure"
    return Finding("rare labels", False, len(rare), advice, rare[:CASES])


def _far_out(records: Sequence[Record]) -> Finding:
    """Lengths beyond Tukey's outer fences, on logarithms since lengths are skewed."""
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
    return _finding_of_lines("length outliers", False, advice, cases)


def _languages(records: Sequence[Record]) -> Counter[str]:
    """Languages of up to SAMPLED texts, sampled by hash; `unsure` for short and mixed ones."""
    texts = sorted({record.text for record in records}, key=_by_hash)[:SAMPLED]
    return Counter(_language(text) for text in texts)


def _by_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _language(text: str) -> str:
    """The ISO 639-1 code, or `unsure`, as for ISO 639-2's `zxx`: no linguistic content, such as model numbers."""
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
    cases: list[dict[str, Any]] = [
        {"language": name, "texts": n} for name, n in sure[1:] if n >= FOREIGN * total and n > 1
    ]
    advice = f"beside {sure[0][0]}: the default base knows hardly more than English" if sure else ""
    return Finding("other languages", False, sum(case["texts"] for case in cases), advice, cases)
