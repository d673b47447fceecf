"""How an adapter is trained: the fields of a recipe, a task's recipe, and the key of a run.

Imports no torch, so that a fault in a recipe is reported at once. Called by the CLI modules and by `finetune`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from adapters.base import BaseDigest
from adapters.errors import ShopLoraError
from training.examples import Example
from training.tasks import training_task

ALL_LINEAR = ("all-linear",)


class TrainingError(ShopLoraError):
    """The examples or the recipe cannot be trained on; the message says what to do."""


def _modules(value: object) -> object:
    """`all-linear`, `o_proj,down_proj` or a list of names; `tuning.modules` resolves them against the base."""
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an adapter is trained; saved beside the result and in its manifest.

    DoRA is not an option: vLLM cannot serve it.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    modules: Annotated[tuple[str, ...], BeforeValidator(_modules), Field(min_length=1)] = ("o_proj",)
    rank: Annotated[int, Field(ge=1, le=256)] = 16
    alpha: Annotated[int, Field(ge=1)] = 32
    rslora: bool = False
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    lr: Annotated[float, Field(gt=0)] = 2e-3
    epochs: Annotated[float, Field(gt=0)] = 3.0
    batch: Annotated[int, Field(ge=1)] = 32  # examples in a step, of all processes together
    micro_batch: Annotated[int, Field(ge=1)] | None = None  # tokens computed at a time; None: by device
    max_length: Annotated[int, Field(ge=1)] | None = None  # tokens of an example; None: the base's context
    seed: int = 0
    qlora: bool = False

    def fields(self) -> dict[str, Any]:
        """The fields as JSON and YAML hold them."""
        return asdict(self) | {"modules": list(self.modules)}


_RECIPE = TypeAdapter(Recipe)


def recipe_for(task: str, file: Path | None = None, **changes: Any) -> Recipe:
    """The task's default recipe, changed by a YAML file of fields and then by `changes`.

    Raises:
        TrainingError: the file is not a mapping, or a field is unknown or out of its range.
        OSError: the file cannot be read.
    """
    try:
        fields = yaml.safe_load(file.read_text(encoding="utf-8")) if file else {}
        if not isinstance(fields, dict):
            raise ValueError(f"{file} is not a mapping of a recipe's fields")
        return _RECIPE.validate_python({**training_task(task).recipe, **fields, **changes})
    except ValidationError as error:
        reasons = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise TrainingError(f"recipe: {'; '.join(reasons)}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise TrainingError(f"recipe: {' '.join(str(error).split())}") from error


def run_key(recipe: Recipe, examples: Sequence[Example], base_digest: BaseDigest) -> str:
    """Eight hex characters that name a run: only one with the same recipe, examples and base is resumed."""
    sha = hashlib.sha256(json.dumps([recipe.fields(), base_digest.model_dump()]).encode())
    for example in examples:
        sha.update(repr((example.split, example.request, example.labels, example.known_fields)).encode())
    return sha.hexdigest()[:8]
