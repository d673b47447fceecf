"""Classify: the prompt, the line, and the answer from the model's labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.candidates import candidates
from adapters.manifest import Calibration, Curve
from adapters.ontology import Ontology
from adapters.tasks import classify
from adapters.tasks.classify import Labels, Request
from tests.adapters.completions import line
from training.tasks.goods import stated_attributes

SHOP = Ontology.load()


def expanded(category: str, request: Request, **decided: str) -> dict[str, object]:
    labels = Labels(category=category, attributes=decided)
    answer = classify.TASK.expand(labels, request, SHOP)
    return {"path": answer["category"].path, **answer["attributes"]}


def test_the_prompt_is_title_brand_description_and_candidates_in_lower_case() -> None:
    request = Request(title="Soy SAUCE", brand="Acme", description="Slim. Glass.")
    system, user = classify.TASK.prompt(request, SHOP)
    assert system["content"] == "Classify the product: category; color; gender."
    *text, maybe = user["content"].split("\n")
    assert text == ["soy sauce", "brand: acme", "slim. glass."]
    assert maybe == f"maybe: {'; '.join(candidates('soy sauce', SHOP)).lower()}"
    assert classify.TASK.prompt(Request(title="B07XJ8C8F5"), SHOP)[1]["content"] == "b07xj8c8f5"


def test_none_of_the_leaves_is_an_answer_that_needs_review() -> None:
    request = Request(title="0012345678905")
    decided = classify.TASK.decide([line("-; -; -")], SURE, request, SHOP)
    assert decided.labels == Labels(category=None)
    assert decided.needs_review and decided.source == "model"
    assert classify.TASK.expand(decided.labels, request, SHOP) == {"category": None, "brand": None, "attributes": {}}


@pytest.mark.parametrize(
    ("title", "leaf", "decided", "attributes"),
    [
        ("plastic water tank 50l", "Garden Tools", {}, {"material": "plastic"}),  # not sleeveless
        ("soy sauce 500 ml", "Sauces", {"color": "black"}, {}),
        ("galaxy s9 plus case", "Phone Cases", {"color": "black"}, {"color": "black"}),
        ("green tea 20 bags", "Tea", {"color": "green"}, {}),
        ("fleece men women", "Sweatshirts", {"gender": "men"}, {"gender": "unisex", "material": "fleece"}),
        ("socks boys girls", "Socks", {}, {"gender": "unisex"}),
    ],
)
def test_only_attributes_that_such_goods_have_are_in_the_answer(
    title: str, leaf: str, decided: dict[str, str], attributes: dict[str, str]
) -> None:
    labels = Labels(category=leaf, attributes=decided)
    assert classify.TASK.expand(labels, Request(title=title), SHOP)["attributes"] == attributes


LINES = [
    [field.strip() for field in line.split("|")]
    for line in Path(__file__).with_name("attributes.txt").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(("title", "leaf", "expected"), LINES, ids=[line[0] for line in LINES])
def test_a_word_in_the_name_of_goods_or_of_what_they_work_on_is_no_attribute(
    title: str, leaf: str, expected: str
) -> None:
    """`attributes.txt`: title | leaf | attributes. The model's color and gender are those that the training teaches."""
    decided = stated_attributes(title, leaf, SHOP)
    answer = classify.TASK.expand(Labels(category=leaf, attributes=decided), Request(title=title), SHOP)
    assert answer["attributes"] == dict(part.strip().split("=") for part in expected.split(";") if part)


def test_a_color_of_the_model_is_left_out_if_only_the_name_of_other_goods_has_it() -> None:
    request = Request(title="gold fish net blue")
    assert expanded("Aquariums", request, color="gold") == {"path": ["Pet Supplies", "Other Pets", "Aquariums"]}
    assert expanded("Aquariums", request, color="blue")["color"] == "blue"


def test_the_brand_is_the_one_given_or_read_from_the_title() -> None:
    labels = Labels(category="Speakers")
    given = Request(title="Acme speaker", brand="Zenko")
    assert classify.TASK.expand(labels, given, SHOP)["brand"] == "Zenko"
    assert classify.TASK.expand(labels, Request(title="Zenko Bluetooth Speaker Black"), SHOP)["brand"] == "Zenko"
    assert classify.TASK.expand(labels, Request(title="bluetooth speaker black"), SHOP)["brand"] is None


def test_the_path_follows_from_the_leaf() -> None:
    request = Request(title="Turtle Check Men Navy Blue Shirt")
    labels = Labels(category="Shirts", attributes={"color": "navy blue", "gender": "men"})
    answer = classify.TASK.expand(labels, request, SHOP)
    assert answer["category"].id == "shirts"
    assert answer["category"].path == ["Apparel", "Topwear", "Shirts"]
    assert answer["attributes"] == {"color": "navy blue", "gender": "men", "pattern": "checked"}


def test_stated_attributes_are_read_from_title_and_description() -> None:
    request = Request(title="T-shirt V-Neck 3XL", description="100% cotton, long-sleeved")
    assert expanded("Tshirts", request) == {
        "path": ["Apparel", "Topwear", "Tshirts"],
        "neckline": "v neck",
        "size": "xxxl",
        "material": "cotton",
        "sleeve": "long sleeve",
    }


def test_the_first_of_two_materials_counts() -> None:
    request = Request(title="leather boots with wool lining")
    assert expanded("Boots", request)["material"] == "leather"


def test_no_phrase_runs_from_title_into_description() -> None:
    request = Request(title="dress, short", description="Sleeve buttons")
    assert "sleeve" not in expanded("Dresses", request)


def test_color_and_gender_come_from_the_model_alone() -> None:
    request = Request(title="mens red cap")
    assert set(expanded("Caps", request)) == {"path"}
    assert expanded("Caps", request, color="maroon")["color"] == "maroon"


SURE = Calibration(model=Curve(intercept=3.0), fallback=Curve(intercept=0.0))
UNSURE = Calibration(model=Curve(intercept=-3.0), fallback=Curve(intercept=0.0))
UNSURE_OF_BOTH = Calibration(model=Curve(intercept=-3.0), fallback=Curve(intercept=-4.0))


@pytest.mark.parametrize(
    ("title", "calibration", "category", "source"),
    [
        ("cotton shirt, blue", UNSURE, "Shirts", "fallback"),
        ("cotton shirt, blue", SURE, "Jeans", "model"),
        ("cotton shirt, blue", UNSURE_OF_BOTH, "Jeans", "model"),  # rules are right even less often
        ("cotton thing, blue", UNSURE, "Jeans", "model"),  # the title names no leaf
        ("blue jeans", UNSURE, "Jeans", "model"),  # it names the same
    ],
)
def test_if_the_leaf_that_the_title_names_is_likelier_right_than_the_models_it_is_the_answer(
    title: str, calibration: Calibration, category: str, source: str
) -> None:
    request = Request(title=title)
    decided = classify.TASK.decide([line("jeans; blue; -")], calibration, request, SHOP)
    assert decided.labels == Labels(category=category, attributes={"color": "blue"})
    assert decided.source == source
    assert decided.confidence == pytest.approx(
        0.5 if source == "fallback" else 0.95 if calibration is SURE else 0.05, abs=0.01
    )
    assert decided.needs_review == (decided.confidence < 0.5)


def test_without_a_calibration_no_answer_is_doubted() -> None:
    request = Request(title="cotton shirt")
    decided = classify.TASK.decide([line("jeans; -; -", logprob=-9.0)], Calibration(), request, SHOP)
    assert decided.labels == Labels(category="Jeans")
    assert decided.needs_review and decided.source == "model"


def test_the_evidence_is_how_high_the_leaf_is_among_those_that_the_titles_words_point_at() -> None:
    request = Request(title="linen shirt")
    named = candidates(request.title, SHOP)
    by_leaf = {
        leaf: classify.TASK.evidence(Labels(category=leaf), request, SHOP)["agrees"] for leaf in (*named, "Lamps")
    }
    assert list(by_leaf.values()) == sorted(by_leaf.values(), reverse=True)
    assert (by_leaf[named[0]], by_leaf["Lamps"]) == (1.0, 0.0)
    code, none = Request(title="B07XJ8C8F5"), Labels(category=None)
    assert classify.TASK.evidence(none, code, SHOP)["agrees"] == 1.0
    assert classify.TASK.evidence(none, request, SHOP)["agrees"] == 0.0


def test_the_leaf_decides() -> None:
    assert classify.TASK.decisive("phone cases; black; -") == "phone cases"
