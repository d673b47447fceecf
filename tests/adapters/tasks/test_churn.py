"""Churn: flags come in order, each has a field of the request as its reason; a subscriber who stays has none."""

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


def flags(request: churn.Request, *predicted: churn.Flag) -> dict[str, Any]:
    """Field and value of each flag in the answer, for predicted flags."""
    ordered = [flag for flag in churn.FLAGS if flag in (predicted or churn.FLAGS)]
    labels = churn.Labels(will_churn=True, flags=ordered)
    answer = churn.TASK.expand(labels, request, SHOP)
    return {shown.flag: (shown.reason.field, shown.reason.value) for shown in answer["flags"]}


@pytest.mark.parametrize(
    ("fields", "flag", "reason"),
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
def test_a_flag_has_the_field_that_is_its_reason(fields: dict[str, Any], flag: churn.Flag, reason: Any) -> None:
    assert flags(churn.Request(**NEW | fields), flag).get(flag) == reason


@settings(deadline=None)
@given(subscribers(), st.sets(st.sampled_from(churn.FLAGS)))
def test_no_missing_field_is_a_reason(request: churn.Request, predicted: set[churn.Flag]) -> None:
    given = request.model_dump(exclude_none=True, exclude_defaults=True) | NEW
    for flag, (field, _) in flags(request, *predicted).items():
        name, _, service = field.partition(".")
        assert name in given and (not service or service in request.services), flag


@settings(deadline=None)
@given(subscribers(), st.booleans())
def test_flags_that_an_example_leaves_out_follow_from_the_conditions(request: churn.Request, leaves: bool) -> None:
    completed = churn.TASK.complete(churn.Labels(will_churn=leaves), request, SHOP)
    assert completed.flags == (list(flags(request)) if leaves else [])
    assert churn.TASK.complete(completed, request, SHOP) == completed
    assert churn.TASK.decode(churn.TASK.encode(completed), request, SHOP) == completed


@pytest.mark.parametrize(
    "labels",
    [
        {"will_churn": False, "flags": ["new_subscriber"]},
        {"will_churn": True, "flags": ["new_subscriber", "monthly_contract"]},
        {"will_churn": True, "flags": ["inactive", "inactive"]},
        {"will_churn": True, "flags": ["bored"]},
    ],
)
def test_labels_that_no_line_expresses_are_refused(labels: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        churn.Labels.model_validate(labels)


def test_the_prompt_has_all_given_fields_and_no_others() -> None:
    request = churn.Request(**NEW, plan="Gold", services={"tech_support": True, "gift_wrap": False}, failed_payments=0)
    assert churn.TASK.prompt(request, SHOP)[1]["content"].splitlines() == [
        "tenure months: 2",
        "contract: monthly",
        "plan: gold",
        "failed payments: 0",
        "with: tech support",
        "without: gift wrap",
    ]


def test_personal_traits_are_no_fields() -> None:
    for name in ("age", "gender", "senior", "partner"):
        with pytest.raises(ValidationError):
            churn.Request.model_validate({**NEW, name: "yes"})
