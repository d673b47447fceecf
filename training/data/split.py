"""Train, validation and test from one file: stratified, grouped, proved free of leaks.

A group is near duplicates and, on request, examples that share a field. It stays in one split, so a large one
goes to train. The split of a group depends on hashes of its texts and the seed, not on the order of the file.
Called by `cli`; `prove` also by `shoplora train` and `evaluate`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.errors import ShopLoraError
from training.data.duplicates import SIMILAR, clusters, components, folded, leaks
from training.data.records import compared_text
from training.examples import SPLITS, Example, as_record
from training.tasks import training_task

SHOWN = 5  # leaking pairs in a message


class SplitError(ShopLoraError):
    """Examples cannot be split, or a split leaks."""


@dataclass(frozen=True, slots=True)
class LeakingPair:
    """A held-out text that is the same or nearly the same as one of another split."""

    split: str
    text: str
    other_split: str
    other_text: str
    similarity: float
    origin: dict[str, Any] | None
    other_origin: dict[str, Any] | None


def split(
    task: str, examples: Sequence[Example], test: float, validation: float, seed: int, group_by: str | None = None
) -> dict[str, list[Example]]:
    """The examples of each split.

    `test`, `validation`: shares of all examples, from 0 to 1, which hold within each main label.

    Raises:
        SplitError: no example has the field to group by, or nothing is left to train on.
    """
    training = training_task(task)
    groups = _groups(examples, group_by)
    hashes = [_hash(seed, example) for example in examples]
    by_label: defaultdict[str, list[list[int]]] = defaultdict(list)
    for members in groups:
        members.sort(key=lambda i: hashes[i])
        labels = Counter("".join(training.label_values(examples[i].labels.model_dump())[:1]) for i in members)
        by_label[max(labels, key=lambda label: (labels[label], label))].append(members)
    parts: dict[str, list[int]] = {name: [] for name in SPLITS}
    owed = {"test": 0.0, "validation": 0.0}
    for _, strata in sorted(by_label.items()):
        strata.sort(key=lambda members: hashes[members[0]])
        rows = sum(map(len, strata))
        owed["test"] += test * rows
        owed["validation"] += validation * rows
        # What one label's share lacks is added to the next one's, so that labels that are too rare for a share of
        # their own still count together. One group of each label stays in train.
        spare = len(strata) - 1
        for members in strata:
            # Half an example too many is as near to the share as half too few.
            with_room = (name for name in ("test", "validation") if owed[name] - len(members) > -0.5)
            name = next(with_room, "train") if spare else "train"
            parts[name] += members
            if name != "train":
                owed[name] -= len(members)
                spare -= 1
    if not parts["train"] or not parts["test"]:
        raise SplitError(
            f"{len(examples):,} examples in {len(groups):,} groups are too few to split: "
            "near duplicates and examples with the same value of --group-by stay together"
        )
    return {name: [examples[i] for i in sorted(members, key=hashes.__getitem__)] for name, members in parts.items()}


def _groups(examples: Sequence[Example], group_by: str | None) -> list[list[int]]:
    """The indices of the examples that must stay together: near duplicates, or the same value of the field."""
    numbers = clusters([_text(example) for example in examples])
    values = [_field(example, group_by) if group_by else "" for example in examples]
    if group_by and not any(values):
        raise SplitError(f"no example has a value in {group_by!r} of its origin or its request")
    first: dict[str | int, int] = {}  # index of the first example with that value or number
    keys: list[Sequence[str | int]] = [values, numbers]
    links = [(i, first.setdefault(key, i)) for column in keys for i, key in enumerate(column) if key != ""]
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for i, group in enumerate(components(len(examples), links)):
        groups[group].append(i)
    return list(groups.values())


def _field(example: Example, name: str) -> str:
    """The value of `origin.NAME` or `request.NAME`, as JSON; of a bare name, of the one that has it. Empty: none."""
    record = as_record(example)
    part = name.partition(".")[0]
    paths = [name] if part in ("origin", "request") and part != name else [f"origin.{name}", f"request.{name}"]
    for path in paths:
        value: Any = record
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if value not in (None, ""):
            return json.dumps(value, sort_keys=True)
    return ""


def _text(example: Example) -> str:
    request = example.request
    return compared_text(type(request), request.model_dump(mode="json", exclude_defaults=True))


def _hash(seed: int, example: Example) -> str:
    """Of text and labels; the row would change when the file is sorted."""
    request, labels = example.request.model_dump_json(), example.labels.model_dump_json()
    content = f"{seed}\n{folded(_text(example))}\n{request}\n{labels}"
    return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()


def prove(examples: Iterable[Example]) -> list[LeakingPair]:
    """The leaks between the splits: for each held-out text the nearest of another split, if one is near."""
    parts: defaultdict[str, list[Example]] = defaultdict(list)
    for example in examples:
        parts[example.split].append(example)
    texts = {name: [_text(example) for example in parts[name]] for name in SPLITS}
    return [
        LeakingPair(
            split=held,
            text=texts[held][leak.held_out],
            other_split=others,
            other_text=texts[others][leak.train],
            similarity=leak.similarity,
            origin=parts[held][leak.held_out].origin,
            other_origin=parts[others][leak.train].origin,
        )
        for others, held in (("train", "validation"), ("train", "test"), ("validation", "test"))
        for leak in leaks(texts[others], texts[held])
    ]


def leak_message(pairs: Sequence[LeakingPair]) -> str:
    """What is printed of leaking pairs: their number and the first of them."""
    lines = [
        f"  {pair.split}: {pair.text[:80]!r} is {pair.similarity:.2f} like {pair.other_split}: {pair.other_text[:80]!r}"
        for pair in pairs[:SHOWN]
    ]
    more = [f"  and {len(pairs) - SHOWN:,} more"] if len(pairs) > SHOWN else []
    head = f"{len(pairs):,} held-out examples are {SIMILAR} or more like one of another split:"
    return "\n".join([head, *lines, *more])


def write(parts: dict[str, list[Example]], folder: Path) -> None:
    """Write one file for each split; a file is complete or not there.

    Raises:
        SplitError: the split leaks; nothing is written.
        OSError: the folder cannot be written.
    """
    if pairs := prove(replace(e, split=name) for name, part in parts.items() for e in part):
        raise SplitError(leak_message(pairs))
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        lines = (json.dumps(as_record(e), ensure_ascii=False) + "\n" for e in part)
        draft = folder / f"{name}.jsonl.part"
        draft.write_text("".join(lines), encoding="utf-8", errors="replace")
    for name in parts:
        (folder / f"{name}.jsonl.part").replace(folder / f"{name}.jsonl")
