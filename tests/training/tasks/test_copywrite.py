"""Copywrite: figures by hand, and facts that a description itself states."""

from __future__ import annotations

import pytest

from adapters.ontology import Ontology
from adapters.tasks import copywrite
from tests.training.tasks.builders import copy
from training.tasks.copywrite import TRAINING

CANDLE = copywrite.Request(name="Calm Candle", category="Candles", attributes={"color": "white", "material": "soy wax"})


def test_figures_of_claims_and_attributes(ontology: Ontology) -> None:
    texts = (
        "A white candle of soy wax.",
        "A blue candle.",
        "A white soy wax candle, so calm so calm so calm so calm so calm so calm.",
        None,
    )
    answers = [None if text is None else copywrite.Labels(description=text) for text in texts]
    figures = TRAINING.figures([copy(CANDLE, "x")] * 4, answers, ontology)
    assert figures["attributes_mentioned"] == 0.5  # four of eight
    assert figures["invented_color_or_material"] == 0.25
    assert figures["unsupported_claims"] == 0.25
    assert figures["loops"] == 0.25
    assert figures["edit_distance"] == 1.0  # no word is the reference's
    assert "within_max_words" not in figures  # no request has a limit


def test_figures_of_wording(ontology: Ontology) -> None:
    reference = "A white candle of soy wax."
    limits = (None, 5, 5)
    gold = [copy(copywrite.Request(name="candle", max_words=limit), reference) for limit in limits]
    texts = (reference, "A white candle of wax.", "A white candle of soy wax. It burns for long.")
    figures = TRAINING.figures(gold, [copywrite.Labels(description=text) for text in texts], ontology)
    assert figures["within_max_words"] == 0.5  # as written, not as it is cut
    assert figures["edit_distance"] == pytest.approx((0 + 1 / 6 + 1 / 6) / 3)
    assert figures["repetition"] == 0.0
    assert figures["distinct_1"] == pytest.approx(6 / 16)


def test_the_share_of_texts_about_the_right_product(ontology: Ontology) -> None:
    texts = ("A white candle of soy wax.", "A white lamp of soy wax.", "A white piece of soy wax.", None)
    answers = [None if text is None else copywrite.Labels(description=text) for text in texts]
    figures = TRAINING.figures([copy(CANDLE, "x")] * 4, answers, ontology)
    assert figures["right_product"] == 0.25
    assert figures["unsupported_claims"] == 0.25  # the lamp
