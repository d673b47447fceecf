"""What several tests of the training package share."""

from __future__ import annotations

import pytest

from adapters.ontology import Ontology


@pytest.fixture(scope="session")
def ontology() -> Ontology:
    return Ontology.load()
