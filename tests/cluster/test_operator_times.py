"""When windows open and close, with the operator on a real API server."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from fastapi_maintenance.windows import format_instant
from tests.cluster.test_operator import PAST, plan, settle
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
    from collections.abc import Callable
    from pathlib import Path

    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

BERLIN = ZoneInfo("Europe/Berlin")
ALWAYS = {"schedule": "0 0 * * *", "duration": "24h", "timeZone": "Etc/UTC"}


def edit(kubectl: Kubectl, name: str, namespace: str, **spec: Any) -> None:
    """Change fields of its spec."""
    patch = json.dumps({"spec": spec})
    kubectl("patch", "mw", name, "-n", namespace, "--type=merge", "-p", patch)


def await_reason(kubectl: Kubectl, name: str, namespace: str, reason: str) -> dict[str, Any]:
    """Wait until Active has a reason; gives the window."""

    def found() -> dict[str, Any] | None:
        window = get_window(kubectl, name, namespace)
        return window if condition(window, "Active").get("reason") == reason else None

    window = wait_for(found, 60, f"{name} to be {reason}")
    assert window is not None
    return window


def test_04_the_time_of_a_transition_moves_with_the_status_alone(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """Not with an edit that leaves the window open, nor with its new message."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    opened = condition(await_reason(kubectl, "upgrade", namespace, "Open"), "Active")
    edit(kubectl, "upgrade", namespace, end="2990-01-01T00:00:00Z")
    wait_for(
        lambda: "2990" in condition(get_window(kubectl, "upgrade", namespace), "Active")["message"],
        what="the edit",
    )
    edited = condition(get_window(kubectl, "upgrade", namespace), "Active")
    assert edited["lastTransitionTime"] == opened["lastTransitionTime"]
    # In whole seconds: one must have passed.
    wait_for(lambda: format_instant(in_seconds(0)) > opened["lastTransitionTime"])
    edit(kubectl, "upgrade", namespace, suspend=True)
    closed = condition(await_reason(kubectl, "upgrade", namespace, "Suspended"), "Active")
    assert closed["lastTransitionTime"] > opened["lastTransitionTime"]


def test_09_a_start_that_was_missed_while_down_is_made_up_for(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    start = in_seconds(12)
    apply_window(kubectl, "upgrade", namespace, start=start)
    await_reason(kubectl, "upgrade", namespace, "Scheduled")
    operator.stop()
    wait_for(lambda: datetime.now(UTC) > start, what="the start")
    operator.start()
    window = await_reason(kubectl, "upgrade", namespace, "Open")
    assert window["status"]["current"] == {"start": format_instant(start)}
    assert reasons(kubectl, namespace) == ["WindowOpened"]


def last_sunday(month: str) -> dict[str, str]:
    """Half past two in Berlin, on the day when clocks change."""
    return {"schedule": f"30 2 * {month} 0L", "duration": "1h", "timeZone": "Europe/Berlin"}


def test_10_in_a_spring_gap_it_opens_right_after(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """There is no half past two; at three, summer time has begun."""
    apply_window(kubectl, "spring", namespace, **last_sunday("MAR"))
    window = await_reason(kubectl, "spring", namespace, "Scheduled")
    start = datetime.fromisoformat(window["status"]["next"]["start"]).astimezone(BERLIN)
    assert f"{start:%m %a %H:%M %Z}" == "03 Sun 03:00 CEST"


def test_11_in_an_autumn_overlap_it_opens_once(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """At the first of the two; the one after that is next year's."""
    apply_window(kubectl, "autumn", namespace, **last_sunday("OCT"))
    window = await_reason(kubectl, "autumn", namespace, "Scheduled")
    first = window["status"]["next"]["start"]
    start = datetime.fromisoformat(first).astimezone(BERLIN)
    assert f"{start:%m %a %H:%M %Z}" == "10 Sun 02:30 CEST"
    edit(kubectl, "autumn", namespace, overrides=[{"occurrence": first, "skip": True}])
    wait_for(
        lambda: get_window(kubectl, "autumn", namespace)["status"]["next"]["start"] != first,
        what="the skip",
    )
    after = get_window(kubectl, "autumn", namespace)["status"]["next"]["start"]
    assert int(after[:4]) == int(first[:4]) + 1


def test_12_a_zone_that_is_missing_stalls_its_windows_alone(
    kubectl: Kubectl, namespace: str, changed: Callable[..., None], tmp_path: Path
) -> None:
    """Neither the system's time zones nor the package: it says so, and is never taken for open."""
    (tmp_path / "tzdata.py").write_text("")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    changed(PYTHONTZPATH="", PYTHONPATH=path)
    tokyo = {**ALWAYS, "timeZone": "Asia/Tokyo"}
    apply_window(kubectl, "lost", namespace, **tokyo)
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Ready")
    lost = await_reason(kubectl, "lost", namespace, "Invalid")
    assert "Asia/Tokyo" in condition(lost, "Stalled")["message"]
    assert [window["name"] for window in plan(kubectl, namespace)] == ["upgrade"]


def test_13_a_clock_that_jumps_takes_the_status_with_it(
    kubectl: Kubectl, namespace: str, clock: Path
) -> None:
    """An hour ahead, and back."""
    apply_window(kubectl, "soon", namespace, start=in_seconds(1800), end=in_seconds(7200))
    await_reason(kubectl, "soon", namespace, "Scheduled")
    clock.write_text("3600")
    await_reason(kubectl, "soon", namespace, "Open")
    clock.write_text("0")
    await_reason(kubectl, "soon", namespace, "Scheduled")


def test_14_overlapping_windows_combine_the_same_way_always(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """Whichever comes first, and after a restart: the plan has them in the order of their names."""

    def names() -> list[str]:
        return [str(window["name"]) for window in plan(kubectl, namespace)]

    for name in ("b", "a", "c"):
        apply_window(kubectl, name, namespace, start=PAST)
        wait_for_condition(kubectl, name, namespace, "Active")
    assert names() == ["a", "b", "c"]
    kubectl("delete", "mw", "a", "-n", namespace)
    apply_window(kubectl, "a", namespace, start=PAST)
    operator.restart()
    wait_for_condition(kubectl, "a", namespace, "Active")
    assert names() == ["a", "b", "c"]


def test_15_ending_a_manual_window_leaves_a_scheduled_one_open(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """And the other way round; neither has a say in the other's status."""
    apply_window(kubectl, "manual", namespace, start=PAST)
    apply_window(kubectl, "scheduled", namespace, **ALWAYS)
    for name in ("manual", "scheduled"):
        await_reason(kubectl, name, namespace, "Open")
    edit(kubectl, "manual", namespace, endedAt=format_instant(in_seconds(-1)))
    await_reason(kubectl, "manual", namespace, "Finished")
    settle(kubectl, namespace)
    assert condition(get_window(kubectl, "scheduled", namespace), "Active")["reason"] == "Open"
    edit(kubectl, "scheduled", namespace, endedAt=format_instant(in_seconds(-1)))
    window = await_reason(kubectl, "scheduled", namespace, "Scheduled")
    assert window["status"]["next"]["start"].endswith("T00:00:00Z")


def test_16_a_window_that_is_resumed_opens_a_second_time(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    await_reason(kubectl, "upgrade", namespace, "Open")
    edit(kubectl, "upgrade", namespace, suspend=True)
    await_reason(kubectl, "upgrade", namespace, "Suspended")
    assert plan(kubectl, namespace) == []
    edit(kubectl, "upgrade", namespace, suspend=False)
    await_reason(kubectl, "upgrade", namespace, "Open")
    assert reasons(kubectl, namespace) == ["WindowClosed", "WindowOpened", "WindowOpened"]
