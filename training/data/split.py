"""Train, validation and test from one file: stratified, grouped, proved free of leaks.

Groups are near duplicates and, on request, what shares a field. A group never parts, so a large one
goes to train. Where a group goes depends on hashes of its texts and the seed, never on the file's
order. Called by `cli`; `prove` also by `shoplora train` and `evaluate`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.data.duplicates import SIMILAR, clusters, components, folded, leaks
from training.data.records import compared, main_label
from training.examples import SPLITS, Example, as_record

NAMED = 5  # leaking pairs in a message


class SplitError(ValueError):
    """Examples cannot be split, or a split leaks; the message names where."""


@dataclass(frozen=True, slots=True)
class LeakingPair:
    """A held-out text that is nearly or exactly one of another split."""

    split: str
    text: str
    other_split: str
    other_text: str
    similarity: float
    origin: dict[str, Any] | None = None
    other_origin: dict[str, Any] | None = None


def split(
    task: str, examples: Sequence[Example], test: float, validation: float, seed: int, group_by: str | None = None
) -> dict[str, list[Example]]:
    """The examples of each split; shares are of all examples, within each main label.

    Raises:
        SplitError: no example has the field to group by, or nothing is left to train on.
    """
    groups = _groups(examples, group_by)
    by_label: defaultdict[str, list[list[int]]] = defaultdict(list)
    names: dict[int, str] = {}
    for members in groups:
        hashes = {i: _hash(seed, examples[i]) for i in members}
        names |= hashes
        members.sort(key=lambda i: hashes[i])
        labels = Counter(main_label(task, examples[i].labels.model_dump()) for i in members)
        by_label[max(labels, key=lambda label: (labels[label], label))].append(members)
    found: dict[str, list[int]] = {name: [] for name in SPLITS}
    owed = {"test": 0.0, "validation": 0.0}
    for _, strata in sorted(by_label.items()):
        strata.sort(key=lambda members: names[members[0]])
        rows = sum(map(len, strata))
        owed["test"] += test * rows
        owed["validation"] += validation * rows
        # What a label lacks in one stratum is made up in the next, so that rare labels, too small
        # for a share of their own, still add up. One group of each label stays to learn it from.
        spare = len(strata) - 1
        for members in strata:
            # Half an example too many is as near to the share as half too few.
            room = (name for name in ("test", "validation") if owed[name] - len(members) > -0.5)
            name = next(room, "train") if spare else "train"
            found[name] += members
            if name != "train":
                owed[name] -= len(members)
                spare -= 1
    if not found["train"] or not found["test"]:
        raise SplitError(
            f"{len(examples):,} examples in {len(groups):,} groups are too few to part: "
            "nearly the same texts and what --group-by names stay together"
        )
    return {name: [examples[i] for i in sorted(members, key=lambda i: names[i])] for name, members in found.items()}


def _groups(examples: Sequence[Example], group_by: str | None) -> list[list[int]]:
    """Indices that must stay together: by near duplicates and by the field, whichever links."""
    cluster = clusters([text_of(example) for example in examples])
    values = [_field(example, group_by) if group_by else "" for example in examples]
    if group_by and not any(values):
        raise SplitError(f"no example has a value in {group_by!r} of its origin or its request")
    first: dict[str, int] = {}
    links = [(i, first.setdefault(value, i)) for i, value in enumerate(values) if value]
    first = {}
    links += [(i, first.setdefault(str(number), i)) for i, number in enumerate(cluster)]
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for i, root in enumerate(components(len(examples), links)):
        groups[root].append(i)
    return list(groups.values())


def _field(example: Example, name: str) -> str:
    """The value of `origin.NAME`, `request.NAME` or, without a part, of whichever has it."""
    part, _, rest = name.partition(".")
    record = as_record(example)
    places = [record.get(part)] if rest and part in ("origin", "request") else [record.get("origin"), record["request"]]
    key = rest if rest and part in ("origin", "request") else name
    for place in places:
        value: Any = place
        for step in key.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if value not in (None, ""):
            return json.dumps(value, sort_keys=True)
    return ""


def text_of(example: Example) -> str:
    request = example.request
    return compared(type(request), request.model_dump(mode="json", exclude_defaults=True))


def _hash(seed: int, example: Example) -> str:
    """Of text and labels, not of the row, which a sorted file would change."""
    labels = example.labels.model_dump_json()
    told = f"{seed}\n{folded(text_of(example))}\n{example.request.model_dump_json()}\n{labels}"
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()


def prove(examples: Iterable[Example]) -> list[LeakingPair]:
    """Every pair of the same or nearly the same text in two splits, one for each held-out text."""
    parts: defaultdict[str, list[Example]] = defaultdict(list)
    for example in examples:
        parts[example.split].append(example)
    texts = {name: [text_of(example) for example in parts[name]] for name in SPLITS}
    found = []
    for others, held in (("train", "validation"), ("train", "test"), ("validation", "test")):
        for leak in leaks(texts[others], texts[held]):
            found.append(
                LeakingPair(
                    held,
                    texts[held][leak.held_out],
                    others,
                    texts[others][leak.train],
                    leak.similarity,
                    parts[held][leak.held_out].origin,
                    parts[others][leak.train].origin,
                )
            )
    return found


def told(pairs: Sequence[LeakingPair]) -> str:
    """A message that names some of the pairs."""
    lines = [
        f"  {pair.split}: {pair.text[:80]!r} is {pair.similarity:.2f} like {pair.other_split}: {pair.other_text[:80]!r}"
        for pair in pairs[:NAMED]
    ]
    more = [f"  and {len(pairs) - NAMED:,} more"] if len(pairs) > NAMED else []
    head = f"{len(pairs):,} held-out examples are {SIMILAR} or more like one of another split:"
    return "\n".join([head, *lines, *more])


def write(parts: dict[str, list[Example]], folder: Path) -> None:
    """One file a split, complete or not there.

    Raises:
        SplitError: the split leaks; nothing is written.
        OSError: the folder cannot be written.
    """
    if pairs := prove(replace(e, split=name) for name, part in parts.items() for e in part):
        raise SplitError(told(pairs))
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        lines = (json.dumps(as_record(e), ensure_ascii=False) + "\n" for e in part)
        draft = folder / f"{name}.jsonl.part"
        draft.write_text("".join(lines), encoding="utf-8", errors="replace")
    for name in parts:
        (folder / f"{name}.jsonl.part").replace(folder / f"{name}.jsonl")
