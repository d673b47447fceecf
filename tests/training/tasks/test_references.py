"""References: which sentences are taken, and that every claim of theirs becomes a fact."""

from __future__ import annotations

from collections import Counter

import pytest

from adapters.ontology import Ontology
from adapters.tasks import copywrite
from training.tasks import references
from training.tasks.copy_vocabulary import candidates
from training.tasks.references import Described, _example, _is_good, _passages
from training.tasks.synthesis.copy import copies
from training.text import key

MUG = Described("shop", "train", "Harbor Mug", "Cups and Mugs", "Home", "")


@pytest.mark.parametrize(
    "sentence",
    [
        "This mug is available in our store.",  # a shop's talk
        "Buy this mug online and get free shipping.",
        "See www.example.com for more about this mug.",
        "THE BEST MUG has a wide handle.",
        "Mug with handle and lid, size large.",  # no verb
        "This mug has a wide handle and a li",  # cut
        "You can t drink without this mug, it has a handle.",  # a lost apostrophe
        "This mug has a handle.It keeps warm.",
        "This mug MX-4471B has a wide handle.",  # a code that is not in the name
        "Elevate your coffee: this mug has a handle.",
    ],
)
def test_a_sentence_that_is_no_copy_is_left_out(sentence: str) -> None:
    assert not _is_good(sentence, MUG)


@pytest.mark.parametrize(
    "sentence", ["This mug has a wide handle and a matte glaze.", "Enjoy coffee from a mug with a wide handle."]
)
def test_a_whole_sentence_is_taken(sentence: str) -> None:
    assert _is_good(sentence, MUG)


def test_every_claim_of_a_reference_is_a_fact(ontology: Ontology) -> None:
    text = "This blue stoneware mug has a wide handle and a matte glaze. It is dishwasher safe and comes with a lid."
    example = _example(MUG, text, ontology)
    assert example is not None
    attributes = example.request.attributes
    assert attributes["color"] == "blue" and attributes["material"] == "stoneware"
    values = set(attributes["feature"].replace(" and ", ", ").split(", "))
    assert {"wide handle", "matte glaze", "dishwasher safe"} <= values
    assert copywrite.unsupported(text, example.request, ontology) == []


def test_a_sentence_whose_claims_read_as_no_fact_is_left_out(ontology: Ontology) -> None:
    assert _example(MUG, "This mug squeaks and the cat hides.", ontology) is None


def test_a_passage_does_not_begin_with_a_pronoun(ontology: Ontology) -> None:
    good = "This mug has a wide handle and a matte glaze that you will enjoy again every day."
    description = f"Buy it online. It is blue and has a wide handle for every day. {good}"
    product = Described("shop", "train", "Harbor Mug", "Cups and Mugs", "Home", description)
    passages = list(_passages(product, ontology))
    assert passages == [good]


def test_composed_copy_says_its_facts_alone_and_is_of_every_department(ontology: Ontology) -> None:
    pairs = list(copies(ontology, per_leaf=1, seed=0))
    departments = {ontology.categories[request.category or ""].path[0] for request, _ in pairs}
    assert len(departments) >= 18
    assert len({labels.description for _, labels in pairs}) > 0.98 * len(pairs)
    for request, labels in pairs[::20]:
        answer = copywrite.TASK.expand(labels, request, ontology)
        assert (answer["missing"], answer["unsupported"]) == ([], [])


def test_words_of_many_departments_alike_are_candidates_for_ordinary_words(ontology: Ontology) -> None:
    texts = [(f"department {n}", f"pleasing gizmo{'s' * n} indubitably red") for n in range(12) for _ in range(30)]
    assert candidates(iter(texts), ontology) == ["indubitably"]


@pytest.mark.data
def test_references_are_many_and_of_many_departments_and_no_product_is_in_two_splits(ontology: Ontology) -> None:
    examples = list(references.references(ontology))
    leaves = [ontology.categories.get(example.request.category or "") for example in examples]
    departments = Counter(leaf.path[0] for leaf in leaves if leaf)
    assert len(examples) >= 400 and len(departments) >= 10
    splits: dict[str, set[str]] = {}
    for example in examples:
        splits.setdefault(key(example.request.name), set()).add(example.split)
    assert not [name for name, of in splits.items() if "train" in of and len(of) > 1]
    assert len({key(example.labels.description) for example in examples}) == len(examples)
