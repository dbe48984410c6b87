"""The plan ConfigMap on a real API server: put right at once, and never going back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.test_operator import PAST, plan, settle
from tests.cluster.windows import (
    apply_window,
    condition,
    get_window,
    reasons,
    wait_for_condition,
)
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

PLAN = "fastapi-maintenance-plan"
EMPTY = json.dumps({"data": {"windows.json": "{}"}})
SOON = 60.0
"""Seconds, far less than the five minutes after which everything is looked at anew."""


def names(kubectl: Kubectl, namespace: str) -> list[str]:
    """What is planned."""
    return [str(window["name"]) for window in plan(kubectl, namespace)]


@pytest.fixture
def planned(kubectl: Kubectl, namespace: str, operator: Operator) -> str:
    """A namespace with a plan of one window, upgrade."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Ready")
    return namespace


def configmap(kubectl: Kubectl, namespace: str) -> dict[str, Any]:
    """The ConfigMap as it stands."""
    found: dict[str, Any] = json.loads(
        kubectl("get", "configmap", PLAN, "-n", namespace, "-o", "json").stdout
    )
    return found


def test_20_a_hand_edited_or_deleted_plan_is_restored(kubectl: Kubectl, planned: str) -> None:
    """At once, and each time: also where the same edit is made again."""
    for _ in range(2):
        kubectl("patch", "configmap", PLAN, "-n", planned, "--type=merge", "-p", EMPTY)
        wait_for(lambda: names(kubectl, planned) == ["upgrade"], SOON, "the plan, edited")
    for _ in range(2):
        kubectl("delete", "configmap", PLAN, "-n", planned)
        wait_for(lambda: names(kubectl, planned) == ["upgrade"], SOON, "the plan, deleted")


def test_17_a_deletion_while_active_clears_the_plan(kubectl: Kubectl, planned: str) -> None:
    kubectl("delete", "mw", "upgrade", "-n", planned)
    wait_for(lambda: names(kubectl, planned) == [], SOON, "an empty plan")


def test_a_plan_is_written_over_the_one_that_was_read(kubectl: Kubectl, planned: str) -> None:
    """By server-side apply with its resource version; a label of somebody else's stays."""
    kubectl("label", "configmap", PLAN, "-n", planned, "team=orders")
    apply_window(kubectl, "next", planned, start=PAST)
    wait_for_condition(kubectl, "next", planned, "Ready")
    found = configmap(kubectl, planned)
    assert names(kubectl, planned) == ["next", "upgrade"]
    assert found["metadata"]["labels"]["team"] == "orders"


def test_problems_are_told_once(kubectl: Kubectl, namespace: str, operator: Operator) -> None:
    """One Event for a window that is too large, however often it is looked at."""
    dense = {"schedule": "* * * * *", "duration": "10s", "timeZone": "Etc/UTC"}
    apply_window(kubectl, "dense", namespace, **dense)
    wait_for_condition(kubectl, "dense", namespace, "Ready=false")
    operator.restart()
    settle(kubectl, namespace)
    told = [reason for reason in reasons(kubectl, namespace) if "TooLarge" in reason]
    assert told == ["WindowPlanTooLarge"]
    stalled = condition(get_window(kubectl, "dense", namespace), "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "PlanTooLarge")


def test_a_finished_window_is_deleted(kubectl: Kubectl, namespace: str, operator: Operator) -> None:
    """`ttlSecondsAfterFinished` after its end, with its plan's entry."""
    apply_window(kubectl, "over", namespace, start=PAST, duration="1s", ttlSecondsAfterFinished=0)
    kubectl("wait", "--for=delete", "mw/over", "-n", namespace, "--timeout=60s")
    wait_for(lambda: names(kubectl, namespace) == [], SOON, "an empty plan")
