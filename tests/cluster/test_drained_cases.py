"""Processes that fall silent, restart, are older, or have another clock: what is said of them.

On a real API server; the test speaks for the processes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
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

    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

PAST = "2026-01-01T00:00:00Z"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "orders-9"},
    "spec": {"containers": [{"name": "web", "image": "orders"}]},
}

Speak = Callable[[Callable[[Puppets], Awaitable[None]]], None]


@pytest.fixture
def speak(cluster: Cluster, namespace: str) -> Speak:
    """Lets processes speak."""

    async def let(words: Callable[[Puppets], Awaitable[None]]) -> None:
        async with puppets(cluster.kubeconfig, namespace) as processes:
            await words(processes)

    return lambda words: asyncio.run(let(words))


@pytest.fixture
def window(kubectl: Kubectl, namespace: str, operator: Operator) -> dict[str, Any]:
    """A window that is open."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    return get_window(kubectl, "upgrade", namespace)


@pytest.fixture
def drained(kubectl: Kubectl, namespace: str) -> Callable[[], dict[str, Any]]:
    """The condition Drained as it stands."""
    return lambda: condition(get_window(kubectl, "upgrade", namespace), "Drained")


def await_drained(drained: Callable[[], dict[str, Any]], status: str, reason: str) -> str:
    """Wait for a status with a reason; gives the message."""

    def said() -> bool:
        found = drained()
        return (found.get("status"), found.get("reason")) == (status, reason)

    wait_for(said, 30, f"{status}, {reason}")
    return str(drained()["message"])


def test_silence_is_never_consent_and_a_word_ends_it(
    speak: Speak, window: dict[str, Any], drained: Callable[[], dict[str, Any]]
) -> None:
    """It had acknowledged, and may have been started again since without a word."""
    heard = timedelta(minutes=10)

    async def fall_silent(processes: Puppets) -> None:
        processes.ahead = -heard
        await processes.register("mp-1", None, acknowledgement(window))

    async def say_it(processes: Puppets) -> None:
        await processes.say("mp-1", acknowledgement(window))

    speak(fall_silent)
    assert "mp-1" in await_drained(drained, "Unknown", "ProcessSilent")
    speak(say_it)
    await_drained(drained, "True", "AllDrained")


def test_a_process_that_a_person_removed_is_waited_for_no_more(
    speak: Speak,
    kubectl: Kubectl,
    namespace: str,
    window: dict[str, Any],
    drained: Callable[[], dict[str, Any]],
) -> None:
    """Without a Pod nobody else may."""

    async def register(processes: Puppets) -> None:
        await processes.register("mp-2")
        await processes.register("mp-1", None, acknowledgement(window))

    speak(register)
    await_drained(drained, "False", "NotAcknowledged")
    kubectl("delete", "mp", "mp-2", "-n", namespace)
    await_drained(drained, "True", "AllDrained")


def test_a_process_whose_container_was_restarted_is_removed_and_that_is_told(
    speak: Speak,
    kubectl: Kubectl,
    namespace: str,
    window: dict[str, Any],
    drained: Callable[[], dict[str, Any]],
) -> None:
    """By the kubelet's word, which this test gives in its place."""
    kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(POD))
    uid = kubectl("get", "pod", "orders-9", "-n", namespace, "-o", "jsonpath={.metadata.uid}")

    async def register(processes: Puppets) -> None:
        processes.ahead = timedelta(minutes=-5)
        await processes.register("mp-9", Pod("orders-9", uid.stdout, "web"))
        processes.ahead = timedelta(0)
        await processes.register("mp-1", None, acknowledgement(window))

    speak(register)
    await_drained(drained, "Unknown", "ProcessSilent")
    started = {"running": {"startedAt": format_instant(datetime.now(UTC).replace(microsecond=0))}}
    known = {"image": "orders", "imageID": "", "ready": True, "restartCount": 1}
    status = {"containerStatuses": [{"name": "web", "state": started, **known}]}
    kubectl(
        *("patch", "pod", "orders-9", "-n", namespace, "--subresource=status", "--type=merge"),
        *("-p", json.dumps({"status": status})),
    )
    await_drained(drained, "True", "AllDrained")

    def notes() -> str:
        events = ("get", "events.events.k8s.io", "-n", namespace)
        only = ("--field-selector=reason=ProcessRemoved", "-o", "jsonpath={.items[*].note}")
        return kubectl(*events, *only).stdout

    note = wait_for(notes, 30, "the Event")
    assert note == "orders-9: its container has ended or was started again"
    (left,) = Processes(kubectl, namespace).all()
    assert left["metadata"]["name"] == "mp-1"


def test_of_a_process_of_another_version_the_generation_decides(
    speak: Speak,
    kubectl: Kubectl,
    namespace: str,
    window: dict[str, Any],
    drained: Callable[[], dict[str, Any]],
) -> None:
    """Its scope has another recipe, so that nothing can be said of what it covers."""

    async def acknowledge(processes: Puppets) -> None:
        await processes.register("mp-1", None, acknowledgement(window, scope="0:other"))

    speak(acknowledge)
    await_drained(drained, "True", "AllDrained")
    apply_window(kubectl, "upgrade", namespace, start=PAST, match={"methods": ["GET"]})
    await_drained(drained, "False", "NotAcknowledged")


def test_a_fast_clock_proves_nothing_and_a_slow_one_is_waited_for(
    speak: Speak, window: dict[str, Any], drained: Callable[[], dict[str, Any]]
) -> None:
    """A process that is ahead would end the window too early."""

    async def acknowledge_ahead(processes: Puppets) -> None:
        processes.ahead = timedelta(minutes=2)
        await processes.register("mp-1", None, acknowledgement(window))

    async def be_late(processes: Puppets) -> None:
        processes.ahead = timedelta(seconds=-5)
        await processes.say("mp-1")  # of no open window, yet

    async def acknowledge(processes: Puppets) -> None:
        await processes.say("mp-1", acknowledgement(window))

    speak(acknowledge_ahead)
    await_drained(drained, "Unknown", "ClockSkewed")
    speak(be_late)
    await_drained(drained, "False", "NotAcknowledged")
    speak(acknowledge)
    await_drained(drained, "True", "AllDrained")


def test_a_process_that_starts_in_mid_window_is_waited_for_unless_it_is_proven(
    speak: Speak,
    kubectl: Kubectl,
    namespace: str,
    window: dict[str, Any],
    drained: Callable[[], dict[str, Any]],
) -> None:
    """R12: afterwards it looks before it serves; and a rolling update leaves no trace."""

    async def begin(processes: Puppets) -> None:
        await processes.register("mp-2")
        await processes.register("mp-1", None, acknowledgement(window))

    async def acknowledge(processes: Puppets) -> None:
        await processes.say("mp-2", acknowledgement(window))

    async def update(processes: Puppets) -> None:
        for number in (3, 4):
            await processes.register(f"mp-{number}")
            kubectl("delete", "mp", f"mp-{number - 2}", "-n", namespace)

    speak(begin)
    await_drained(drained, "False", "NotAcknowledged")
    speak(acknowledge)
    await_drained(drained, "True", "AllDrained")
    since = drained()["lastTransitionTime"]
    speak(update)

    def replaced() -> bool:
        counts = get_window(kubectl, "upgrade", namespace)["status"]["processes"]
        return (counts["registered"], counts["enforcing"]) == (2, 0)

    wait_for(replaced, 30, "the count of the new processes")
    assert (drained()["status"], drained()["lastTransitionTime"]) == ("True", since)


def test_after_the_operator_was_down_the_next_occurrence_begins_with_nothing(
    speak: Speak,
    kubectl: Kubectl,
    namespace: str,
    operator: Operator,
    clock: Path,
    drained: Callable[[], dict[str, Any]],
) -> None:
    """R4: what was proven of the occurrence an hour ago stands there still, and is not kept."""
    now = datetime.now(UTC)
    into = timedelta(minutes=30) - timedelta(minutes=now.minute)  # never near an edge
    clock.write_text(str(into.total_seconds()))
    operator.restart()
    hourly = {"schedule": "0 * * * *", "timeZone": "Etc/UTC", "duration": "50m"}
    apply_window(kubectl, "upgrade", namespace, **hourly)
    window = get_window(kubectl, "upgrade", namespace)

    async def register(processes: Puppets) -> None:
        processes.ahead = into
        await processes.register("mp-1", None, acknowledgement(window, into))

    async def acknowledge_next(processes: Puppets) -> None:
        processes.ahead = into + timedelta(hours=1)
        await processes.say("mp-1", acknowledgement(window, processes.ahead))

    async def heartbeat(processes: Puppets) -> None:
        processes.ahead = into + timedelta(hours=1)
        await processes.say("mp-1", acknowledgement(window, into))

    speak(register)
    wait_for_condition(kubectl, "upgrade", namespace, "Drained")
    operator.stop()
    clock.write_text(str((into + timedelta(hours=1)).total_seconds()))
    speak(heartbeat)
    operator.start()
    await_drained(drained, "False", "NotAcknowledged")
    speak(acknowledge_next)
    await_drained(drained, "True", "AllDrained")


@pytest.fixture
def clock(operator: Operator, tmp_path: Path) -> Any:
    """The operator has a clock that is set by a file; afterwards it is as it was."""
    assert operator._env is not None
    before, command = operator._env, operator._command
    shift = tmp_path / "shift"
    operator._env = {**before, "SHIFT": str(shift)}
    operator._command = [command[0], "-m", "tests.cluster.shifted", *command[3:]]
    yield shift
    operator._env, operator._command = before, command
    operator.restart()
