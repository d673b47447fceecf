"""Churn: flags come in order, each borne out by a field of the request, and none for who stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.ontology import Ontology
from adapters.tasks import churn
from tests.adapters.tasks.strategies import subscribers

SHOP = Ontology.load()
NEW: dict[str, Any] = {"tenure_months": 2, "contract": "monthly"}


def flags(request: churn.Request, *wanted: churn.Flag) -> dict[str, Any]:
    """Field and value of each flag that is shown when the model tells those."""
    ordered = [flag for flag in churn.FLAGS if flag in (wanted or churn.FLAGS)]
    labels = churn.Labels(will_churn=True, flags=ordered)
    told = churn.TASK.expand(labels, request, SHOP)
    return {each.flag: (each.reason.field, each.reason.value) for each in told["flags"]}


@pytest.mark.parametrize(
    ("told", "flag", "reason"),
    [
        ({}, "monthly_contract", ("contract", "monthly")),
        ({}, "new_subscriber", ("tenure_months", 2)),
        ({"tenure_months": 13}, "new_subscriber", None),
        ({"contract": "yearly"}, "monthly_contract", None),
        ({"payment": "electronic_check"}, "electronic_check", ("payment", "electronic_check")),
        ({"payment": "card"}, "electronic_check", None),
        ({"monthly_charge": 70}, "high_charge", ("monthly_charge", 70)),
        ({"monthly_charge": 69.9}, "high_charge", None),
        ({"services": {"tech_support": False}}, "no_tech_support", ("services.tech_support", False)),
        ({"services": {"tech_support": True}}, "no_tech_support", None),
        ({"services": {"a": True, "b": False, "c": False}}, "few_services", ("services", "1 of 3")),
        ({"services": {"a": True, "b": True, "c": False}}, "few_services", None),
        ({"services": {"a": False}}, "few_services", None),
        ({"inactive_days": 30}, "inactive", ("inactive_days", 30)),
        ({"support_contacts": 2}, "support_contacts", None),
        ({"failed_payments": 1}, "failed_payment", ("failed_payments", 1)),
    ],
)
def test_a_flag_is_shown_with_the_field_that_bears_it_out(told: dict[str, Any], flag: churn.Flag, reason: Any) -> None:
    assert flags(churn.Request(**NEW | told), flag).get(flag) == reason


@settings(deadline=None)
@given(subscribers(), st.sets(st.sampled_from(churn.FLAGS)))
def test_no_field_that_is_not_told_is_a_reason(request: churn.Request, wanted: set[churn.Flag]) -> None:
    given = request.model_dump(exclude_none=True, exclude_defaults=True) | NEW
    for flag, (field, _) in flags(request, *wanted).items():
        name, _, service = field.partition(".")
        assert name in given and (not service or service in request.services), flag


@settings(deadline=None)
@given(subscribers(), st.booleans())
def test_flags_that_an_example_leaves_out_follow_from_the_rule(request: churn.Request, leaves: bool) -> None:
    found = churn.TASK.complete(churn.Labels(will_churn=leaves), request, SHOP)
    assert found.flags == (list(flags(request)) if leaves else [])
    assert churn.TASK.complete(found, request, SHOP) == found
    assert churn.TASK.decode(churn.TASK.encode(found), request, SHOP) == found


@pytest.mark.parametrize(
    "labels",
    [
        {"will_churn": False, "flags": ["new_subscriber"]},
        {"will_churn": True, "flags": ["new_subscriber", "monthly_contract"]},
        {"will_churn": True, "flags": ["inactive", "inactive"]},
        {"will_churn": True, "flags": ["bored"]},
    ],
)
def test_labels_that_no_line_tells_are_refused(labels: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        churn.Labels.model_validate(labels)


def test_the_prompt_tells_all_that_is_told_and_nothing_else() -> None:
    request = churn.Request(**NEW, plan="Gold", services={"tech_support": True, "gift_wrap": False}, failed_payments=0)
    assert churn.TASK.prompt(request, SHOP)[1]["content"].splitlines() == [
        "tenure months: 2",
        "contract: monthly",
        "plan: gold",
        "failed payments: 0",
        "with: tech support",
        "without: gift wrap",
    ]


def test_who_somebody_is_is_no_field() -> None:
    for name in ("age", "gender", "senior", "partner"):
        with pytest.raises(ValidationError):
            churn.Request.model_validate({**NEW, name: "yes"})
