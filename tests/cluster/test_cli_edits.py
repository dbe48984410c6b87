"""Verbs that change one occurrence, or the window, on a real API server."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.cluster.windows import apply_window, far_weekday, in_seconds

if TYPE_CHECKING:
    from tests.cluster.commanding import Cli
    from tests.controlplane.kubectl import Kubectl

ZONE = "Africa/Lagos"
"""Where no clock is changed: from one week to the next, nothing is an hour later."""
WEEKLY = {"schedule": f"0 2 * * {far_weekday()}", "duration": "2h", "timeZone": ZONE}


def overrides(cli: Cli, name: str) -> list[dict[str, Any]]:
    """Of a window, as they stand."""
    found: list[dict[str, Any]] = cli.window(name)["spec"].get("overrides", [])
    return found


def test_extend_moves_the_end_of_what_is_open_and_leaves_gits_fields_alone(
    cli: Cli, kubectl: Kubectl
) -> None:
    """Twice adds up; applying the same manifest again undoes none of it."""
    start, end = in_seconds(-60), in_seconds(600)
    apply_window(kubectl, "upgrade", cli.namespace, start=start, end=end)
    cli("extend", "upgrade", "--by", "30m")
    said = cli("extend", "upgrade", "--by", "15m")
    assert said.out.startswith("maintenancewindow/upgrade extended until ")
    apply_window(kubectl, "upgrade", cli.namespace, start=start, end=end)
    (override,) = overrides(cli, "upgrade")
    assert datetime.fromisoformat(override["end"]) == end + timedelta(minutes=45)
    fields = cli.window("upgrade")["metadata"]["managedFields"]
    mine = next(f for f in fields if f["manager"] == "fastapi-maintenance")
    assert set(mine["fieldsV1"]["f:spec"]) == {"f:overrides"}


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"start": 3600}, "is not open: there is nothing to extend"),
        ({"start": -60}, "has no planned end"),
        ({"start": -60, "suspend": True}, "is suspended"),
    ],
    ids=["scheduled", "open end", "suspended"],
)
def test_what_can_not_be_extended_says_why(
    cli: Cli, kubectl: Kubectl, spec: dict[str, Any], problem: str
) -> None:
    """Their start is so many seconds from now."""
    start = in_seconds(spec["start"])
    apply_window(kubectl, "upgrade", cli.namespace, **spec | {"start": start})
    assert problem in cli("extend", "upgrade", "--by", "1h", code=1).err


@pytest.mark.parametrize(
    "words", [["extend", "--by", "1h"], ["postpone", "--by", "1h"], ["skip"]], ids=lambda w: w[0]
)
def test_of_what_is_over_it_is_said_how_one_is_opened_now(
    cli: Cli, kubectl: Kubectl, words: list[str]
) -> None:
    start, end = in_seconds(-120), in_seconds(-60)
    apply_window(kubectl, "upgrade", cli.namespace, start=start, end=end)
    said = cli(words[0], "upgrade", *words[1:], code=1)
    command = f"fastapi-maintenance on orders --duration 30m -n {cli.namespace}"
    assert said.err.endswith(f"\n  it is over; open one now: {command}\n")


@pytest.mark.parametrize("words", [["postpone", "--by", "1h"], ["skip"]], ids=lambda w: w[0])
def test_what_is_open_for_the_last_time_is_extended_or_ended(cli: Cli, words: list[str]) -> None:
    cli("on", "orders", "--duration", "1h")
    said = cli(words[0], "orders-on", *words[1:], code=1)
    assert "has no further occurrence" in said.err
    place = f"orders-on -n {cli.namespace}"
    assert f"it is open: let it end later: fastapi-maintenance extend {place} --by 30m" in said.err
    assert f"now: fastapi-maintenance end {place}" in said.err


def test_postpone_and_skip_change_one_occurrence(cli: Cli, kubectl: Kubectl) -> None:
    apply_window(kubectl, "weekly", cli.namespace, **WEEKLY)
    first, second, third = cli.window_starts("weekly", 3)
    moved = cli("postpone", "weekly", "--by", "1h").out
    assert "postponed from" in moved
    assert re.fullmatch(r".* 02:00:00 WAT = .*:00:00 UTC to .* 03:00:00 WAT = .* UTC\n", moved)
    cli("postpone", "weekly", "--by", "30m")
    later = first + timedelta(minutes=90)
    assert cli.window_starts("weekly", 2) == [later, second]
    local = second.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None).isoformat()
    left_out = cli("skip", "weekly", "--occurrence", local).out
    assert re.search(r"occurrence of .* 02:00:00 WAT = .* UTC is skipped\n", left_out)
    assert cli.window_starts("weekly", 2) == [later, third]
    said = cli("skip", "weekly")
    assert "is skipped\n  it opens next at " in said.out
    assert cli.window_starts("weekly", 1) == [third]


def test_an_occurrence_that_is_not_there_can_not_be_skipped(cli: Cli, kubectl: Kubectl) -> None:
    apply_window(kubectl, "weekly", cli.namespace, **WEEKLY)
    said = cli("skip", "weekly", "--occurrence", "2027-01-01T00:00:00Z", code=1)
    assert "has no occurrence that starts at 2027-01-01T00:00:00Z" in said.err
    assert "explain weekly" in said.err


def test_suspend_ends_what_is_open_and_resume_opens_it_again(cli: Cli, kubectl: Kubectl) -> None:
    apply_window(kubectl, "upgrade", cli.namespace, start=in_seconds(-60), duration="1h")
    assert "resume upgrade" in cli("suspend", "upgrade").out
    assert "is suspended already" in cli("suspend", "upgrade").out
    assert "Suspended" in cli("status").out
    assert "it is open until" in cli("resume", "upgrade").out
    assert "is not suspended" in cli("resume", "upgrade").out


def test_off_ends_what_on_opened_and_names_what_still_holds(cli: Cli, kubectl: Kubectl) -> None:
    """Exactly these apps, whatever the window is called; exit 1 while another holds one."""
    cli("on", "orders", "--duration", "1h", "--name", "mine")
    cli("on", "orders", "billing", "--duration", "1h", "--name", "both")
    said = cli("off", "orders", code=1)
    assert "maintenancewindow/mine ended" in said.out
    assert "still in maintenance by both (until" in said.err
    assert f"end it: fastapi-maintenance end both -n {cli.namespace}" in said.err
    assert "maintenancewindow/both ended" in cli("off", "billing", "orders").out
    assert cli("off", "orders").out == "nothing is on for orders\n"


def test_end_names_what_still_holds_the_apps_of_the_window(cli: Cli) -> None:
    """The window that was named has ended: exit 0."""
    cli("on", "orders", "--duration", "1h", "--name", "mine")
    cli("on", "orders", "billing", "--duration", "1h", "--name", "both")
    said = cli("end", "mine")
    assert said.out == "maintenancewindow/mine ended\n"
    assert "orders: still in maintenance by both (until" in said.err
    assert f"end it: fastapi-maintenance end both -n {cli.namespace}" in said.err
    assert "still in maintenance" not in cli("end", "both").err


def test_off_where_nothing_is_on_names_what_is_open_for_others(cli: Cli) -> None:
    cli("on", "orders", "--duration", "1h")
    said = cli("off", "order")
    assert said.out == "nothing is on for order\n"
    assert "note: orders-on is open, for orders, until" in said.err


@pytest.mark.parametrize(
    ("annotations", "labels", "tool"),
    [
        ({"argocd.argoproj.io/tracking-id": "shop:x"}, {}, "Argo CD"),
        ({}, {"kustomize.toolkit.fluxcd.io/name": "shop"}, "Flux"),
        ({"meta.helm.sh/release-name": "shop"}, {}, "Helm"),
    ],
)
def test_a_window_that_another_tool_manages_is_changed_with_a_warning(
    cli: Cli,
    kubectl: Kubectl,
    annotations: dict[str, str],
    labels: dict[str, str],
    tool: str,
) -> None:
    apply_window(kubectl, "upgrade", cli.namespace, start=in_seconds(-60), duration="1h")
    patch = json.dumps({"metadata": {"annotations": annotations, "labels": labels}})
    kubectl("patch", "mw", "upgrade", "-n", cli.namespace, "--type=merge", "-p", patch)
    said = cli("end", "upgrade")
    assert f"warning: {tool} manages this window: spec.endedAt" in said.err
    assert "the durable way is to write it in" in said.err
