"""The manifest of a published version: task, digests, recipe, data, figures, calibration.

Does not read or write files. Training fills in a `Draft`, the store makes a `Manifest` of it, the server uses its
calibration.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator

from adapters.base_files import BaseDigest

VARIANT = "^[a-z0-9][a-z0-9-]{0,63}$"
DEMO = "demo-"
DEMO_LABEL = f"^{DEMO}[1-9][0-9]{{0,8}}$"
NO_VARIANT = "default"  # the folder of versions without a variant, so no variant may have this name


def channel_of(task: str, variant: str | None) -> str:
    """`task` or `task/variant`."""
    return f"{task}/{variant}" if variant else task


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Frozen):
    """The map from log-probability to confidence, fitted on held-out answers."""

    slope: FiniteFloat = 1.0
    intercept: FiniteFloat = 0.0
    threshold: float = Field(default=0.5, ge=0, le=1, description="below it an answer needs review")

    @property
    def fitted(self) -> bool:
        """Whether it was fitted; with too few held-out answers it stays at its defaults."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    def confidence(self, logprob: float) -> float:
        """Platt scaling (Platt 1999) of the answer line's summed token log-probability."""
        logit = self.slope * logprob + self.intercept
        return (1 + math.tanh(logit / 2)) / 2  # the logistic function, without the overflow of exp(-logit)


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
