"""What the operator serves and logs while it works on a real API server."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.windows import apply_window, in_seconds, wait_for_condition
from tests.controlplane.install import start_operator
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.cluster import ControlPlane
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

PAST = "2026-01-01T00:00:00Z"


def of_window(operator: Operator, namespace: str, name: str) -> dict[str, float]:
    """The samples of one window, under their names without the prefix."""
    families = text_string_to_metric_families(operator.get("/metrics")[1])
    wanted = {"namespace": namespace, "window": name}
    return {
        sample.name.removeprefix("fastapi_maintenance_window_"): sample.value
        for family in families
        for sample in family.samples
        if wanted.items() <= sample.labels.items()
    }


def test_metrics_follow_a_window_from_its_plan_to_its_deletion(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """Active, since when, until when, when next, for whom; and nothing of a window that is gone."""
    start, end = in_seconds(3600), in_seconds(7200)
    apply_window(kubectl, "upgrade", namespace, start=start, end=end)
    wait_for_condition(kubectl, "upgrade", namespace, "Ready")
    coming = {"active": 0, "next_start_timestamp_seconds": start.timestamp()}
    wait_for(lambda: of_window(operator, namespace, "upgrade") == coming, what=str(coming))
    apply_window(kubectl, "upgrade", namespace, start=PAST, end=end)
    open_now = {
        "active": 1,
        "active_since_timestamp_seconds": 1767225600,
        "end_timestamp_seconds": end.timestamp(),
        "processes": 0,
    }
    wait_for(lambda: of_window(operator, namespace, "upgrade") == open_now, what=str(open_now))
    kubectl("delete", "mw", "upgrade", "-n", namespace)
    wait_for(lambda: of_window(operator, namespace, "upgrade") == {}, what="no sample")


def test_metrics_tell_of_the_operators_own_work(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """That it leads, hears the API server, and works without errors."""
    before = time.time()
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Ready")
    wait_for(
        lambda: operator.metric("fastapi_maintenance_last_watch_event_timestamp_seconds") > before,
        what="the watch to be heard",
    )
    assert operator.metric("fastapi_maintenance_operator_leader") == 1
    assert operator.metric("fastapi_maintenance_reconcile_duration_seconds_count") >= 1


def test_each_line_of_the_log_is_a_json_object(
    cluster: Cluster, kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """With the standard fields, whichever part of the operator wrote it."""
    operator.stop()
    logging = start_operator(cluster, "--log-format=json", "--log-level=DEBUG", name=namespace)
    try:
        apply_window(kubectl, "upgrade", namespace, start=PAST)
        wait_for_condition(kubectl, "upgrade", namespace, "Active")
    finally:
        logging.stop()
    lines = [json.loads(line) for line in logging.output().splitlines()]
    assert all(line.keys() >= {"time", "level", "logger", "message"} for line in lines)
    assert {"kopf", "fastapi_maintenance_operator"} <= {x["logger"].split(".")[0] for x in lines}


PATIENCE = 5.0
"""Seconds for what is promised within two: a slow machine makes a test slower, not red.

What has an end of its own besides takes longer: two requests about the Lease six seconds, one that
asks for a list half a minute.
"""


def timed_stop(operator: Operator) -> tuple[int, float]:
    """The exit code of a SIGTERM, and the seconds until then."""
    began = time.monotonic()
    code = operator.stop()
    return code, time.monotonic() - began


@pytest.mark.parametrize("role", ["leader", "standby"])
def test_it_ends_within_two_seconds_of_a_sigterm(
    cluster: Cluster, operator: Operator, role: str
) -> None:
    """With exit code 0, whether it leads or stands by."""
    subject = operator if role == "leader" else start_operator(cluster, name="standby")
    code, seconds = timed_stop(subject)
    assert code == 0
    assert seconds < PATIENCE


@pytest.mark.owns_control_plane
def test_it_ends_within_two_seconds_when_the_api_server_does_not_answer(
    control_plane: ControlPlane, operator: Operator
) -> None:
    """A Lease that can't be given back ends by itself."""
    control_plane.apiserver.pause()
    code, seconds = timed_stop(operator)
    assert code == 0
    assert seconds < PATIENCE
