"""Churn: a subscriber's contract and recent behaviour become a forecast, stays or leaves, and flags with reasons.

The line is `stays`, or `leaves` and flags in the order of `FLAGS`: `leaves; monthly contract; new subscriber`. Each
flag has a reason, a field of the request and its value; a flag whose condition does not hold is dropped. Reasons are
associations, not causes: removing one need not keep the subscriber. Age, gender and family are deliberately no fields.
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
    tenure_months: int = Field(ge=0, le=1200, description="months since the subscription began")
    contract: Contract = Field(description="commitment of the contract")
    monthly_charge: float | None = Field(default=None, ge=0, le=100_000)
    payment: Payment | None = None
    plan: Annotated[str, limit(60)] | None = None
    services: dict[Annotated[str, limit(40)], bool] = Field(
        default_factory=dict, max_length=20, description="the services offered, and whether each is subscribed"
    )
    inactive_days: int | None = Field(default=None, ge=0, le=MANY, description="since the last use or order")
    support_contacts: int | None = Field(default=None, ge=0, le=MANY, description="in the last 90 days")
    failed_payments: int | None = Field(default=None, ge=0, le=MANY, description="in the last 90 days")


class Reason(Strict):
    field: str = Field(description="a field of the request", examples=["tenure_months"])
    value: bool | int | float | str


class Flagged(Strict):
    flag: Flag
    reason: Reason


class Answer(Answered):
    will_churn: bool
    flags: list[Flagged] = Field(description="reasons associated with leaving; empty for a subscriber who stays")


class Labels(Strict):
    will_churn: bool
    flags: list[Flag] | None = Field(default=None, description="if left out, all flags whose condition holds")

    @model_validator(mode="after")
    def _fit_the_line(self) -> Labels:
        if not ascending(self.flags or (), FLAGS):
            raise ValueError(f"flags come once and in the order {', '.join(FLAGS)}")
        if self.flags and not self.will_churn:
            raise ValueError("a subscriber who stays has no flags")
        return self


def _written(value: str | float) -> str:
    return spaced(value) if isinstance(value, str) else f"{value:g}"


# Each flag's field and condition. docs/tasks.md has the churn rates by flag in the telco data. It lacks the last three
# fields, whose limits are a guess.
_REASONS: dict[Flag, tuple[str, Callable[[Any], bool]]] = {
    "monthly_contract": ("contract", lambda value: bool(value == "monthly")),
    "new_subscriber": ("tenure_months", lambda value: bool(value <= 12)),
    "no_tech_support": ("services.tech_support", lambda value: value is False),
    "few_services": ("services", lambda services: len(services) >= 3 and sum(services.values()) <= 1),
    "electronic_check": ("payment", lambda value: bool(value == "electronic_check")),
    "high_charge": ("monthly_charge", lambda value: bool(value >= 70)),
    "inactive": ("inactive_days", lambda value: bool(value >= 30)),
    "support_contacts": ("support_contacts", lambda value: bool(value >= 3)),
    "failed_payment": ("failed_payments", lambda value: bool(value >= 1)),
}


def flagged(flags: Iterable[Flag], request: Request) -> list[Flagged]:
    """The flags whose condition the request fulfils, with their reasons."""
    with_reasons = []
    for flag in flags:
        path, is_reason = _REASONS[flag]
        name, _, service = path.partition(".")
        value = getattr(request, name)
        value = value.get(service) if service else value
        if value is not None and is_reason(value):
            shown = f"{sum(value.values())} of {len(value)}" if isinstance(value, dict) else value
            with_reasons.append(Flagged(flag=flag, reason=Reason(field=path, value=shown)))
    return with_reasons


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
        fields = request.model_dump(exclude_none=True, exclude={"services"})
        lines = [f"{spaced(name)}: {_written(value)}" for name, value in fields.items()]
        for state, word in ((True, "with"), (False, "without")):
            names = [spaced(name) for name, is_subscribed in request.services.items() if is_subscribed is state]
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
        is_verdict = verdict == LEAVES or (verdict == STAYS and not written)
        if not is_verdict or not ascending(written, list(_LINE)):
            raise LineError(f"not {STAYS}, nor {LEAVES} and flags in order: {line!r}")
        return Labels(will_churn=verdict == LEAVES, flags=[_LINE[flag] for flag in written])

    def grammar(self, request: Request, ontology: Ontology) -> str:
        root = f'root ::= "{STAYS}" | "{LEAVES}" ("{SEPARATOR}" flag0)?'
        return "\n".join([root, *some_of("flag", list(_LINE), SEPARATOR)])

    def expand(self, labels: Labels, request: Request, ontology: Ontology) -> dict[str, Any]:
        return {"will_churn": labels.will_churn, "flags": flagged(labels.flags or [], request)}

    def max_tokens(self, request: Request) -> int:
        return 96

    def decisive(self, line: str) -> str:
        """The verdict."""
        return line.split(SEPARATOR)[0]

    def complete(self, labels: Labels, request: Request, ontology: Ontology) -> Labels:
        """Fills in the flags of an example that has none."""
        if labels.flags is not None:
            return labels
        flags = [reason.flag for reason in flagged(FLAGS, request)] if labels.will_churn else []
        return Labels(will_churn=labels.will_churn, flags=flags)


TASK = Churn()
