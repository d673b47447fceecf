"""Structured examples: each maker's answer is right for what it asks."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ontology import Ontology
from adapters.tasks import rewrite
from training.base import structure
from training.base.corpus import Corpus
from training.base.structure import Structure, WordClasses, word_classes

WORD = st.from_regex("[a-z]{1,8}", fullmatch=True)
TEXT = st.lists(WORD, min_size=8, max_size=90).map(" ".join)
SEED = st.integers(0, 2**32)
quick = settings(max_examples=50, deadline=None)
ONTOLOGY = Ontology.load()
NAMES = dict.fromkeys(("red", "blue", "pink", "gray"), "red") | dict.fromkeys(("shirt", "kettle", "sofas"), "shirt")
CLASSES = WordClasses(NAMES, frozenset({("navy", "blue")}))
CORPUS = Corpus(
    texts={
        "review": ["the handle of this kettle gets very hot after ten minutes so be careful"],
        "opinion": ["light and small but the strap is short"],
        "title": ["acme navy blue shirt", "brio steel kettle 2 l"],
        "query": ["red shirt", "steel kettle", "3 blue sofas"],
        "copy": ["a red steel kettle that pours without dripping and looks good in any kitchen"],
        "slots": ["the aspire is a light laptop with long battery life"],
    },
    passes=dict.fromkeys(("review", "opinion", "title", "query", "copy", "slots"), 1),
)


def make(name: str, text: str, seed: int) -> tuple[str, str, str] | None:
    made = getattr(Structure(CORPUS, CLASSES, ONTOLOGY), name)(text, random.Random(seed))
    assert made is None or all(isinstance(part, str) and part for part in made)
    return made


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("_echo", lambda words: words),
        ("_reverse", lambda words: words[::-1]),
        ("_first_letters", lambda words: [word[0] for word in words]),
    ],
)
@quick
@given(TEXT, SEED)
def test_an_answer_is_made_of_the_words_asked_about(
    name: str, answer: Callable[[list[str]], list[str]], text: str, seed: int
) -> None:
    made = make(name, text, seed)
    assert made is not None
    assert text.startswith(made[1])
    assert made[2].split() == answer(made[1].split())


@quick
@given(TEXT, SEED)
def test_unshuffle_restores_the_order(text: str, seed: int) -> None:
    made = make("_unshuffle", text, seed)
    assert made is not None
    assert made[2] == " ".join(text.split()[:10])
    assert Counter(made[1].split()) == Counter(made[2].split())


@quick
@given(TEXT, SEED)
def test_filling_the_blanks_restores_the_text(text: str, seed: int) -> None:
    made = make("_fill", text, seed)
    assert made is not None
    blanks = iter(made[2].split("; "))
    assert re.sub("___", lambda _: next(blanks), made[1]) == " ".join(text.split()[:80])
    assert list(blanks) == []


@quick
@given(TEXT, SEED)
def test_the_answer_is_the_words_after_the_first_occurrence(text: str, seed: int) -> None:
    made = make("_find", text, seed)
    if made is not None:
        words, word = made[1].split("\nfind: ")
        after = words.split()[words.split().index(word) + 1 :]
        answer = made[2].split()
        assert after[: len(answer)] == answer
        assert made[0] == f"Write {len(answer)} words that follow."


@quick
@given(TEXT, SEED)
def test_listed_words_that_the_text_has(text: str, seed: int) -> None:
    made = make("_which_are_in", text, seed)
    if made is not None:
        words, listed_words = made[1].split("\nwords: ")
        listed = listed_words.split(", ")
        long = {word for word in words.split() if len(word) > 3}
        assert made[2].split(", ") == [word for word in listed if word in long]


@quick
@given(TEXT, SEED)
def test_the_text_has_the_words_to_write_with(text: str, seed: int) -> None:
    made = make("_write_with", text, seed)
    if made is not None:
        assert made[2] == text
        assert set(made[1].split(", ")) <= set(text.split())


@quick
@given(SEED)
def test_a_looked_up_value_is_in_the_record(seed: int) -> None:
    made = make("_look_up", "any", seed)
    assert made is not None
    record = dict(field.split("=") for field in made[1].split("; "))
    assert made[2] == record[made[0].removeprefix("Write the ").removesuffix(".")]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("red shirt", "red shirt"),
        ("Blue kettle", "red shirt"),
        ("navy blue kettle", "other + shirt"),
        ("3 unknown sofas", "number other shirt"),
    ],
)
def test_words_are_labelled_by_class(text: str, labels: str) -> None:
    made = make("_label_words", text, 0)
    assert made is not None
    assert made[2] == labels


@quick
@given(SEED)
def test_labels_like_the_examples(seed: int) -> None:
    members = {word: "red" for word in ("red", "blue", "navy", "green")} | {"shirt": "shirt"}
    few = Structure(CORPUS, WordClasses(members, frozenset({("navy", "blue")})), ONTOLOGY)
    made = few._label_like("acme navy blue shirt", random.Random(seed))
    assert made is not None
    class_line, query = made[1].splitlines()
    label, _, examples = class_line.partition(": ")
    assert label in rewrite.TYPES
    assert set(examples.split()) < set(members)
    assert (query, made[2]) == ("acme navy blue shirt", f"other {label} + other")


def test_facts_are_in_the_text() -> None:
    made = make("_write_facts", "A soft Cotton shirt in navy blue.", 0)
    assert made is not None
    assert {"material: cotton", "color: navy blue"} <= set(made[1].splitlines())
    assert made[2] == "A soft Cotton shirt in navy blue."
    assert make("_write_facts", "a shirt", 0) is None


@pytest.mark.parametrize("name", ["_fill", "_find", "_which_are_in", "_write_with"])
def test_a_text_that_is_too_short_makes_nothing(name: str) -> None:
    assert make(name, "red shirt", 0) is None


@pytest.mark.parametrize("name", ["_label_words", "_first_letters"])
def test_a_text_without_words_makes_nothing(name: str) -> None:
    assert make(name, "!!! ...", 0) is None


def test_examples_are_made_without_end_of_every_kind_and_by_seed_alone() -> None:
    made = list(islice(Structure(CORPUS, CLASSES, ONTOLOGY).examples(7), 800))
    assert made == list(islice(Structure(CORPUS, CLASSES, ONTOLOGY).examples(7), 800))
    assert made != list(islice(Structure(CORPUS, CLASSES, ONTOLOGY).examples(8), 800))
    kinds = {re.sub(r"\d+ words|the \w+\.$", "...", instruction) for instruction, _, _ in made}
    assert len(kinds) == 15


def products(count: int, colors: list[str]) -> list[str]:
    """Brand, color and thing: three sets of 20 words, each in its own place."""
    rng = random.Random(0)
    return [f"brand{rng.randrange(20)} {rng.choice(colors)} thing{rng.randrange(20)}" for _ in range(count)]


COLORS = [f"color{n}" for n in range(20)]


@pytest.fixture
def three_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "CLASSES", 3)
    monkeypatch.setattr(structure, "NEIGHBOURS", 60)


@pytest.mark.usefixtures("three_classes")
def test_interchangeable_words_share_a_class() -> None:
    texts = products(2_000, COLORS)
    clustered = word_classes(texts)
    classes = {kind: {clustered.names[f"{kind}{n}"] for n in range(20)} for kind in ("brand", "color", "thing")}
    assert [len(names) for names in classes.values()] == [1, 1, 1]
    assert len(set.union(*classes.values())) == 3
    assert clustered == word_classes(texts)  # by the seed alone


@pytest.mark.usefixtures("three_classes")
def test_a_class_bears_the_name_of_its_commonest_word() -> None:
    clustered = word_classes(products(2_000, [*COLORS, "color7", "color7"]))
    assert {clustered.names[color] for color in COLORS} == {"color7"}


@pytest.mark.usefixtures("three_classes")
def test_words_that_always_meet_are_a_phrase() -> None:
    rng = random.Random(0)
    other = [f"w{n}" for n in range(200)]
    texts = [" ".join(rng.choices(other, k=30)) for _ in range(200)]
    clustered = word_classes([*texts, *["north face"] * 12, *["rare pair"] * 9])
    assert clustered.phrases == {("north", "face")}
    assert clustered.labels(["north", "face", "w1"])[1] == "+"
