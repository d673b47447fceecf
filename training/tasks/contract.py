"""What training knows of a task beyond its contract in `adapters.tasks`.

A task's module here ends with `TRAINING`, the one instance of its subclass of `TrainingTask`. A task without
a module trains by the defaults. Called by all later steps of the pipeline through `training_task(name)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Literal, get_origin

import numpy as np

from adapters.manifest import channel_of
from adapters.ontology import Ontology
from adapters.tasks.contract import SEPARATOR, Task
from training.examples import Example, ExampleError, request_key
from training.tasks.baselines import Baseline, most_common, regression
from training.tasks.figures import Figures, Terms, f1_terms, micro_f1, same_items, share

# Names of columns that several tasks look for; `user` is a chat's message of the user.
TEXT_COLUMNS = ("text", "content", "user")
COLOR_COLUMNS = ("color", "colour", "base color", "base colour")
GENDER_COLUMNS = ("gender", "sex", "target gender")

Reader = Callable[[Ontology, int], Iterator[Example]]  # ontology and seed to examples


class TrainingTask:
    """The training side of one task; a subclass overrides what its task has better than the default.

    An answer is an instance of the task's `labels`, or None where there is no line or it does not decode.

    Attributes:
        task: the contract that training and serving share.
        recipe: fields of `training.tuning.recipe.Recipe` that differ from its defaults.
        repositories: the public repository of each source of the public examples; its licence is in `sources.json`.
        headline_source: the source whose main figure decides; empty: the first source.
        unseen: the sources of the public examples none of which is trained on, so that figures and confidence are
            those of a shop that the adapter has not seen: the split that all examples of each belong to.
        right_when: when an answer is right, as the end of the sentence "An answer is right if ...".
        hosted_names: attributes or lists of the ontology whose names a hosted model's prompt has to contain.
        line_starts_with_class: the line's first field is one of some classes, so a confusion matrix can be drawn.
        column_names: what shops call the column of a field, the likeliest first; of a label that is a dict, also
            which entries a column can fill (for `training.data`).
        one_right: the labels that have one right value for an input, the main one first (for `training.data`).
        word_label: the label that is a list with one item for each word of the text (for `training.data`).
    """

    recipe: ClassVar[Mapping[str, Any]] = {}
    repositories: ClassVar[Mapping[str, str]] = {}
    headline_source: ClassVar[str] = ""
    unseen: ClassVar[Mapping[str, Literal["validation", "test"]]] = {}
    right_when: ClassVar[str | None] = None
    hosted_names: ClassVar[tuple[str, ...]] = ()
    line_starts_with_class: ClassVar[bool] = False
    column_names: ClassVar[Mapping[str, Sequence[str]]] = {}
    one_right: ClassVar[tuple[str, ...]] = ()
    word_label: ClassVar[str | None] = None

    def __init__(self, task: Task[Any, Any]) -> None:
        self.task = task

    def label_values(self, labels: Mapping[str, Any]) -> list[str]:
        """The values that an example is counted and split by, the main one first (for `training.data`).

        By default the value of the first label, if it is one of a closed list. `labels` need not be valid.
        """
        name, info = next(iter(self.task.labels.model_fields.items()))
        closed = info.annotation is bool or get_origin(info.annotation) is Literal
        value = labels.get(name)
        return [str(value)] if closed and isinstance(value, str | bool) else []

    def label_names(self, ontology: Ontology) -> dict[str, dict[str, Sequence[str]]]:
        """The closed lists of labels: field to each name that it can have, with its synonyms (for `training.data`)."""
        return {}

    def cell_values(self, field: str, column: str) -> dict[str, str]:
        """What the cells of a column with that name mean, where it is known (for `training.data`)."""
        return {}

    def public_readers(self) -> Mapping[str | None, Reader]:
        """What reads or makes the public examples of each variant; None: the task without a variant."""
        return {}

    def public_examples(self, ontology: Ontology, seed: int = 0, variant: str | None = None) -> list[Example]:
        """All public examples of the task or of its variant.

        Some inputs occur twice, under two products or in two published splits: a training example whose input is
        held out is dropped.

        Raises:
            ExampleError: there are no public examples.
        """
        reader = self.public_readers().get(variant)
        if reader is None:
            channel = channel_of(self.task.name, variant)
            raise ExampleError(f"no public data has examples of {channel}: give your own with --data")
        read = (replace(e, split=self.unseen.get(e.source, e.split)) for e in reader(ontology, seed))
        examples = [(example, request_key(example)) for example in read]
        held_out = {identity for example, identity in examples if example.split != "train"}
        return [e for e, identity in examples if e.split != "train" or identity not in held_out]

    @property
    def headline_figure(self) -> str:
        """The name of the main figure, one of `figures`."""
        return next((f"{name}_f1" for name in self.task.counted), "right")

    def is_right(self, example: Example, answer: Any, ontology: Ontology) -> bool:
        """Whether an answer is right as a whole: the event that the confidence is the probability of."""
        if answer is None:
            return False
        if (count := self._counted_first()) is None:
            return bool(answer == example.labels)
        matches = same_items(count(answer), count(example.labels))
        return matches and self.task.faithful(answer, example.request, ontology)

    def figures(self, examples: Sequence[Example], answers: Sequence[Any], ontology: Ontology) -> Figures:
        """The figures of one source's answers by name, each a share from 0 to 1 if not named otherwise."""
        figures: Figures = {}
        for name, items in self.task.counted.items():
            scores = micro_f1((items(e.labels) for e in examples), (items(a) if a else () for a in answers))
            figures |= {f"{name}_{kind}": value for kind, value in scores.items()}
        pairs = list(zip(examples, answers, strict=True))
        for field in self.task.labels.model_fields:
            figures[f"{field}_accuracy"] = share(a and getattr(e.labels, field) == getattr(a, field) for e, a in pairs)
        figures["exact"] = share(e.labels == a for e, a in pairs)
        figures["right"] = share(self.is_right(e, a, ontology) for e, a in pairs)
        return figures

    def headline_terms(self, examples: Sequence[Example], answers: Sequence[Any], ontology: Ontology) -> Terms:
        """Numerator and denominator of the main figure for each example, shape (examples, 2)."""
        pairs = list(zip(examples, answers, strict=True))
        if count := self._counted_first():
            return f1_terms((count(e.labels) for e in examples), (count(a) if a else () for a in answers))
        return np.array([(self.is_right(e, a, ontology), 1) for e, a in pairs], dtype=float).reshape(-1, 2)

    def baselines(self) -> dict[str, Baseline]:
        """The cheap baselines by the names that the report gives them."""
        return {
            "logistic regression": partial(regression, self.task),
            "most common answer": partial(most_common, self.task),
        }

    def classes(self, labels: Any, ontology: Ontology | None) -> list[tuple[Any, ...]]:
        """What labels are scored by, class by class: tuples that begin with the class; empty: no classes.

        `ontology`: given for answers, which are scored as they are served; None for gold labels.
        """
        return []

    def slice_names(self, request: Mapping[str, Any], line: str) -> Iterable[str]:
        """The categories that an example is counted under in the report, by its request and its expected line."""
        return [line.split(SEPARATOR)[0]] if self.line_starts_with_class else ()

    def _counted_first(self) -> Callable[[Any], Iterable[Any]] | None:
        return next(iter(self.task.counted.values()), None)
