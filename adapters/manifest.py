"""The manifest of a published version: task, digests, recipe, data, figures, calibration.

Does not read or write files. Training fills in a `Draft`, the store makes a `Manifest` of it, the server uses its
calibration.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from adapters.base_files import BaseDigest

VARIANT = "^[a-z0-9][a-z0-9-]{0,63}$"
DEMO = "demo-"
DEMO_LABEL = f"^{DEMO}[1-9][0-9]{{0,8}}$"
FORMAT = 2  # of a calibration
NO_VARIANT = "default"  # the folder of versions without a variant, so no variant may have this name


def channel_of(task: str, variant: str | None) -> str:
    """`task` or `task/variant`."""
    return f"{task}/{variant}" if variant else task


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Term(_Frozen):
    """A feature of a curve: `weight` is of the feature less its mean, divided by its scale."""

    mean: FiniteFloat
    scale: FiniteFloat = Field(gt=0)
    weight: FiniteFloat


class Curve(_Frozen):
    """A logistic regression from features to the probability that an answer is right."""

    intercept: FiniteFloat
    terms: dict[str, Term] = {}

    def confidence(self, features: Mapping[str, float]) -> float:
        """The probability; a feature that is not given counts as its mean, one that is not known does not count."""
        terms = ((self.terms[name], value) for name, value in features.items() if name in self.terms)
        return _logistic(self.intercept + sum(t.weight * (value - t.mean) / t.scale for t, value in terms))


class Calibration(_Frozen):
    """The map from the features of an answer (`adapters.confidence`) to confidence, fitted on held-out answers.

    Attributes:
        model, fallback: the curves of answers of the model and of answers by rules; None: too few to fit one to.
        threshold: half, so that the answer that needs no review is more likely right than wrong.
    """

    format: int = FORMAT
    model: Curve | None = None
    fallback: Curve | None = None
    threshold: float = Field(default=0.5, ge=0, le=1, description="below it an answer needs review")

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_release(cls, value: Any) -> Any:
        """Earlier releases wrote slope and intercept of a curve over the line's log-probability."""
        return {"format": 1} if isinstance(value, dict) and "slope" in value else value

    @property
    def is_current(self) -> bool:
        """Whether this release can apply it; if not, the adapter must be trained again."""
        return self.format == FORMAT

    def confidence(self, source: Literal["model", "fallback"], features: Mapping[str, float]) -> float:
        """The confidence in an answer.

        Without a curve, that in the model's answer is the bare probability of its line, and that in another one 0.
        """
        if curve := self.model if source == "model" else self.fallback:
            return curve.confidence(features)
        if source == "fallback":
            return 0.0
        return _logistic(features.get("decisive", features.get("typical", 0.0)))


def _logistic(log_odds: float) -> float:
    return (1 + math.tanh(log_odds / 2)) / 2  # without the overflow of exp(-log_odds)


class DataSource(_Frozen):
    """A data set that the adapter was trained on."""

    name: str
    licence: str
    rows: int = Field(ge=0)
    note: str = ""


class Draft(_Frozen):
    """A manifest before the store gives it a number."""

    task: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]
    variant: Annotated[str, Field(pattern=VARIANT)] | None = None
    base_digest: BaseDigest = Field(description="`base_digest` of the frozen base")
    ontology_digest: str = Field(min_length=1, description="`Ontology.digest` used in training")
    calibration: Calibration = Calibration()
    data: list[DataSource] = []
    metrics: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    refusals: list[str] = Field(default=[], description="why the quality gate refused it")
    forced: str | None = Field(default=None, description="why it was published all the same")

    @field_validator("base_digest", mode="before")
    @classmethod
    def _weights_alone(cls, digest: Any) -> Any:
        """Earlier releases wrote the digest of the weights as a string."""
        return {"weights": digest} if isinstance(digest, str) else digest

    @field_validator("variant")
    @classmethod
    def _not_reserved(cls, variant: str | None) -> str | None:
        if variant == NO_VARIANT:
            raise ValueError(f"'{NO_VARIANT}' is reserved: leave the variant out instead")
        return variant

    @property
    def channel(self) -> str:
        return channel_of(self.task, self.variant)


class Manifest(Draft):
    """A published version, as in the `manifest.json` of its folder. Fields of other releases are ignored."""

    model_config = ConfigDict(extra="ignore")

    version: int = Field(ge=1, lt=10**9, description="its number in its channel; shipped and own versions count apart")
    digest: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 over the adapter's files")
    created: str = Field(description="ISO 8601, UTC")
    rank: int = Field(ge=1)
    alpha: float
    modules: list[str] = Field(min_length=1)
