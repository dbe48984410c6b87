"""What goes wrong around the operator: bad objects, an API server that is away, upgrades, ends."""

from __future__ import annotations

import itertools
import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart import ROOT
from tests.cluster import lenient
from tests.cluster.test_operator import PAST, plan, settle
from tests.cluster.test_operator_times import await_reason, edit
from tests.cluster.windows import (
    apply_window,
    condition,
    get_window,
    in_seconds,
    manifest,
    reasons,
    wait_for_condition,
)
from tests.controlplane.kubectl import find_kubectl
from tests.leash import Leashed
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.cluster import ControlPlane
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

AWAY = timedelta(seconds=float(os.environ.get("AWAY", "5")))
"""How long the API server is away; AWAY=300 for the five minutes that an upgrade may take."""
NEWER = ("overrides", "exclusions", "endedAt", "match", "allow", "announceBefore")
"""Fields that an older CRD might not have had."""
AGAIN = {"schedule": "0 2 * * 6", "duration": "1h", "timeZone": "Etc/UTC"}


def entries(kubectl: Kubectl, name: str, namespace: str) -> list[dict[str, Any]]:
    """Who owns which of its fields."""
    command = ("get", "mw", name, "-n", namespace, "-o", "json", "--show-managed-fields")
    found: list[dict[str, Any]] = json.loads(kubectl(*command).stdout)["metadata"]["managedFields"]
    return found


def test_02_the_status_is_applied_through_its_subresource(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """By a field manager that owns the status and nothing else."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Active")
    managers = entries(kubectl, "upgrade", namespace)
    (ours,) = [entry for entry in managers if "operator" in entry["manager"]]
    assert (ours["manager"], ours["operation"], ours["subresource"]) == (
        "fastapi-maintenance-operator", "Apply", "status",
    )  # fmt: skip
    assert ours["fieldsV1"].keys() == {"f:status"}


def make_bad(kubectl: Kubectl, namespace: str, windows: dict[str, dict[str, Any]]) -> None:
    """Store windows that the rules of our CRD would refuse, and have the operator look at them."""
    crd = lenient.crd()
    with lenient.installed(kubectl, lenient.without_rules(crd)):
        for name, spec in windows.items():
            item = json.dumps(manifest(name, namespace, **spec))

            def stored(item: str = item) -> bool:
                """The API server takes a new schema a moment after it has told so."""
                return not kubectl("apply", "-f", "-", input=item, check=False).returncode

            wait_for(stored, what=f"{name} to be stored")
        # Under the rules the API server takes no first status of such a window.
        for name in windows:
            wait_for_condition(kubectl, name, namespace, "Stalled")


def test_05_a_bad_schedule_or_zone_is_said_once(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """A condition and one Event each, also after a restart; then nothing more is written."""
    schedule, zone = {**AGAIN, "schedule": "61 2 * * *"}, {**AGAIN, "timeZone": "Mars/Base"}
    make_bad(kubectl, namespace, {"schedule": schedule, "zone": zone})
    for name, said in (("schedule", "61"), ("zone", "Mars/Base")):
        wait_for_condition(kubectl, name, namespace, "Stalled")
        assert said in condition(get_window(kubectl, name, namespace), "Ready")["message"]
    before = [get_window(kubectl, name, namespace) for name in ("schedule", "zone")]
    operator.restart()
    settle(kubectl, namespace)
    assert [get_window(kubectl, name, namespace) for name in ("schedule", "zone")] == before
    assert reasons(kubectl, namespace) == ["WindowInvalid", "WindowInvalid"]


def test_06_a_valid_edit_recovers(kubectl: Kubectl, namespace: str, operator: Operator) -> None:
    make_bad(kubectl, namespace, {"zone": {**AGAIN, "timeZone": "Mars/Base"}})
    wait_for_condition(kubectl, "zone", namespace, "Stalled")
    edit(kubectl, "zone", namespace, timeZone="Europe/Berlin")
    wait_for_condition(kubectl, "zone", namespace, "Ready")
    assert condition(get_window(kubectl, "zone", namespace), "Stalled")["status"] == "False"
    assert [window["name"] for window in plan(kubectl, namespace)] == ["zone"]


def test_23_the_end_on_sigterm_is_clean(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """Also in the midst of work: exit code 0, no traceback, and the next one finishes it."""
    seen = len(operator.output())
    stream = "\n---\n".join(
        json.dumps(manifest(f"w{number}", namespace, start=PAST)) for number in range(20)
    )
    kubectl("apply", "-f", "-", input=stream)
    assert operator.stop() == 0
    assert "Traceback" not in operator.output()[seen:]
    operator.start()
    for number in range(20):
        wait_for_condition(kubectl, f"w{number}", namespace, "Active")
    assert reasons(kubectl, namespace) == ["WindowOpened"] * 20


def test_26_stored_objects_survive_an_upgrade_of_the_crds(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """From one without newer fields: nothing is lost, and the new fields can be used."""
    older = lenient.without_rules(lenient.crd())
    for name in NEWER:
        del lenient.spec_of(older)["properties"][name]
    with lenient.installed(kubectl, older):
        apply_window(kubectl, "upgrade", namespace, start=PAST)
        wait_for_condition(kubectl, "upgrade", namespace, "Active")
        before = get_window(kubectl, "upgrade", namespace)
    assert get_window(kubectl, "upgrade", namespace) == before

    tries = itertools.count(1)

    def ended() -> bool:
        """Edits anew: one that comes in the midst is shown to watches by the older schema."""
        edit(kubectl, "upgrade", namespace, endedAt=f"2026-01-01T00:00:{next(tries):02}Z")
        window = get_window(kubectl, "upgrade", namespace)
        return condition(window, "Active").get("reason") == "Finished"

    wait_for(ended, 50, "the new field to count", interval=1)


def test_27_the_crds_apply_on_the_server_at_hand(kubectl: Kubectl) -> None:
    """Whichever is tested on; with KUBEBUILDER_ASSETS of 1.33, the oldest that is supported."""
    version = json.loads(kubectl("version", "-o", "json").stdout)["serverVersion"]
    assert (int(version["major"]), int(version["minor"].rstrip("+"))) >= (1, 33)
    crds = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    assert len(crds) == 3
    dry = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
    applied = kubectl(*dry, input=yaml.safe_dump_all(crds))
    assert applied.stderr == ""


class Watching:
    """What a watch tells of a window, as resource versions; it has begun when that is entered."""

    def __init__(self, kubectl: Kubectl, name: str, namespace: str, log: Path) -> None:
        form = "jsonpath={.metadata.resourceVersion}{'\\n'}"
        command = [find_kubectl(), "get", "mw", name, "-n", namespace, "--watch", "-o", form]
        self._process = Leashed(command, log=log, env=kubectl._environment())
        self._process.wait_for(self._process.output, what="a first version")

    def until(self, version: str) -> list[str]:
        """All that it has told, once it has told this."""
        self._process.wait_for(lambda: version in self._told(), what=f"version {version}")
        return self._told()

    def _told(self) -> list[str]:
        return self._process.output().split()

    def end(self) -> None:
        self._process.stop()


def test_28_a_window_costs_two_writes_an_occurrence(
    kubectl: Kubectl, namespace: str, operator: Operator, tmp_path: Path
) -> None:
    """Its opening and its close, an Event each, and no new plan; so two a day for a nightly one."""
    start = in_seconds(12)
    apply_window(kubectl, "upgrade", namespace, start=start, duration="2s")
    wait_for_condition(kubectl, "upgrade", namespace, "Ready")
    get_plan = ("get", "configmap", "fastapi-maintenance-plan", "-n", namespace, "-o", "json")
    before = json.loads(kubectl(*get_plan).stdout)
    first = get_window(kubectl, "upgrade", namespace)["metadata"]["resourceVersion"]
    watching = Watching(kubectl, "upgrade", namespace, tmp_path / "watch.log")
    try:
        await_reason(kubectl, "upgrade", namespace, "Finished")
        settle(kubectl, namespace)
        last = get_window(kubectl, "upgrade", namespace)["metadata"]["resourceVersion"]
        told = watching.until(last)
    finally:
        watching.end()
    assert (told[0], told[-1], len(told)) == (first, last, 3)
    assert reasons(kubectl, namespace) == ["WindowClosed", "WindowOpened"]
    # Without the window that was settled by, whose deletion may still be under way.
    wait_for(lambda: json.loads(kubectl(*get_plan).stdout)["data"] == before["data"])


@pytest.mark.owns_control_plane
@pytest.mark.timeout(600)
def test_19_a_deletion_missed_during_a_410_is_repaired(
    kubectl: Kubectl, namespace: str, operator: Operator, control_plane: ControlPlane
) -> None:
    """A server that has started anew knows no old version: the watch begins anew with a list."""
    apply_window(kubectl, "gone", namespace, start=PAST)
    apply_window(kubectl, "stays", namespace, start=PAST)
    for name in ("gone", "stays"):
        wait_for_condition(kubectl, name, namespace, "Ready")
    operator.pause()
    kubectl("delete", "mw", "gone", "-n", namespace)
    control_plane.apiserver.restart()
    for number in range(3):
        apply_window(kubectl, f"later{number}", namespace, start=PAST)
    operator.resume()
    wait_for(
        lambda: "gone" not in [window["name"] for window in plan(kubectl, namespace)],
        120,
        "the deletion to be seen",
    )
    wait_for_condition(kubectl, "later2", namespace, "Ready")


@pytest.mark.owns_control_plane
@pytest.mark.timeout(900)
def test_24_an_api_server_that_was_away_is_caught_up_with(
    kubectl: Kubectl, namespace: str, operator: Operator, control_plane: ControlPlane
) -> None:
    """A start that came meanwhile is told late, an end that came meanwhile too; it lives on."""
    pid = operator.pid
    opens, closes = in_seconds(15), in_seconds(16)
    apply_window(kubectl, "opens", namespace, start=opens)
    apply_window(kubectl, "closes", namespace, start=PAST, end=closes)
    await_reason(kubectl, "opens", namespace, "Scheduled")
    await_reason(kubectl, "closes", namespace, "Open")
    control_plane.apiserver.kill()
    back = max(datetime.now(UTC) + AWAY, closes)
    wait_for(lambda: datetime.now(UTC) > back, AWAY.total_seconds() + 60, "the time to pass")
    control_plane.apiserver.start()
    await_reason(kubectl, "opens", namespace, "Open")
    await_reason(kubectl, "closes", namespace, "Finished")
    assert operator.running
    assert operator.pid == pid
    assert reasons(kubectl, namespace) == ["WindowClosed", "WindowOpened", "WindowOpened"]
