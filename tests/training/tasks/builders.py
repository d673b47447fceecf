"""Examples and labels for the tests of figures and baselines."""

from __future__ import annotations

from adapters.ontology import Ontology
from adapters.tasks import churn, classify, copywrite, extract, rewrite
from training.examples import Example

ONTOLOGY = Ontology.load()


def title(text: str, leaf: str, source: str = "fashion", split: str = "train", **attributes: str) -> Example:
    labels = classify.Labels(category=leaf, attributes=attributes)
    return Example(split, source, classify.Request(title=text), labels)


def query(text: str, line: str, split: str = "train") -> Example:
    return Example(split, "queryner", rewrite.Request(query=text), rewrite.Labels(tags=line.split()))


def tagged(line: str) -> Example:
    """A query of as many words as the line has labels."""
    return query(" ".join("w" for _ in line.split()), line, "test")


def review_labels(line: str) -> extract.Labels:
    """The labels of a line, for a review that contains the line's words."""
    return extract.TASK.decode(line, extract.Request(review=line), ONTOLOGY)


def review(line: str, source: str = "dmaste", known_fields: int | None = None) -> Example:
    return Example("test", source, extract.Request(review="any"), review_labels(line), known_fields)


def text_review(text: str, sentiment: str, aspects: tuple[tuple[str, str], ...] = ()) -> Example:
    labels = {
        "overall_sentiment": sentiment,
        "aspects": [{"aspect": None, "category": c, "sentiment": s, "opinion": None} for c, s in aspects],
    }
    return Example("train", "shop", extract.Request(review=text), extract.Labels.model_validate(labels))


def copy(request: copywrite.Request, description: str) -> Example:
    return Example("test", "retail", request, copywrite.Labels(description=description))


def subscriber(line: str) -> Example:
    request = churn.Request(tenure_months=3, contract="monthly")
    return Example("test", "telco", request, churn.TASK.decode(line, request, ONTOLOGY))
