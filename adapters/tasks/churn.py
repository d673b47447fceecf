"""Churn: what a subscriber has and lately did becomes whether they will leave, and flags.

The line is `stays`, or `leaves` and the flags that count, in the order of `FLAGS`: `leaves; monthly
contract; new subscriber`. A flag that the request does not bear out is dropped, so that each comes
with its reason, a field of the request and its value. Reasons are associations, not causes: to take
one away need not keep anybody. Who somebody is (age, gender, family) is no field, on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from adapters.ontology import Ontology
from adapters.tasks.contract import Answered, LineError, Message, Strict, Task, ascending, limit, some_of, spaced

MANY = 10_000
STAYS, LEAVES = "stays", "leaves"
SEPARATOR = "; "
Contract = Literal["monthly", "yearly", "longer"]
Payment = Literal["card", "bank_transfer", "electronic_check", "mailed_check", "invoice", "wallet"]
Flag = Literal[
    "monthly_contract",
    "new_subscriber",
    "no_tech_support",
    "few_services",
    "electronic_check",
    "high_charge",
    "inactive",
    "support_contacts",
    "failed_payment",
]
FLAGS: tuple[Flag, ...] = get_args(Flag)
_LINE = {spaced(flag): flag for flag in FLAGS}


class Request(Strict):
    tenure_months: int = Field(ge=0, le=1200, description="how long they have subscribed")
    contract: Contract = Field(description="what they are bound to")
    monthly_charge: float | None = Field(default=None, ge=0, le=100_000)
    payment: Payment | None = None
    plan: Annotated[str, limit(60)] | None = None
    services: dict[Annotated[str, limit(40)], bool] = Field(
        default_factory=dict, max_length=20, description="those offered: whether they are taken"
    )
    inactive_days: int | None = Field(default=None, ge=0, le=MANY, description="since the last use or order")
    support_contacts: int | None = Field(default=None, ge=0, le=MANY, description="in the last 90 days")
    failed_payments: int | None = Field(default=None, ge=0, le=MANY, description="in the last 90 days")


class Reason(Strict):
    field: str = Field(description="of the request", examples=["tenure_months"])
    value: bool | int | float | str


class Flagged(Strict):
    flag: Flag
    reason: Reason


class Answer(Answered):
    will_churn: bool
    flags: list[Flagged] = Field(description="what goes with leaving; none for who stays")


class Labels(Strict):
    will_churn: bool
    flags: list[Flag] | None = Field(default=None, description="all that hold, if not told")

    @model_validator(mode="after")
    def _fit_the_line(self) -> Labels:
        if not ascending(self.flags or (), FLAGS):
            raise ValueError(f"flags come once and in the order {', '.join(FLAGS)}")
        if self.flags and not self.will_churn:
            raise ValueError("who stays has no flags")
        return self


def _written(value: str | float) -> str:
    return spaced(value) if isinstance(value, str) else f"{value:g}"


# The field that is a flag's reason, and when it is one. docs/tasks.md has how many more of those
# with a flag left in the telco data; the last three fields it lacks, and their limits are a guess.
_REASONS: dict[Flag, tuple[str, Callable[[Any], bool]]] = {
    "monthly_contract": ("contract", lambda told: bool(told == "monthly")),
    "new_subscriber": ("tenure_months", lambda told: bool(told <= 12)),
    "no_tech_support": ("services.tech_support", lambda told: told is False),
    "few_services": ("services", lambda told: len(told) >= 3 and sum(told.values()) <= 1),
    "electronic_check": ("payment", lambda told: bool(told == "electronic_check")),
    "high_charge": ("monthly_charge", lambda told: bool(told >= 70)),
    "inactive": ("inactive_days", lambda told: bool(told >= 30)),
    "support_contacts": ("support_contacts", lambda told: bool(told >= 3)),
    "failed_payment": ("failed_payments", lambda told: bool(told >= 1)),
}


def flagged(flags: Iterable[Flag], request: Request) -> list[Flagged]:
    """Those of the flags that the request bears out, each with its reason."""
    found = []
    for flag in flags:
        path, holds = _REASONS[flag]
        name, _, service = path.partition(".")
        told = getattr(request, name)
        told = told.get(service) if service else told
        if told is not None and holds(told):
            value = f"{sum(told.values())} of {len(told)}" if isinstance(told, dict) else told
            found.append(Flagged(flag=flag, reason=Reason(field=path, value=value)))
    return found


class Churn(Task[Request, Labels]):
    name = "churn"
    summary = "A subscriber's recent behaviour to flags with reasons"
    request = Request
    labels = Labels
    answer = Answer
    example = {
        "tenure_months": 2,
        "contract": "monthly",
        "monthly_charge": 79.9,
        "payment": "electronic_check",
        "plan": "fiber",
        "services": {"online_security": False, "tech_support": False, "streaming_tv": True},
    }
    counted = {
        "churners": lambda labels: [LEAVES] if labels.will_churn else [],
        "flags": lambda labels: labels.flags or [],
    }

    def prompt(self, request: Request, ontology: Ontology) -> list[Message]:
        told = request.model_dump(exclude_none=True, exclude={"services"})
        lines = [f"{spaced(name)}: {_written(value)}" for name, value in told.items()]
        for taken, word in ((True, "with"), (False, "without")):
            names = [spaced(name) for name, has in request.services.items() if has is taken]
            lines += [f"{word}: {', '.join(names)}"] if names else []
        return [
            {"role": "system", "content": "Will the subscriber leave? leaves; flags, or stays."},
            {"role": "user", "content": "\n".join(lines).lower()},
        ]

    def encode(self, labels: Labels) -> str:
        flags = [spaced(flag) for flag in labels.flags or ()]
        return SEPARATOR.join([LEAVES if labels.will_churn else STAYS, *flags])

    def decode(self, line: str, request: Request, ontology: Ontology) -> Labels:
        verdict, *written = line.split(SEPARATOR)
        known = verdict == LEAVES or (verdict == STAYS and not written)
        if not known or not ascending(written, list(_LINE)):
            raise LineError(f"not {STAYS}, nor {LEAVES} and flags in order: {line!r}")
        return Labels(will_churn=verdict == LEAVES, flags=[_LINE[flag] for flag in written])

    def grammar(self, request: Request, ontology: Ontology) -> str:
        root = f'root ::= "{STAYS}" | "{LEAVES}" ("{SEPARATOR}" flag0)?'
        return "\n".join([root, *some_of("flag", list(_LINE), SEPARATOR)])

    def expand(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, Any]:
        return {"will_churn": labels.will_churn, "flags": flagged(labels.flags or [], request)}

    def max_tokens(self, request: Request) -> int:
        return 96

    def complete(self, labels: Labels, request: Request, ontology: Ontology) -> Labels:
        """Where an example does not tell the flags of one who left, all that hold are taken."""
        if labels.flags is not None:
            return labels
        flags = [found.flag for found in flagged(FLAGS, request)] if labels.will_churn else []
        return Labels(will_churn=labels.will_churn, flags=flags)


TASK = Churn()
