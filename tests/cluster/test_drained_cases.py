"""Processes that fall silent, restart, are older, or have another clock: what is said of them.

On a real API server; the test speaks for the processes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fastapi_maintenance.backends.kubernetes.process import Pod
from fastapi_maintenance.windows import format_instant
from tests.cluster.proving import Puppets, acknowledgement, puppets
from tests.cluster.reporting import Processes
from tests.cluster.windows import (
    apply_window,
    condition,
    get_window,
    wait_for_condition,
)
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi_maintenance.backends.kubernetes.process import WindowReport
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

PAST = "2026-01-01T00:00:00Z"
NOT_AHEAD = timedelta(0)
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "orders-9"},
    "spec": {"containers": [{"name": "web", "image": "orders"}]},
}


@dataclass
class Case:
    """A window, upgrade, and what processes say that the test speaks for."""

    cluster: Cluster
    kubectl: Kubectl
    namespace: str

    def window(self) -> dict[str, Any]:
        """The window as it stands."""
        return get_window(self.kubectl, "upgrade", self.namespace)

    def register(
        self, name: str, *said: WindowReport, pod: Pod | None = None, ahead: timedelta = NOT_AHEAD
    ) -> None:
        """A process begins, whose clock is `ahead`."""
        self._speak(ahead, lambda processes: processes.register(name, pod, *said))

    def say(self, name: str, *said: WindowReport, ahead: timedelta = NOT_AHEAD) -> None:
        """A process reports."""
        self._speak(ahead, lambda processes: processes.say(name, *said))

    def _speak(self, ahead: timedelta, words: Callable[[Puppets], Awaitable[None]]) -> None:
        async def speak() -> None:
            async with puppets(self.cluster.kubeconfig, self.namespace) as processes:
                processes.ahead = ahead
                await words(processes)

        asyncio.run(speak())

    def forget(self, name: str) -> None:
        """A person removes a process."""
        self.kubectl("delete", "mp", name, "-n", self.namespace)

    def drained(self) -> dict[str, Any]:
        """The condition Drained as it stands."""
        return condition(self.window(), "Drained")

    def await_drained(self, status: str, reason: str) -> str:
        """Wait for a status with a reason; gives the message."""

        def said() -> dict[str, Any]:
            found = self.drained()
            return found if (found.get("status"), found.get("reason")) == (status, reason) else {}

        return str(wait_for(said, what=f"{status}, {reason}")["message"])


@pytest.fixture
def case(cluster: Cluster, kubectl: Kubectl, namespace: str, operator: Operator) -> Case:
    """Nothing is there yet, and the operator acts."""
    return Case(cluster, kubectl, namespace)


@pytest.fixture
def window(case: Case) -> dict[str, Any]:
    """A window that is open."""
    apply_window(case.kubectl, "upgrade", case.namespace, start=PAST)
    return case.window()


def test_silence_is_never_consent_and_a_word_ends_it(case: Case, window: dict[str, Any]) -> None:
    """It had acknowledged, and may have been started again since without a word."""
    case.register("mp-1", acknowledgement(window), ahead=-timedelta(minutes=10))
    assert "mp-1" in case.await_drained("Unknown", "ProcessSilent")
    case.say("mp-1", acknowledgement(window))
    case.await_drained("True", "AllDrained")


def test_a_process_that_a_person_removed_is_waited_for_no_more(
    case: Case, window: dict[str, Any]
) -> None:
    """Without a Pod nobody else may."""
    case.register("mp-2")
    case.register("mp-1", acknowledgement(window))
    case.await_drained("False", "NotAcknowledged")
    case.forget("mp-2")
    case.await_drained("True", "AllDrained")


def test_a_process_whose_container_was_restarted_is_removed_and_that_is_told(
    case: Case, window: dict[str, Any]
) -> None:
    """By the kubelet's word, which this test gives in its place."""
    kubectl, namespace = case.kubectl, case.namespace
    kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(POD))
    uid = kubectl("get", "pod", "orders-9", "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    pod = Pod("orders-9", uid.stdout, "web")
    case.register("mp-9", pod=pod, ahead=timedelta(minutes=-5))
    case.register("mp-1", acknowledgement(window))
    case.await_drained("Unknown", "ProcessSilent")
    started = {"running": {"startedAt": format_instant(datetime.now(UTC).replace(microsecond=0))}}
    known = {"image": "orders", "imageID": "", "ready": True, "restartCount": 1}
    status = {"containerStatuses": [{"name": "web", "state": started, **known}]}
    kubectl(
        *("patch", "pod", "orders-9", "-n", namespace, "--subresource=status", "--type=merge"),
        *("-p", json.dumps({"status": status})),
    )
    case.await_drained("True", "AllDrained")

    def notes() -> str:
        events = ("get", "events.events.k8s.io", "-n", namespace)
        only = ("--field-selector=reason=ProcessRemoved", "-o", "jsonpath={.items[*].note}")
        return kubectl(*events, *only).stdout

    note = wait_for(notes, what="the Event")
    assert note == "orders-9: its container has ended or was started again"
    (left,) = Processes(kubectl, namespace).all()
    assert left["metadata"]["name"] == "mp-1"


def test_of_a_process_of_another_version_the_generation_decides(
    case: Case, window: dict[str, Any]
) -> None:
    """Its scope has another recipe, so that nothing can be said of what it covers."""
    case.register("mp-1", acknowledgement(window, scope="0:other"))
    case.await_drained("True", "AllDrained")
    match = {"methods": ["GET"]}
    apply_window(case.kubectl, "upgrade", case.namespace, start=PAST, match=match)
    case.await_drained("False", "NotAcknowledged")


def test_a_fast_clock_proves_nothing_and_a_slow_one_is_waited_for(
    case: Case, window: dict[str, Any]
) -> None:
    """A process that is ahead would end the window too early."""
    case.register("mp-1", acknowledgement(window), ahead=timedelta(minutes=2))
    case.await_drained("Unknown", "ClockSkewed")
    case.say("mp-1", ahead=timedelta(seconds=-5))  # of no open window, yet
    case.await_drained("False", "NotAcknowledged")
    case.say("mp-1", acknowledgement(window))
    case.await_drained("True", "AllDrained")


def test_a_process_of_the_last_day_there_is_hinders_no_other_word(
    case: Case, window: dict[str, Any]
) -> None:
    """The API server takes such a time from whoever may register."""
    case.register("mp-1", acknowledgement(window))
    case.await_drained("True", "AllDrained")
    case.register("mp-2")
    farthest = json.dumps({"spec": {"renewTime": "9999-12-31T23:59:59Z"}})
    case.kubectl("patch", "mp", "mp-2", "-n", case.namespace, "--type=merge", "-p", farthest)
    case.say("mp-1", acknowledgement(window, reason="MaintenanceModeOff"))
    case.await_drained("False", "NotEnforced")


def test_a_window_that_was_suspended_while_the_operator_was_down_is_asked_about_anew(
    case: Case, window: dict[str, Any], operator: Operator
) -> None:
    """R4: meanwhile requests were let in, of which no process may have spoken yet."""
    case.register("mp-1", acknowledgement(window))
    case.await_drained("True", "AllDrained")
    operator.stop()
    try:
        for suspend in (True, False):
            apply_window(case.kubectl, "upgrade", case.namespace, start=PAST, suspend=suspend)
    finally:
        operator.start()
    case.await_drained("False", "NotAcknowledged")
    case.say("mp-1", acknowledgement(case.window()))
    case.await_drained("True", "AllDrained")


def test_a_process_that_starts_in_mid_window_is_waited_for_unless_it_is_proven(
    case: Case, window: dict[str, Any]
) -> None:
    """R12: afterwards it looks before it serves; and a rolling update leaves no trace."""
    case.register("mp-2")
    case.register("mp-1", acknowledgement(window))
    case.await_drained("False", "NotAcknowledged")
    case.say("mp-2", acknowledgement(window))
    case.await_drained("True", "AllDrained")
    since = case.drained()["lastTransitionTime"]
    for number in (3, 4):
        case.register(f"mp-{number}")
        case.forget(f"mp-{number - 2}")

    def replaced() -> bool:
        counts = case.window()["status"]["processes"]
        return (counts["registered"], counts["enforcing"]) == (2, 0)

    wait_for(replaced, what="the count of the new processes")
    found = case.drained()
    assert (found["status"], found["lastTransitionTime"]) == ("True", since)


def test_after_the_operator_was_down_the_next_occurrence_begins_with_nothing(
    case: Case, operator: Operator, clock: Path
) -> None:
    """R4: what was proven of the occurrence an hour ago stands there still, and is not kept."""
    now = datetime.now(UTC)
    into = timedelta(minutes=30) - timedelta(minutes=now.minute)  # never near an edge
    later = into + timedelta(hours=1)
    clock.write_text(str(into.total_seconds()))
    operator.restart()
    hourly = {"schedule": "0 * * * *", "timeZone": "Etc/UTC", "duration": "50m"}
    apply_window(case.kubectl, "upgrade", case.namespace, **hourly)
    window = case.window()
    case.register("mp-1", acknowledgement(window, into), ahead=into)
    wait_for_condition(case.kubectl, "upgrade", case.namespace, "Drained")
    operator.stop()
    clock.write_text(str(later.total_seconds()))
    case.say("mp-1", acknowledgement(window, into), ahead=later)  # a heartbeat
    operator.start()
    case.await_drained("False", "NotAcknowledged")
    case.say("mp-1", acknowledgement(window, later), ahead=later)
    case.await_drained("True", "AllDrained")
