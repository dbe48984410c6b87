"""Conditions as the Kubernetes API conventions have them."""

from __future__ import annotations

from typing import Any

import pytest

from fastapi_maintenance.proof.conditions import Verdict, merge_conditions
from tests.unit.making import at

NOW = at("2026-06-01T12:00:00.75Z")
LATER = at("2026-06-01T13:00Z")
READY = Verdict("Ready", True, "Planned", "in the plan")


def merged(previous: list[dict[str, Any]], verdict: Verdict, generation: int = 1) -> dict[str, Any]:
    (condition,) = merge_conditions(previous, [verdict], generation, LATER)
    return condition


@pytest.fixture
def before() -> list[dict[str, Any]]:
    return merge_conditions([], [READY], 1, NOW)


def test_a_first_verdict_is_a_whole_condition(before: list[dict[str, Any]]) -> None:
    """Times are in whole seconds, as metav1.Time is."""
    assert before == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Planned",
            "message": "in the plan",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-06-01T12:00:00Z",
        }
    ]


def test_the_same_verdict_again_is_the_same_condition(before: list[dict[str, Any]]) -> None:
    assert merged(before, READY) == before[0]


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("Ready", True, "Another", "in the plan"),
        Verdict("Ready", True, "Planned", "with another message"),
    ],
)
def test_the_time_stays_while_the_status_does(
    before: list[dict[str, Any]], verdict: Verdict
) -> None:
    condition = merged(before, verdict, generation=2)
    assert condition["lastTransitionTime"] == "2026-06-01T12:00:00Z"
    assert (condition["reason"], condition["message"]) == (verdict.reason, verdict.message)
    assert condition["observedGeneration"] == 2


@pytest.mark.parametrize(("status", "word"), [(False, "False"), (None, "Unknown")])
def test_the_time_moves_with_the_status(
    before: list[dict[str, Any]], status: bool | None, word: str
) -> None:
    condition = merged(before, Verdict("Ready", status, "Planned", "in the plan"))
    assert condition["status"] == word
    assert condition["lastTransitionTime"] == "2026-06-01T13:00:00Z"


def test_the_default_of_a_new_object_is_replaced(before: list[dict[str, Any]]) -> None:
    default = {**before[0], "status": "Unknown", "lastTransitionTime": "1970-01-01T00:00:00Z"}
    assert merged([default], READY)["lastTransitionTime"] == "2026-06-01T13:00:00Z"


def test_each_type_is_compared_with_itself(before: list[dict[str, Any]]) -> None:
    verdicts = [Verdict("Active", True, "Open", ""), READY]
    conditions = merge_conditions(before, verdicts, 1, LATER)
    assert [(c["type"], c["lastTransitionTime"]) for c in conditions] == [
        ("Active", "2026-06-01T13:00:00Z"),
        ("Ready", "2026-06-01T12:00:00Z"),
    ]


def test_a_long_message_is_cut() -> None:
    assert len(merged([], Verdict("Ready", False, "Invalid", "x" * 5000))["message"]) == 1024
