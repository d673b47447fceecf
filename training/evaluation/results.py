"""What an evaluation consists of: figures, main figures, judged answers, and the quality gate's verdict.

Data and its file. `training.evaluation.evaluate` and `training.release.gate` compute it, `report` and `cards` show it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from pydantic import TypeAdapter

from training.tasks.figures import Figures

FILE = "evaluation.json"
KNOWN, UNSEEN = "known sources", "unseen sources"
# What is compared: the models by name, and each cheap baseline by its own name.
ADAPTER, PROMPTED, LIVE = "adapter", "prompted base", "live version"
FEW_SHOT = f"{PROMPTED}, few-shot"
ONE_SAMPLE = ", one sample"  # suffix: one sample of a model, without ranking and without the fallback


@dataclass(frozen=True, slots=True)
class Headline:
    """The main figure of one side on one source, its 95% interval, and p of its difference to the adapter's.

    p is of the examples that both answered.
    """

    value: float
    low: float
    high: float
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far confidence can be trusted, over the answers of some sources.

    Attributes:
        error: expected calibration error.
        auc: the chance that a right answer has more confidence than a wrong one; None: all are right or all wrong.
        sure_and_wrong: the share of all answers that are wrong with a confidence of at least 0.9.
        reviewed: the share of all answers whose confidence is below the threshold.
    """

    answers: int
    error: float
    auc: float | None
    sure_and_wrong: float
    reviewed: float


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """One answer of the adapter beside the expected one."""

    source: str
    request: dict[str, Any]
    expected: str
    predicted: str
    right: bool
    confidence: float
    by: Literal["model", "fallback"] = "model"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every side on the test split, by side and source; the adapter's answers and its figures by source and class.

    `unseen`: the sources of shops that the adapter was not trained on. `confidence`: by KNOWN and UNSEEN.
    """

    figures: dict[str, dict[str, Figures]]
    headlines: dict[str, dict[str, Headline]]
    answers: list[JudgedAnswer] = field(default_factory=list)
    classes: dict[str, dict[str, Figures]] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    confidence: dict[str, Reliability] = field(default_factory=dict)

    def unseen_means(self) -> dict[str, float]:
        """The mean of each side's main figure over the unseen sources; empty where there are none."""
        if not self.unseen:
            return {}
        return {side: fmean(figures[s].value for s in self.unseen) for side, figures in self.headlines.items()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The quality gate's verdict on an evaluation.

    `refusals`: why the adapter may not go live; empty: it may. `summary`: how it compares with the best cheap
    baseline. `editing`: how many fewer words need editing than in the prompted base's text; None: no text is written.
    """

    refusals: list[str]
    summary: str
    editing: str | None = None


def write(folder: Path, evaluation: Evaluation) -> None:
    """Writes the evaluation into FILE of a folder, whole or not at all."""
    unfinished = (folder / FILE).with_suffix(".part")
    unfinished.write_text(json.dumps(asdict(evaluation), indent=1), encoding="utf-8")
    unfinished.replace(folder / FILE)


def read(folder: Path) -> Evaluation:
    """The evaluation that `write` wrote into a folder."""
    return TypeAdapter(Evaluation).validate_json((folder / FILE).read_bytes())
