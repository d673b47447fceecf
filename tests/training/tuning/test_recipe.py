"""Recipes: a task's defaults, what changes them, and the key of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.base import BaseDigest
from adapters.tasks import tasks
from tests.training.tuning.test_finetune import EXAMPLES
from training.tuning.recipe import ALL_LINEAR, Recipe, TrainingError, recipe_for, run_key

BASE = BaseDigest(weights="w", config="c", tokenizer="t")


def test_a_task_has_its_own_defaults_which_options_change() -> None:
    assert recipe_for("classify").modules == ("o_proj", "down_proj")
    changed = recipe_for("rewrite", rank=8, modules=("o_proj",))
    assert (changed.rank, changed.modules, changed.lr) == (8, ("o_proj",), recipe_for("rewrite").lr)


def test_a_task_without_a_recipe_is_trained_by_the_defaults() -> None:
    assert recipe_for("churn") == Recipe()


def test_a_file_changes_the_recipe_and_options_come_first(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("modules: all-linear\nrank: 4\nepochs: 2\n")
    recipe = recipe_for("churn", file, rank=8)
    assert recipe == replace(Recipe(), modules=ALL_LINEAR, rank=8, epochs=2.0)


def test_a_recipe_that_was_saved_gives_the_same_recipe() -> None:
    for name in tasks():
        assert recipe_for("churn", **recipe_for(name).fields()) == recipe_for(name)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rank": 0}, "rank: Input should be greater than or equal to 1"),
        ({"ranks": 8}, "ranks: Unexpected"),
        ({"modules": []}, r"modules: .*at least 1 item"),
    ],
)
def test_a_bad_field_is_named(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(TrainingError, match=reason):
        recipe_for("classify", **changes)


def test_a_run_is_resumed_with_the_same_recipe_examples_and_base_only() -> None:
    key = run_key(Recipe(), EXAMPLES, BASE)
    assert key == run_key(Recipe(), list(EXAMPLES), BASE)
    others = {
        run_key(replace(Recipe(), qlora=True), EXAMPLES, BASE),
        run_key(Recipe(), EXAMPLES[1:], BASE),
        run_key(Recipe(), [replace(EXAMPLES[0], known_fields=1), *EXAMPLES[1:]], BASE),
        run_key(Recipe(), EXAMPLES, BASE.model_copy(update={"tokenizer": "another"})),
    }
    assert len(others | {key}) == 5
