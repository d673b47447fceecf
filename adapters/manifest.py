"""What a published version says of itself: name, digests, recipe, data, figures, calibration.

Knows how names are written and nothing of folders. The store writes and reads it, training fills
in a `Draft`, the server takes the id and the calibration from it.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator

_TASK = r"[a-z][a-z0-9_]{0,63}"
_VARIANT = r"[a-z0-9][a-z0-9-]{0,63}"
VARIANT = f"^{_VARIANT}$"
_NAME = re.compile(rf"({_TASK}(?:/(?!default@){_VARIANT})?)@([1-9][0-9]{{0,8}})")

NO_VARIANT = "default"  # how the store's folders call it, hence no variant's own name


def channel_of(task: str, variant: str | None) -> str:
    """`task` or `task/variant`."""
    return f"{task}/{variant}" if variant else task


def parse_name(name: str) -> tuple[str, int]:
    """Channel and version of a name such as `copywrite/streetwear@2`.

    Raises:
        ValueError: the name is not of the form `task[/variant]@version`.
    """
    if match := _NAME.fullmatch(name):
        return match[1], int(match[2])
    raise ValueError(
        f"{name!r} is no adapter's name: write task@version or task/variant@version, "
        "such as classify@1 or copywrite/streetwear@2"
    )


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Frozen):
    """From log-probability to confidence, fitted on held-out answers."""

    slope: FiniteFloat = 1.0
    intercept: FiniteFloat = 0.0
    threshold: float = Field(default=0.5, ge=0, le=1, description="below it an answer needs review")

    @property
    def fitted(self) -> bool:
        """Too few held-out answers leave it as it is by default."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    def confidence(self, logprob: float) -> float:
        """Platt scaling (Platt 1999) of the answer line's summed token log-probability."""
        logit = self.slope * logprob + self.intercept
        if logit >= 0:
            return 1 / (1 + math.exp(-logit))
        return math.exp(logit) / (1 + math.exp(logit))  # exp(-logit) would overflow


class DataSource(_Frozen):
    """A data set that the adapter was trained on."""

    name: str
    licence: str
    rows: int = Field(ge=0)
    note: str = ""


class Draft(_Frozen):
    """What training knows of a version before the store gives it a number."""

    task: Annotated[str, Field(pattern=f"^{_TASK}$")]
    variant: Annotated[str, Field(pattern=VARIANT)] | None = None
    base_digest: str = Field(min_length=1, description="`store.base_digest` of the frozen base")
    ontology_digest: str = Field(min_length=1, description="`Ontology.digest` in training")
    calibration: Calibration = Calibration()
    data: list[DataSource] = []
    metrics: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    refusals: list[str] = Field(default=[], description="why the gate would not have it live")
    forced: str | None = Field(default=None, description="why it was published nevertheless")

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
    """A published version, as `manifest.json` in its folder."""

    version: int = Field(ge=1, lt=10**9)
    id: int = Field(ge=1, description="the engine's integer for it, used once")
    digest: str = Field(pattern="^[0-9a-f]{64}$", description="sha256 over the adapter's files")
    created: str = Field(description="ISO 8601, UTC")
    rank: int = Field(ge=1)
    alpha: float
    modules: list[str] = Field(min_length=1)

    @property
    def name(self) -> str:
        """`classify@1`, `copywrite/streetwear@2`."""
        return f"{self.channel}@{self.version}"
