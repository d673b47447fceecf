"""An example: a typed request and the labels it should get; files of them read, validated and split.

A file is JSON Lines of `{"request": ..., "labels": ..., "partial": ..., "origin": ...}`. The one path from a
line to an `Example` is `Record`, then `typed`. Called by `training.data` and by every step after it.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from adapters.errors import ShopLoraError
from adapters.manifest import channel_of
from adapters.ontology import Ontology
from adapters.tasks import classify, copywrite, extract, rewrite, task
from adapters.tasks.contract import SEPARATOR, Task
from adapters.words import words
from training.public import readers as datasets
from training.tasks import synthesis
from training.text import key, split_of

SAMPLES = Path(__file__).with_name("samples")
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
        ExampleError: the file cannot be read or is empty, or a line is not a record.
    """
    records, broken = scan_records(file)
    for line, reason in broken:
        raise ExampleError(f"{file.name}:{line}: {reason}")
    return records


def scan_records(file: Path) -> tuple[list[Record], list[tuple[int, str]]]:
    """The records of a file, and the line and reason of each line that is not one.

    Raises:
        ExampleError: the file cannot be read or is empty.
    """
    records: list[Record] = []
    broken: list[tuple[int, str]] = []
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    if line.strip():
                        records.append(Record(number, _json_object(line)))
                except ValueError as error:
                    broken.append((number, _reason(error)))
    except OSError as error:
        raise ExampleError(f"{file} cannot be read: {error.strerror or error}") from error
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


def _hash(example: Example) -> str:
    return hashlib.sha256(key(example.request.model_dump_json()).encode()).hexdigest()


def _reason(error: ValueError | KeyError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return f"no {error}" if isinstance(error, KeyError) else str(error).replace("\n", "; ")


def public(name: str, ontology: Ontology, seed: int = 0, variant: str | None = None) -> list[Example]:
    """All examples of a task, or of its variant, from the public data sets and generators.

    Raises:
        ExampleError: there are none for that variant.

    Some inputs come twice, under two products or in two published splits: a training example
    with an input that is held out is left out.
    """
    makers: dict[str, Callable[[Ontology, int], Iterator[Example]]] = {
        "classify": _classify,
        "rewrite": _rewrite,
        "extract": _extract,
        "copywrite": _copywrite,
        "copywrite/advisor": _advisor,
    }
    channel = channel_of(name, variant)
    if channel not in makers:
        raise ExampleError(f"no public data has examples of {channel}: give your own with --data")
    found = [(e, key(e.request.model_dump_json())) for e in makers[channel](ontology, seed)]
    held_out = {identity for example, identity in found if example.split != "train"}
    return [e for e, identity in found if e.split != "train" or identity not in held_out]


SUPPLIER_SHARE = 0.5  # of the supplier titles for training, of which there are many alike
MADE_TITLES = 12  # at most for each leaf, since a third of them are in no public title


def _classify(ontology: Ontology, seed: int) -> Iterator[Example]:
    for record in datasets.fashion():
        stated = _stated_color(record.title, ontology)
        color = record.color if stated and record.color else stated
        attributes = {"color": color, "gender": record.gender}
        yield _classified(record.split, "fashion", record.title, record.path[-1], attributes)
    rng = random.Random(seed)
    for title in datasets.pricerunner():
        if title.split != "train" or rng.random() < SUPPLIER_SHARE:
            attributes = {"color": _stated_color(title.title, ontology)}
            yield _classified(title.split, "pricerunner", title.title, title.category, attributes)
    leaves = retail_leaves()
    for product in datasets.products():
        leaf = leaves[f"{product.category}/{product.style}"]
        named = ontology.category_in(product.name)
        if named and named.path[0] == ontology.categories[leaf].path[0]:
            leaf = named.name
        attributes = {"color": _stated_color(product.name, ontology), "gender": product.gender}
        yield _classified(product.split, "retail", product.name, leaf, attributes)
    for text, labels in synthesis.titles(ontology, MADE_TITLES, seed):
        yield Example(_made_split(text), "synthetic", classify.Request(title=text), labels)


def _classified(split: str, source: str, title: str, leaf: str, attributes: dict[str, str | None]) -> Example:
    known = {name: value for name, value in attributes.items() if value}
    return Example(split, source, classify.Request(title=title[:300]), classify.Labels(category=leaf, attributes=known))


def _stated_color(title: str, ontology: Ontology) -> str | None:
    return next((v for a, v, _, _ in ontology.values_in(title) if a == "color"), None)


@cache
def retail_leaves() -> dict[str, str]:
    """The ontology's leaf for each `category/style` of the retail demo store."""
    text = Path(__file__).with_name("retail_categories.yaml").read_text(encoding="utf-8")
    leaves: dict[str, str] = yaml.safe_load(text)
    return leaves


# QueryNER's span types in the words of our answer line.
_TYPES = {
    "UoM": "size",
    "core_product_type": "type",
    "creator": "brand",
    "product_name": "name",
    "product_number": "number",
}


def _rewrite(ontology: Ontology, seed: int) -> Iterator[Example]:
    for split in ("train", "validation", "test"):
        for query in datasets.queries(split):
            request = rewrite.Request(query=" ".join(query.words))
            yield Example(split, "queryner", request, rewrite.Labels(tags=_tags(query.tags)))
    for text, tags in synthesis.queries(ontology, 1_500, seed):
        yield Example(_made_split(text), "synthetic", rewrite.Request(query=text), rewrite.Labels(tags=tags))


def _tags(tags: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for i, tag in enumerate(tags):
        kind = tag[2:]
        if tag == "O":
            found.append(rewrite.OTHER)
        elif tag.startswith("I-") and i and tags[i - 1][2:] == kind:
            found.append(rewrite.CONTINUES)
        else:
            found.append(_TYPES.get(kind, kind))
    return found


_DIFFICULT = re.compile(
    r"\b(?:hard|difficult|tricky|impossible|tough|complicated|struggl\w+|pain) to\b|\bconfusing\b|"
    r"\bdifficult\b|\bcomplicated\b|\bfrustrat\w+|\bstruggl\w+|\bnot (?:so |very )?easy\b|"
    r"\bcouldn'?t figure\b|\btrouble (?:with|getting|using)\b"
)
_NOT_DIFFICULT = re.compile(
    r"\b(?:not|isn'?t|wasn'?t|never|no)(?: \w+)? (?:hard|difficult|complicated|confusing|trouble)\b"
)


def is_difficult(review: str) -> bool:
    """A rule for what DMASTE does not label: the review says that something is hard to do."""
    return bool(_DIFFICULT.search(_NOT_DIFFICULT.sub(" ", review.lower())))


def _extract(ontology: Ontology, seed: int) -> Iterator[Example]:
    for published, split in (("train", "train"), ("dev", "validation"), ("test", "test")):
        domains = datasets.DMASTE_TRAINED if split != "test" else datasets.DMASTE_DOMAINS
        for review in datasets.dmaste(published, domains):
            trained = review.domain in datasets.DMASTE_TRAINED
            source = "dmaste" if trained else f"dmaste-{review.domain}"
            labels = _review_labels(review.text, _overall(review), ontology, review.triplets)
            yield Example(split, source, extract.Request(review=review.text), labels)
    for review in datasets.hatn():
        labels = _review_labels(review.text, review.sentiment or "mixed", ontology)
        request = extract.Request(review=review.text[:4000])
        yield Example(review.split, "hatn", request, labels, known_fields=3)
    for text, labels in synthesis.reviews(ontology, 1_500, seed):
        yield Example(_made_split(text), "synthetic", extract.Request(review=text), labels)


def _overall(review: datasets.Review) -> str:
    """The overall sentiment that a review's triplets add up to."""
    count = Counter(triplet.sentiment for triplet in review.triplets)
    good, bad = count["positive"], count["negative"]
    if good and bad and 2 * min(good, bad) > max(good, bad):
        return "mixed"
    return "neutral" if good == bad else "positive" if good > bad else "negative"


def _review_labels(
    review: str, overall: str, ontology: Ontology, triplets: tuple[datasets.Triplet, ...] = ()
) -> extract.Labels:
    place = review.lower().find
    aspects = []
    for triplet in sorted(triplets, key=lambda t: place((t.opinion or "").lower())):
        part, opinion = extract.as_span(triplet.aspect), extract.as_span(triplet.opinion)
        category = extract.category_of(part, opinion, ontology)
        aspects.append(
            extract.Aspect.model_validate(
                {"aspect": part, "category": category, "sentiment": triplet.sentiment, "opinion": opinion}
            )
        )
    return extract.Labels.model_validate(
        {
            "overall_sentiment": overall,
            "mentions_difficulty": is_difficult(review),
            "use_case": ontology.use_case_in(review),
            "aspects": aspects[: extract.MAX_ASPECTS],
        }
    )


GIVEN = (
    "color",
    "material",
    "pattern",
    "season",
    "condition",
    "occasion",
    "silhouette",
    "style",
    "shape",
    "gender",
    "feature",
)
SHORTEST = 12  # words; shorter texts of this source are labels, not copy


def _copywrite(ontology: Ontology, seed: int) -> Iterator[Example]:
    """Facts are what the description itself says, so that no reference goes beyond its request."""
    leaves = retail_leaves()
    for product in datasets.products():
        request = copywrite.Request(
            name=product.name,
            category=leaves[f"{product.category}/{product.style}"],
            attributes=_facts(product.description, ontology),
        )
        told = len(words(product.description)) >= SHORTEST and request.attributes
        if told and not copywrite.unsupported(product.description, request, ontology):
            labels = copywrite.Labels(description=product.description)
            yield Example(product.split, "retail", request, labels)


_SPOKEN_EVERY = 3  # of the RNNLG sentences, which are many and alike


def _advisor(ontology: Ontology, seed: int) -> Iterator[Example]:
    """A second voice: one spoken sentence, as an adviser in a shop would say it (RNNLG)."""
    sentences = (s for domain in ("laptop", "tv") for s in datasets.slot_sentences(domain))
    for number, told in enumerate(sentences):
        facts = {name: value for name, value in told.slots.items() if name not in ("name", "type")}
        yes_or_no = {"true", "false", "dontcare", "none"} & set(facts.values())
        if number % _SPOKEN_EVERY or yes_or_no or not facts or "name" not in told.slots:
            continue
        request = copywrite.Request(name=told.slots["name"], category=told.slots.get("type"), attributes=facts)
        labels = copywrite.Labels(description=told.sentence)
        said = copywrite.TASK.expand(labels, request, ontology)
        if not said["missing"] and not said["unsupported"]:
            yield Example(told.split, "rnnlg", request, labels)


def _facts(description: str, ontology: Ontology) -> dict[str, str]:
    """Attributes in the description's own words, each word under one attribute only."""
    said = words(description)
    found = [f for f in ontology.values_in(description) if f[0] in GIVEN]
    found.sort(key=lambda f: (f[2] - f[3], GIVEN.index(f[0])))
    taken: set[int] = set()
    facts: dict[str, list[str]] = {}
    for attribute, _, start, end in found:
        if taken.isdisjoint(range(start, end)):
            taken.update(range(start, end))
            facts.setdefault(attribute, []).append(" ".join(said[start:end]))
    return {attribute: " and ".join(dict.fromkeys(facts[attribute])) for attribute in GIVEN if attribute in facts}


def _made_split(text: str) -> str:
    return "train" if split_of(" ".join(words(text))) != "validation" else "validation"
