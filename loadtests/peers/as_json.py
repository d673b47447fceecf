"""The four shipped tasks as one would do them without this project: the adapter writes JSON.

Knows for each task the object that its labels are, and the schema of that object; the prompt stays
the task's own. Knows no model and no server: `train` and `plain` use it. The JSON is as short as
JSON is: no white space, short names, nothing for what is not known.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from adapters.ontology import Ontology
from adapters.tasks import classify, copywrite, extract, rewrite, tasks
from adapters.tasks.contract import LineError, Message, Task

Object = dict[str, Any]
LONGEST_TEXT = 800  # characters of a description; those of the training data have 40 to 400
MAX_TOKENS = {"classify": 64, "rewrite": 192, "extract": 320, "copywrite": 256}


class Written(BaseModel):
    """The labels of an example, as the object to write."""

    answer: Object


@dataclass(frozen=True, slots=True)
class Form:
    """How a task's labels become an object and back, and that object's schema."""

    write: Callable[[Any, Any, Ontology], Object]
    read: Callable[[Object, Any, Ontology], Any]
    schema: Callable[[Ontology], Object]


class AsJson(Task[Any, Written]):
    """A task whose line is JSON, with its schema as grammar: `encode(complete(labels))` decodes to `labels`.

    Where a query says a phrase twice, they may come back on the other one.
    """

    labels = Written

    def __init__(self, name: str) -> None:
        self._typed, self._form = tasks()[name], FORMS[name]
        self.name, self.summary, self.example = name, self._typed.summary, self._typed.example  # type: ignore[misc]
        self.request, self.answer = self._typed.request, self._typed.answer

    def prompt(self, request: Any, ontology: Ontology) -> list[Message]:
        return self._typed.prompt(request, ontology)

    def complete(self, labels: Any, request: Any, ontology: Ontology) -> Written:
        return Written(answer=self._form.write(labels, request, ontology))

    def encode(self, labels: Written) -> str:
        return json.dumps(labels.answer, ensure_ascii=False, separators=(",", ":"))

    def decode(self, line: str, request: Any, ontology: Ontology) -> Any:
        """The labels of the typed task, not of this one."""
        try:
            return self._form.read(json.loads(line), request, ontology)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise LineError(f"not an answer of {self.name}: {line[:200]!r}") from error

    def grammar(self, request: Any, ontology: Ontology) -> str:
        return _grammar(self.name, ontology)

    def expand(self, labels: Any, request: Any, ontology: Ontology) -> dict[str, Any]:
        return self._typed.expand(labels, request, ontology)

    def max_tokens(self, request: Any) -> int:
        return MAX_TOKENS[self.name]


@lru_cache(maxsize=8)
def schema(name: str, ontology: Ontology) -> Object:
    """The JSON schema of the task's answers: closed objects, every list and text bounded."""
    return FORMS[name].schema(ontology)


@lru_cache(maxsize=8)
def _grammar(name: str, ontology: Ontology) -> str:
    import xgrammar  # takes seconds, and only decoding without a server needs it

    return str(xgrammar.Grammar.from_json_schema(json.dumps(schema(name, ontology))))


def _object(properties: Object, *required: str) -> Object:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _list(items: Object, most: int) -> Object:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _text(longest: int) -> Object:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def _write_classify(labels: classify.Labels, request: classify.Request, ontology: Ontology) -> Object:
    decided = {n: labels.attributes[n] for n in classify.DECIDED if n in labels.attributes}
    return {"category": labels.category, **decided}


def _read_classify(told: Object, request: classify.Request, ontology: Ontology) -> classify.Labels:
    attributes = {name: value for name, value in told.items() if name != "category"}
    category = ontology.categories[told["category"]].name
    return classify.Labels(category=category, attributes=attributes)


def _classify_schema(ontology: Ontology) -> Object:
    values = {
        name: {"enum": list(ontology.attributes[name].values)}
        for name in classify.DECIDED
        if name in ontology.attributes
    }
    return _object({"category": {"enum": list(ontology.categories)}, **values}, "category")


def _write_rewrite(labels: rewrite.Labels, request: rewrite.Request, ontology: Ontology) -> Object:
    words = rewrite.query_words(request.query)
    phrases: dict[str, list[str]] = {}
    for kind, start, end in rewrite.spans(labels.tags):
        phrases.setdefault(kind, []).append(" ".join(words[start:end]))
    return {kind: phrases[kind] for kind in rewrite.TYPES if kind in phrases}


def _read_rewrite(told: Object, request: rewrite.Request, ontology: Ontology) -> rewrite.Labels:
    """Each phrase where the query first says it, long ones first; what it does not say is lost."""
    words = rewrite.query_words(request.query)
    tags = [rewrite.OTHER] * len(words)
    phrases = [(kind, phrase.split()) for kind, found in told.items() for phrase in found]
    for kind, said in sorted(phrases, key=lambda phrase: -len(phrase[1])):
        for start in range(len(words) - len(said) + 1 if said else 0):
            place = slice(start, start + len(said))
            if words[place] == said and set(tags[place]) == {rewrite.OTHER}:
                tags[place] = [kind, *[rewrite.CONTINUES] * (len(said) - 1)]
                break
    return rewrite.Labels(tags=tags)


def _rewrite_schema(ontology: Ontology) -> Object:
    phrases = _list(_text(300), rewrite.MAX_WORDS)
    return _object({kind: phrases for kind in rewrite.TYPES})


def _write_extract(labels: extract.Labels, request: extract.Request, ontology: Ontology) -> Object:
    told = {
        "sentiment": labels.overall_sentiment,
        "difficulty": labels.mentions_difficulty,
        "use_case": labels.use_case,
        "aspects": [
            _known({"category": a.category, "sentiment": a.sentiment, "part": a.aspect, "opinion": a.opinion})
            for a in labels.aspects
        ],
    }
    return _known(told)


def _known(told: Object) -> Object:
    return {name: value for name, value in told.items() if value}


def _read_extract(told: Object, request: extract.Request, ontology: Ontology) -> extract.Labels:
    aspects = [
        {
            "aspect": extract.as_span(aspect.get("part")),
            "category": aspect["category"],
            "sentiment": aspect["sentiment"],
            "opinion": extract.as_span(aspect.get("opinion")),
        }
        for aspect in told.get("aspects", [])
    ]
    return extract.Labels.model_validate(
        {
            "overall_sentiment": told["sentiment"],
            "mentions_difficulty": told.get("difficulty", False),
            "use_case": told.get("use_case"),
            "aspects": aspects,
        }
    )


def _extract_schema(ontology: Ontology) -> Object:
    span = _text(extract.MAX_SPAN * (extract.MAX_LETTERS + 1))
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


FORMS = {
    "classify": Form(_write_classify, _read_classify, _classify_schema),
    "rewrite": Form(_write_rewrite, _read_rewrite, _rewrite_schema),
    "extract": Form(_write_extract, _read_extract, _extract_schema),
    "copywrite": Form(
        lambda labels, request, ontology: {"description": labels.description},
        lambda told, request, ontology: copywrite.Labels.model_validate(told),
        lambda ontology: _object({"description": _text(LONGEST_TEXT)}, "description"),
    ),
}
