"""The operator on a real API server, under the rights that the chart gives it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.cluster.application import Application
from tests.cluster.windows import (
    apply_window,
    condition,
    get_window,
    in_seconds,
    reasons,
    wait_for_condition,
)
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

PAST = "2026-01-01T00:00:00Z"
ROLE = "fastapi-maintenance-application"


def plan(kubectl: Kubectl, namespace: str) -> list[dict[str, Any]]:
    """The windows of the namespace's plan."""
    path = f"/api/v1/namespaces/{namespace}/configmaps/fastapi-maintenance-plan"
    text = kubectl.request("GET", path)["data"]["windows.json"]
    windows: list[dict[str, Any]] = json.loads(text)["windows"]
    return windows


def settle(kubectl: Kubectl, namespace: str) -> None:
    """Wait until the operator has worked off all that came before now: a later window is Ready."""
    apply_window(kubectl, "settled", namespace, apps=["nobody"], start="2990-01-01T00:00:00Z")
    wait_for_condition(kubectl, "settled", namespace, "Ready")
    kubectl("delete", "mw", "settled", "-n", namespace)


def test_status_says_what_the_window_does(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """An open window has current, its conditions and the generation that they speak of."""
    end = in_seconds(3600)
    apply_window(kubectl, "upgrade", namespace, start=PAST, end=end)
    wait_for_condition(kubectl, "upgrade", namespace, "Active")
    window = get_window(kubectl, "upgrade", namespace)
    assert window["status"]["current"] == {"start": PAST, "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    assert window["status"]["observedGeneration"] == window["metadata"]["generation"]
    assert condition(window, "Ready")["status"] == "True"
    assert condition(window, "Stalled")["status"] == "False"
    assert condition(window, "Active")["reason"] == "Open"


def test_a_recurring_window_says_when_it_opens_next(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    apply_window(
        kubectl, "new-year", namespace, schedule="0 0 1 1 *", duration="1h", timeZone="Asia/Tokyo"
    )
    wait_for_condition(kubectl, "new-year", namespace, "Ready")
    window = get_window(kubectl, "new-year", namespace)
    assert window["status"]["next"]["start"].endswith("-12-31T15:00:00Z")
    assert condition(window, "Active")["reason"] == "Scheduled"


def test_03_an_edit_is_observed(kubectl: Kubectl, namespace: str, operator: Operator) -> None:
    """Suspending an open window closes it, and observedGeneration says that it was seen."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Active")
    patch = json.dumps({"spec": {"suspend": True}})
    kubectl("patch", "mw", "upgrade", "-n", namespace, "--type=merge", "-p", patch)
    wait_for_condition(kubectl, "upgrade", namespace, "Active=false")
    window = get_window(kubectl, "upgrade", namespace)
    assert window["status"]["observedGeneration"] == 2
    assert {c["observedGeneration"] for c in window["status"]["conditions"]} == {2}
    assert condition(window, "Active")["reason"] == "Suspended"
    assert "current" not in window["status"]


def test_01_nothing_is_written_where_nothing_changed(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """A label on a window is an event, but no reason to write its status; nor is a restart."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Active")
    kubectl("label", "mw", "upgrade", "-n", namespace, "team=orders")
    before = get_window(kubectl, "upgrade", namespace)
    settle(kubectl, namespace)
    operator.restart()
    settle(kubectl, namespace)
    assert get_window(kubectl, "upgrade", namespace) == before


def test_18_a_deletion_with_the_operator_down_does_not_hang(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """No finalizer, no annotation and no label of ours; so a deletion never waits for us."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Active")
    metadata = get_window(kubectl, "upgrade", namespace)["metadata"]
    assert "finalizers" not in metadata
    assert "labels" not in metadata
    assert set(metadata["annotations"]) == {"kubectl.kubernetes.io/last-applied-configuration"}
    operator.stop()
    kubectl("delete", "mw", "upgrade", "-n", namespace, "--timeout=30s")


def test_08_a_restart_in_mid_window_resumes(
    kubectl: Kubectl,
    namespace: str,
    operator: Operator,
    service_account: ServiceAccounts,
    tmp_path: Path,
) -> None:
    """An application that follows the plan refuses throughout, and no second Event is written."""
    app = Application(
        service_account("orders", cluster_role=ROLE), tmp_path / "app.log", source="configmap"
    )
    app.start()
    try:
        apply_window(kubectl, "upgrade", namespace, start=PAST)
        app.wait_for_code(503)
        wait_for_condition(kubectl, "upgrade", namespace, "Active")
        before = get_window(kubectl, "upgrade", namespace)
        operator.kill()
        codes = {app.ask().code for _ in range(20)}
        operator.start()
        settle(kubectl, namespace)
        codes |= {app.ask().code for _ in range(20)}
    finally:
        app.stop()
    assert codes == {503}
    assert get_window(kubectl, "upgrade", namespace) == before
    assert reasons(kubectl, namespace) == ["WindowOpened"]


def test_a_deletion_while_the_operator_was_down_clears_the_plan(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Ready")
    assert [window["name"] for window in plan(kubectl, namespace)] == ["upgrade"]
    operator.stop()
    kubectl("delete", "mw", "upgrade", "-n", namespace)
    operator.start()
    wait_for(lambda: plan(kubectl, namespace) == [], what="an empty plan")


def test_a_window_too_dense_for_the_plan_says_so_and_leaves_the_others_in(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    dense = {"schedule": "* * * * *", "duration": "10s", "timeZone": "Etc/UTC"}
    apply_window(kubectl, "dense", namespace, **dense)
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "dense", namespace, "Ready=false")
    wait_for_condition(kubectl, "upgrade", namespace, "Ready")
    assert condition(get_window(kubectl, "dense", namespace), "Ready")["reason"] == "PlanTooLarge"
    assert [window["name"] for window in plan(kubectl, namespace)] == ["upgrade"]
