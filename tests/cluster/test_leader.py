"""Two operators on a real API server: one acts, and the other takes over when it is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.chart import NAMESPACE
from tests.cluster.windows import apply_window, get_window, wait_for_condition
from tests.controlplane.install import LEADER, start_operator
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

PAST = "2026-01-01T00:00:00Z"
LATE = timedelta(seconds=5)
"""By how much all may be late on a busy machine; a Lease that is not given back lasts 12 s."""
WORK = "fastapi_maintenance_reconcile_duration_seconds_count"


@pytest.fixture
def standby(cluster: Cluster, operator: Operator) -> Iterator[Operator]:
    """A second operator; the first one leads, and leads again afterwards."""
    second = start_operator(cluster, name="standby")
    yield second
    if second.running:
        second.resume()
        second.stop()


def lease(kubectl: Kubectl) -> dict[str, Any]:
    """The Lease's spec."""
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
    found = kubectl.request("GET", f"{leases}/fastapi-maintenance-operator")
    spec: dict[str, Any] = found["spec"]
    return spec


def acquired(kubectl: Kubectl) -> datetime:
    """When who holds the Lease has taken it, by its own word: all on one machine's clock."""
    return datetime.fromisoformat(lease(kubectl)["acquireTime"])


def test_22_two_operators_at_once_never_flap(
    kubectl: Kubectl, namespace: str, operator: Operator, standby: Operator
) -> None:
    """The standby is ready, looks at nothing, and never takes the Lease from a living leader."""
    before = lease(kubectl)
    for number in range(5):
        apply_window(kubectl, f"upgrade-{number}", namespace, start=PAST)
        wait_for_condition(kubectl, f"upgrade-{number}", namespace, "Active")
    renewed = lease(kubectl)["renewTime"]
    wait_for(lambda: lease(kubectl)["renewTime"] > renewed, what="the Lease to be renewed")
    assert lease(kubectl)["holderIdentity"] == before["holderIdentity"]
    assert lease(kubectl)["leaseTransitions"] == before["leaseTransitions"]
    assert (operator.metric(LEADER), standby.metric(LEADER)) == (1, 0)
    assert operator.metric(WORK) >= 5
    assert standby.metric(WORK) == 0
    assert standby.answers("/readyz")
    assert standby.answers("/healthz")


def test_a_standby_takes_over_within_fifteen_seconds_of_the_leaders_death(
    kubectl: Kubectl, namespace: str, operator: Operator, standby: Operator
) -> None:
    """A window that is applied meanwhile is taken up by then."""
    operator.kill()
    died = datetime.now(UTC)
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Active")
    assert acquired(kubectl) - died <= timedelta(seconds=15) + LATE
    assert standby.metric(LEADER) == 1


def test_a_leader_that_stops_hands_over_at_once(
    kubectl: Kubectl, namespace: str, operator: Operator, standby: Operator
) -> None:
    """It gives the Lease back: nobody waits for its end."""
    leader = lease(kubectl)["holderIdentity"]
    assert operator.stop() == 0
    assert lease(kubectl)["holderIdentity"] != leader
    stopped = datetime.now(UTC)
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Active")
    assert acquired(kubectl) - stopped <= timedelta(seconds=2) + LATE
    assert standby.metric(LEADER) == 1


def test_a_leader_that_was_frozen_does_no_harm_when_it_wakes(
    kubectl: Kubectl, namespace: str, operator: Operator, standby: Operator
) -> None:
    """It finds that it leads no longer, and what the new leader wrote stays as it was written."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Active")
    seen = len(operator.output())
    operator.pause()
    wait_for(lambda: standby.metric(LEADER) == 1, what="the standby to lead")
    kubectl("patch", "mw", "upgrade", "-n", namespace, "--type=merge", "-p", SUSPENDED)
    wait_for_condition(kubectl, "upgrade", namespace, "Active=false")
    written = get_window(kubectl, "upgrade", namespace)
    operator.resume()
    wait_for(
        lambda: "leading no longer" in operator.output()[seen:], what="the old leader to notice"
    )
    wait_for(lambda: operator.answers("/readyz"), what="the old leader to stand by")
    assert operator.metric(LEADER) == 0
    assert get_window(kubectl, "upgrade", namespace) == written


SUSPENDED = '{"spec": {"suspend": true}}'
