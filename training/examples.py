"""An example: a typed request and the labels it should get; files of them read, validated and split.

A file is JSON Lines of `{"request": ..., "labels": ..., "partial": ..., "origin": ...}`. The one path from a
line to an `Example` is `Record`, then `typed`. Called by `training.data` and by every step after it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from adapters.errors import ShopLoraError
from adapters.ontology import Ontology
from adapters.tasks import task
from adapters.tasks.contract import SEPARATOR, Task
from training.text import key

SAMPLES = Path(__file__).with_name("samples")
WRITTEN = Path(__file__).with_name("written")  # by hand for this project, enough to train on
SPLITS = ("train", "validation", "test")
MAX_LINE = 1_000_000  # bytes of a line of a file
MAX_DEPTH = 20  # objects and lists nested in each other


class ExampleError(ShopLoraError):
    """A file of examples cannot be used; the message names the line and the reason."""


@dataclass(frozen=True, slots=True)
class Example:
    """A request and the labels that its answer should have.

    Attributes:
        known_fields: how many leading fields of the answer line are known; nothing is learnt or scored beyond
            them. None: the whole line.
        origin: where a shop's own example comes from: file, row and fields to group by.
    """

    split: str
    source: str
    request: Any
    labels: Any
    known_fields: int | None = None
    origin: dict[str, Any] | None = None

    @property
    def shop(self) -> str:
        """The shop of the source: `dmaste-book` is of `dmaste`."""
        return self.source.partition("-")[0]

    def known_line(self, line: str) -> str:
        """The part of the example's answer line that is known."""
        return line if self.known_fields is None else SEPARATOR.join(line.split(SEPARATOR)[: self.known_fields])


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a file of examples, not yet validated."""

    line: int  # from 1
    data: dict[str, Any]

    @property
    def request(self) -> Any:
        return self.data.get("request")

    @property
    def labels(self) -> Any:
        return self.data.get("labels")

    @property
    def text(self) -> str:
        return input_text(self.request)


def input_text(request: Any) -> str:
    """All strings in a request, in order, as one text."""
    return " ".join(_strings(request))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A value of JSON with every string in it changed, at any depth; names are not changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: with_texts(item, change) for name, item in value.items()}
    return [with_texts(item, change) for item in value] if isinstance(value, list) else value


def load(name: str, path: Path, ontology: Ontology) -> list[Example]:
    """A shop's own examples: a folder with one file for each split, or one file, which is split here.

    A tenth of a single file becomes the test split and a tenth the validation split, by a hash of the input.

    Raises:
        ExampleError: a line is not valid, or the file of a split is missing.
    """
    if not path.is_dir():
        return _split(read(name, path, ontology))
    examples = []
    for split in SPLITS:
        file = path / f"{split}.jsonl"
        if not file.is_file():
            raise ExampleError(f"{path} has no {file.name}; `shoplora data split` writes all three")
        if file.stat().st_size or split == "train":
            source = path.resolve().name
            examples += [replace(e, split=split, source=source) for e in read(name, file, ontology)]
    return examples


def read(name: str, file: Path, ontology: Ontology) -> list[Example]:
    """The examples of one file, not split.

    Raises:
        ExampleError: a line is not valid; the message names the first.
    """
    return validated(name, read_records(file), file, ontology)


def validated(name: str, records: Iterable[Record], file: Path, ontology: Ontology) -> list[Example]:
    """The examples of a file's records.

    Raises:
        ExampleError: a record is not valid for the task; the message names its line.
    """
    examples = []
    for record in records:
        try:
            examples.append(replace(typed(task(name), record.data, ontology), source=file.stem))
        except ExampleError as error:
            raise ExampleError(f"{file.name}:{record.line}: {error}") from error
    return examples


def read_records(file: Path) -> list[Record]:
    """The records of a file.

    Raises:
        ExampleError: the file is empty, or a line is not a record.
        OSError: the file cannot be read.
    """
    records, broken = scan_records(file)
    for line, reason in broken:
        raise ExampleError(f"{file.name}:{line}: {reason}")
    return records


def scan_records(file: Path) -> tuple[list[Record], list[tuple[int, str]]]:
    """The records of a file, and the line and reason of each line that is not one.

    Raises:
        ExampleError: the file is empty.
        OSError: the file cannot be read.
    """
    records: list[Record] = []
    broken: list[tuple[int, str]] = []
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                if line.strip():
                    records.append(Record(number, _json_object(line)))
            except ValueError as error:
                broken.append((number, _reason(error)))
    if not records and not broken:
        raise ExampleError(f"{file} holds no examples; `shoplora data import` writes them")
    return records, broken


def _json_object(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise ValueError(f"over {MAX_LINE:,} bytes")
    try:
        value = json.loads(line.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("a line must be an object: {request, labels}")
    if too_deep(value):
        raise ValueError("nested too deeply")
    return value


def too_deep(value: Any, levels: int = MAX_DEPTH) -> bool:
    """Whether objects and lists are nested more than `levels` deep."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(inner) and (not levels or any(too_deep(item, levels - 1) for item in inner))


def typed(of: Task[Any, Any], record: Mapping[str, Any], ontology: Ontology) -> Example:
    """The example of a record, with its labels as the answer line gives them back.

    Raises:
        ExampleError: the record is not valid for the task.
    """
    try:
        request = of.request.model_validate(record["request"])
        labels = of.labels.model_validate(record["labels"])
        labels = of.complete(labels, request, ontology)
        labels = of.decode(of.encode(labels), request, ontology)
        origin = record.get("origin")
        if not isinstance(origin, dict | None):
            raise ValueError("origin must be an object")
        known_fields = _known_fields(of, record)
    except (ValueError, KeyError) as error:  # also ValidationError and LineError
        raise ExampleError(_reason(error)) from error
    return Example("train", "", request, labels, known_fields, origin)


def _known_fields(of: Task[Any, Any], record: Mapping[str, Any]) -> int | None:
    """How many leading fields of the line the labels of a partial record give; the last one is never known."""
    partial = record.get("partial", False)
    if not isinstance(partial, bool):
        raise ValueError("partial must be true or false")
    if not partial:
        return None
    if not of.line_is_labels:
        raise ValueError(f"partial must be false: a line of {of.name} is known as a whole")
    names = list(of.labels.model_fields)
    return min(len(list(takewhile(record["labels"].__contains__, names))), len(names) - 1)


def as_record(example: Example) -> dict[str, Any]:
    """One line of a file of examples; of a partial example only the known labels."""
    known_labels = set(list(type(example.labels).model_fields)[: example.known_fields])
    return {
        "request": example.request.model_dump(mode="json", exclude_defaults=True),
        "labels": example.labels.model_dump(mode="json", include=known_labels),
        **({} if example.known_fields is None else {"partial": True}),
        **({"origin": example.origin} if example.origin else {}),
    }


def _split(examples: list[Example]) -> list[Example]:
    """Counts of a sorted hash, since a threshold on the hash would leave a small file without a test split."""
    by_hash = sorted(range(len(examples)), key=lambda i: _hash(examples[i]))
    tenth = round(len(examples) / 10)
    splits = dict.fromkeys(by_hash[:tenth], "test")
    splits |= dict.fromkeys(by_hash[tenth : 2 * tenth], "validation")
    return [replace(e, split=splits.get(i, "train")) for i, e in enumerate(examples)]


def unseen_sources(examples: Iterable[Example]) -> list[str]:
    """The sources whose shops have no training example; none where nothing is trained on."""
    examples = list(examples)
    trained = {e.shop for e in examples if e.split == "train"}
    return list(dict.fromkeys(e.source for e in examples if e.shop not in trained)) if trained else []


def sampled(examples: Iterable[Example], split: str, most: int, first: int = 0) -> list[Example]:
    """At most `most` examples of each source in a split, always the same ones; `first` of each source come first."""
    by_source: dict[str, list[Example]] = {}
    for example in examples:
        if example.split == split:
            by_source.setdefault(example.source, []).append(example)
    samples = [sorted(members, key=_hash)[:most] for members in by_source.values()]
    return [e for members in samples for e in members[:first]] + [e for members in samples for e in members[first:]]


def request_key(example: Example) -> str:
    """A key that is equal for requests that differ only in case, marks and spaces."""
    return key(example.request.model_dump_json())


def _hash(example: Example) -> str:
    return hashlib.sha256(request_key(example).encode()).hexdigest()


def _reason(error: ValueError | KeyError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return f"no {error}" if isinstance(error, KeyError) else str(error).replace("\n", "; ")
