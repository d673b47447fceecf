"""The four shipped tasks with JSON as the answer line, as one would do them without this project.

Defines for each task the JSON object of its labels and that object's schema; the prompt stays the task's own.
Knows no model and no server. `train` and `plain` use it. The JSON is compact: no white space, short names,
no field without a value.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from functools import lru_cache
from typing import Any, ClassVar

from pydantic import BaseModel

from adapters.ontology import Ontology
from adapters.tasks import classify, copywrite, extract, reviews, rewrite
from adapters.tasks.contract import LineError, Message, Task

Object = dict[str, Any]
LONGEST_TEXT = 800  # characters of a description; those of the training data have 40 to 400


class Written(BaseModel):
    """The JSON object of an answer."""

    answer: Object


class JsonTask(Task[Any, Written]):
    """A task whose answer line is JSON and whose grammar is a JSON schema; all else is the typed task's."""

    labels = Written
    typed: ClassVar[Task[Any, Any]]
    longest: ClassVar[int]  # tokens of a line

    def __init_subclass__(cls, typed: Task[Any, Any], longest: int) -> None:
        cls.typed, cls.longest = typed, longest
        cls.name, cls.summary, cls.example = typed.name, typed.summary, typed.example
        cls.request, cls.answer = typed.request, typed.answer

    @abstractmethod
    def from_labels(self, labels: Any, request: Any) -> Object:
        """The object of the typed task's labels."""

    @abstractmethod
    def to_labels(self, answer: Object, request: Any, ontology: Ontology) -> Any:
        """The typed task's labels of an object; any exception means that the schema does not admit it."""

    @abstractmethod
    def schema(self, ontology: Ontology) -> Object:
        """The JSON schema of the objects: closed, every list and text bounded."""

    def complete(self, labels: Any, request: Any, ontology: Ontology) -> Written:
        """The typed task's labels as the object to write."""
        return Written(answer=self.from_labels(labels, request))

    def prompt(self, request: Any, ontology: Ontology) -> list[Message]:
        return self.typed.prompt(request, ontology)

    def encode(self, labels: Written) -> str:
        return json.dumps(labels.answer, ensure_ascii=False, separators=(",", ":"))

    def decode(self, line: str, request: Any, ontology: Ontology) -> Written:
        try:
            written = Written(answer=json.loads(line))
            self.to_labels(written.answer, request, ontology)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise LineError(f"not an answer of {self.name}: {line[:200]!r}") from error
        return written

    def grammar(self, request: Any, ontology: Ontology) -> str:
        import xgrammar  # takes seconds

        return str(xgrammar.Grammar.from_json_schema(json.dumps(schema(self.name, ontology))))

    def expand(self, labels: Written, request: Any, ontology: Ontology) -> dict[str, Any]:
        return self.typed.expand(self.to_labels(labels.answer, request, ontology), request, ontology)

    def max_tokens(self, request: Any) -> int:
        return self.longest


class Classify(JsonTask, typed=classify.TASK, longest=64):
    def from_labels(self, labels: classify.Labels, request: classify.Request) -> Object:
        decided = {name: labels.attributes[name] for name in classify.DECIDED if name in labels.attributes}
        return {"category": labels.category, **decided}

    def to_labels(self, answer: Object, request: classify.Request, ontology: Ontology) -> classify.Labels:
        attributes = {name: value for name, value in answer.items() if name != "category"}
        category = answer["category"]
        leaf = None if category is None else ontology.categories[category].name
        return classify.Labels(category=leaf, attributes=attributes)

    def schema(self, ontology: Ontology) -> Object:
        values = {
            name: {"enum": list(ontology.attributes[name].values)}
            for name in classify.DECIDED
            if name in ontology.attributes
        }
        return _object({"category": {"enum": [*ontology.categories, None]}, **values}, "category")


class Rewrite(JsonTask, typed=rewrite.TASK, longest=192):
    """Where a query has a phrase twice, the decoded phrase may be the other one."""

    def from_labels(self, labels: rewrite.Labels, request: rewrite.Request) -> Object:
        words = rewrite.query_words(request.query)
        phrases: dict[str, list[str]] = {}
        for kind, start, end in rewrite.spans(labels.tags):
            phrases.setdefault(kind, []).append(" ".join(words[start:end]))
        return {kind: phrases[kind] for kind in rewrite.TYPES if kind in phrases}

    def to_labels(self, answer: Object, request: rewrite.Request, ontology: Ontology) -> rewrite.Labels:
        """Tags each phrase where the query first has it, long phrases first; leaves out what the query lacks."""
        words = rewrite.query_words(request.query)
        tags = [rewrite.OTHER] * len(words)
        phrases = [(kind, phrase.split()) for kind, texts in answer.items() for phrase in texts]
        for kind, phrase in sorted(phrases, key=lambda pair: -len(pair[1])):
            for start in range(len(words) - len(phrase) + 1 if phrase else 0):
                place = slice(start, start + len(phrase))
                if words[place] == phrase and set(tags[place]) == {rewrite.OTHER}:
                    tags[place] = [kind, *[rewrite.CONTINUES] * (len(phrase) - 1)]
                    break
        return rewrite.Labels(tags=tags)

    def schema(self, ontology: Ontology) -> Object:
        phrases = _list(_text(300), rewrite.MAX_WORDS)
        return _object({kind: phrases for kind in rewrite.TYPES})


class Extract(JsonTask, typed=extract.TASK, longest=320):
    def from_labels(self, labels: extract.Labels, request: extract.Request) -> Object:
        aspects = [
            _without_empty(category=a.category, sentiment=a.sentiment, part=a.aspect, opinion=a.opinion)
            for a in labels.aspects
        ]
        return _without_empty(
            sentiment=labels.overall_sentiment,
            difficulty=labels.mentions_difficulty,
            use_case=labels.use_case,
            aspects=aspects,
        )

    def to_labels(self, answer: Object, request: extract.Request, ontology: Ontology) -> extract.Labels:
        aspects = [
            extract.Aspect(
                aspect=reviews.as_span(aspect.get("part")),
                category=aspect["category"],
                sentiment=aspect["sentiment"],
                opinion=reviews.as_span(aspect.get("opinion")),
            )
            for aspect in answer.get("aspects", [])
        ]
        return extract.Labels(
            overall_sentiment=answer["sentiment"],
            mentions_difficulty=answer.get("difficulty", False),
            use_case=answer.get("use_case"),
            aspects=aspects,
        )

    def schema(self, ontology: Ontology) -> Object:
        span = _text(reviews.MAX_SPAN * (reviews.MAX_LETTERS + 1))
        aspect = {
            "category": {"enum": list(ontology.aspects)},
            "sentiment": {"enum": list(extract.SIGN_OF)},
            "part": span,
            "opinion": span,
        }
        return _object(
            {
                "sentiment": {"enum": list(extract.OVERALL)},
                "difficulty": {"type": "boolean"},
                "use_case": {"enum": list(ontology.use_cases)},
                "aspects": _list(_object(aspect, "category", "sentiment"), extract.MAX_ASPECTS),
            },
            "sentiment",
        )


class Copywrite(JsonTask, typed=copywrite.TASK, longest=256):
    def from_labels(self, labels: copywrite.Labels, request: copywrite.Request) -> Object:
        return {"description": labels.description}

    def to_labels(self, answer: Object, request: copywrite.Request, ontology: Ontology) -> copywrite.Labels:
        return copywrite.Labels.model_validate(answer)

    def schema(self, ontology: Ontology) -> Object:
        return _object({"description": _text(LONGEST_TEXT)}, "description")


JSON_TASKS: dict[str, JsonTask] = {task.name: task for task in (Classify(), Rewrite(), Extract(), Copywrite())}


@lru_cache(maxsize=8)
def schema(name: str, ontology: Ontology) -> Object:
    """A task's `JsonTask.schema`, built once: an ontology can have thousands of categories."""
    return JSON_TASKS[name].schema(ontology)


def _object(properties: Object, *required: str) -> Object:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _list(items: Object, most: int) -> Object:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _text(longest: int) -> Object:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def _without_empty(**values: Any) -> Object:
    return {name: value for name, value in values.items() if value}
