"""`schedule` on a real API server: what it writes, and what it does beside one that is there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.cluster.windows import apply_window, far_weekday, in_seconds

if TYPE_CHECKING:
    from tests.cluster.commanding import Cli
    from tests.controlplane.kubectl import Kubectl

DAY = far_weekday()
WEEKLY = ("--cron", f"0 2 * * {DAY}", "--duration", "2h", "--tz", "Europe/Berlin")
LATER = ("--cron", f"0 3 * * {DAY}", "--duration", "2h", "--tz", "Europe/Berlin")


def test_schedule_writes_a_window_and_the_server_can_be_asked_first(cli: Cli) -> None:
    said = cli("schedule", "weekly", "orders", *WEEKLY, "--dry-run", "server")
    assert yaml.safe_load(said.out)["metadata"]["uid"]
    assert "No windows" in cli("status").err
    assert cli("schedule", "weekly", "orders", *WEEKLY).out == "maintenancewindow/weekly created\n"
    said = cli("schedule", "weekly", "orders", *WEEKLY)
    assert said.out == "maintenancewindow/weekly unchanged\n"


def test_one_that_is_there_and_differs_is_changed_only_if_that_was_said(cli: Cli) -> None:
    """What `schedule` does not write stays: what was skipped, suspended or allowed."""
    cli("schedule", "weekly", "orders", *WEEKLY, "--message", "Moving")
    cli("skip", "weekly")
    cli("suspend", "weekly")
    before = cli.window("weekly")["spec"]
    changed = ("schedule", "weekly", "orders", "billing", *LATER, "--read-only")
    said = cli(*changed, code=1)
    assert said.err.splitlines() == [
        'error: maintenancewindow "weekly" is there already, and differs',
        "  spec.apps: orders -> orders, billing",
        f"  spec.schedule: 0 2 * * {DAY} -> 0 3 * * {DAY}",
        "  spec.mode: Full -> ReadOnly",
        "  spec.response.message: Moving -> none",
        "  change it: the same again with --replace; all other fields stay",
    ]
    shown = yaml.safe_load(cli(*changed, "--replace", "--dry-run", "server").out)
    assert shown["spec"]["schedule"] == f"0 3 * * {DAY}"
    assert cli.window("weekly")["spec"] == before
    said = cli(*changed, "--replace")
    assert said.out == "maintenancewindow/weekly changed\n"
    assert "spec.mode: Full -> ReadOnly" in said.err
    after = cli.window("weekly")["spec"]
    assert (after["apps"], after["mode"]) == (["orders", "billing"], "ReadOnly")
    assert "response" not in after
    assert (after["overrides"], after["suspend"]) == (before["overrides"], True)


def test_another_window_that_is_open_at_the_same_time_is_told_of(cli: Cli) -> None:
    """In the zone of the new one and the reader's; the window is written."""
    cli("schedule", "early", "billing", *WEEKLY)
    cli("schedule", "weekly", "orders", *WEEKLY)
    said = cli("schedule", "late", "orders", *LATER)
    assert said.out == "maintenancewindow/late created\n"
    (note,) = [line for line in said.err.splitlines() if line.startswith("note: ")]
    told = r"note: weekly is open at the same time, first at .* 03:00:00 CES?T = .*:00:00 UTC"
    assert re.fullmatch(told, note)


def test_another_message_leaves_the_rest_of_the_answer(cli: Cli, kubectl: Kubectl) -> None:
    cli("schedule", "weekly", "orders", *WEEKLY, "--message", "Moving")
    patch = json.dumps({"spec": {"response": {"statusCode": 503}}})
    kubectl("patch", "mw", "weekly", "-n", cli.namespace, "--type=merge", "-p", patch)
    cli("schedule", "weekly", "orders", *WEEKLY, "--message", "Later", "--replace")
    assert cli.window("weekly")["spec"]["response"] == {"message": "Later", "statusCode": 503}
    cli("schedule", "weekly", "orders", *WEEKLY, "--replace")
    assert cli.window("weekly")["spec"]["response"] == {"statusCode": 503}


@pytest.mark.parametrize(
    ("annotations", "tool", "source"),
    [
        ({"argocd.argoproj.io/tracking-id": "shop:x"}, "Argo CD", "Git"),
        ({"meta.helm.sh/release-name": "shop"}, "Helm", "the chart's values"),
    ],
)
def test_fields_that_another_tool_brings_back_are_changed_there(
    annotations: dict[str, str], tool: str, source: str, cli: Cli, kubectl: Kubectl
) -> None:
    """Whatever was said: a change here would last until the next sync."""
    cli("schedule", "weekly", "orders", *WEEKLY)
    patch = json.dumps({"metadata": {"annotations": annotations}})
    kubectl("patch", "mw", "weekly", "-n", cli.namespace, "--type=merge", "-p", patch)
    said = cli("schedule", "weekly", "orders", *LATER, "--replace", code=1)
    assert f"{tool} manages it, so change it in {source}; --dry-run=client prints it" in said.err
    assert cli.window("weekly")["spec"]["schedule"] == f"0 2 * * {DAY}"


def test_a_window_that_does_not_come_again_is_never_made_one_that_does(
    cli: Cli, kubectl: Kubectl
) -> None:
    apply_window(kubectl, "upgrade", cli.namespace, start=in_seconds(3600))
    said = cli("schedule", "upgrade", "orders", *WEEKLY, "--replace", code=1)
    assert "is there already, and is none that comes again" in said.err
    assert "choose another name" in said.err
