"""`Enforced` and `Drained` on a real API server: from what processes say to what is waited for."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes_asyncio import client, config

from fastapi_maintenance.backends.kubernetes.process import Pod
from fastapi_maintenance.proof.processes import read_process
from fastapi_maintenance_operator.api import ClusterApi
from fastapi_maintenance_operator.reconcile import read
from tests.cluster.proving import acknowledgement, puppets
from tests.cluster.reporting import Exports, Processes
from tests.cluster.test_processes import Export
from tests.cluster.windows import (
    apply_window,
    condition,
    get_window,
    in_seconds,
    wait_for_condition,
)
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

PAST = "2026-01-01T00:00:00Z"
ROLE = "fastapi-maintenance-application"

Start = Callable[[], Exports]


@pytest.fixture
def start(service_account: ServiceAccounts, tmp_path: Path) -> Iterator[Start]:
    """Starts the application in a folder of its own each time; in the end all are let go."""
    identity, started = service_account("orders", cluster_role=ROLE), list[Exports]()

    def one() -> Exports:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Exports(identity, folder))
        started[-1].start()
        return started[-1]

    yield one
    for exports in started:
        exports.go_on.touch()
        exports.stop()


def said(kubectl: Kubectl, namespace: str, kind: str = "Drained") -> dict[str, Any]:
    """A condition of the window upgrade."""
    return condition(get_window(kubectl, "upgrade", namespace), kind)


def await_reason(kubectl: Kubectl, namespace: str, reason: str) -> str:
    """Wait until Drained has a reason; gives its message."""

    def found() -> dict[str, Any]:
        condition = said(kubectl, namespace)
        return condition if condition.get("reason") == reason else {}

    return str(wait_for(found, what=reason)["message"])


def test_a_migration_waits_for_the_last_request_from_before(
    start: Start, kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """The one command: kubectl wait. And who holds it back is named meanwhile."""
    exports = start()
    running = Export(exports)
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Enforced")
    message = await_reason(kubectl, namespace, "RequestsRunning")
    assert message.startswith("orders-1: 1 request, POST /export/{number} since ")
    assert exports.export().status_code == 503
    exports.go_on.touch()
    assert running.join() == 200
    wait_for_condition(kubectl, "upgrade", namespace, "Drained")
    assert exports.export().status_code == 503
    status = get_window(kubectl, "upgrade", namespace)["status"]["processes"]
    assert (status["registered"], status["enforcing"], status["draining"]) == (1, 1, 0)
    shown = kubectl("get", "mw", "upgrade", "-n", namespace).stdout.splitlines()
    assert shown[0].split()[-3:-1] == ["ENFORCED", "DRAINED"]
    assert shown[1].split()[-3:-1] == ["True", "True"]


def test_a_rolling_update_and_an_extension_leave_a_proven_drain_standing(
    start: Start, kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """R4, R12: new processes look before they serve; a later end changes nobody's scope."""
    before = start()
    apply_window(kubectl, "upgrade", namespace, start=PAST, end=in_seconds(3600))
    wait_for_condition(kubectl, "upgrade", namespace, "Drained")
    since = said(kubectl, namespace)["lastTransitionTime"]
    after = start()
    assert after.export().status_code == 503
    before.stop()
    apply_window(kubectl, "upgrade", namespace, start=PAST, end=in_seconds(7200))
    wait_for(lambda: said(kubectl, namespace)["observedGeneration"] == 2, what="the extension")
    operator.restart()
    apply_window(kubectl, "upgrade", namespace, start=PAST, end=in_seconds(9000))
    wait_for(lambda: said(kubectl, namespace)["observedGeneration"] == 3, what="the next one")
    assert said(kubectl, namespace)["status"] == "True"
    assert said(kubectl, namespace)["lastTransitionTime"] == since


def test_an_edit_that_widens_the_window_waits_for_all_again(
    start: Start, kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """R4: no True of the new generation before each process has said so of it."""
    start()
    apply_window(kubectl, "upgrade", namespace, start=PAST, mode="ReadOnly")
    wait_for_condition(kubectl, "upgrade", namespace, "Drained")
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    wait_for_condition(kubectl, "upgrade", namespace, "Drained")
    (window,) = Processes(kubectl, namespace).windows()
    assert said(kubectl, namespace)["observedGeneration"] == window["generation"] == 2


def test_where_nobody_reports_the_names_that_are_registered_are_listed(
    start: Start, kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    start()
    apply_window(kubectl, "upgrade", namespace, apps=["order"], start=PAST)
    message = await_reason(kubectl, namespace, "NoProcesses")
    assert message == "No process reports for order (did you mean orders?); registered are: orders"
    assert said(kubectl, namespace)["status"] == "Unknown"


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "orders-9"},
    "spec": {"containers": [{"name": "web", "image": "orders"}]},
}


def test_a_process_whose_pod_is_deleted_is_waited_for_until_the_pod_is_gone(
    cluster: Cluster, kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """R7: also by a foreground deletion, which takes along whatever the Pod owns."""
    held = {**POD, "metadata": {"name": "orders-9", "finalizers": ["example.com/kubelet"]}}
    kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(held))
    shown = kubectl("get", "pod", "orders-9", "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    window = get_window(kubectl, "upgrade", namespace)

    async def speak() -> None:
        async with puppets(cluster.kubeconfig, namespace) as processes:
            await processes.register("mp-9", Pod("orders-9", shown.stdout))
            await processes.register("mp-1", None, acknowledgement(window))

    asyncio.run(speak())
    await_reason(kubectl, namespace, "NotAcknowledged")
    delete = ("delete", "pod", "orders-9", "-n", namespace, "--grace-period=0", "--wait=false")
    kubectl(*delete, "--cascade=foreground")
    processes = Processes(kubectl, namespace)
    assert len(processes.await_count(2)) == 2
    assert said(kubectl, namespace)["status"] != "True"
    kubectl(
        *("patch", "pod", "orders-9", "-n", namespace, "--type=merge"),
        *("-p", '{"metadata": {"finalizers": null}}'),
    )
    wait_for_condition(kubectl, "upgrade", namespace, "Drained")
    (left,) = processes.all()
    assert left["metadata"]["name"] == "mp-1"


def test_a_status_that_arrives_late_never_lands_on_a_window_that_was_created_anew(
    cluster: Cluster, kubectl: Kubectl, namespace: str
) -> None:
    """R6: the same name and generation, and another uid."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    observed = read(get_window(kubectl, "upgrade", namespace))
    kubectl("delete", "mw", "upgrade", "-n", namespace)
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    drained = {
        "type": "Drained",
        "status": "True",
        "reason": "AllDrained",
        "message": "",
        "lastTransitionTime": PAST,
    }

    async def write_late() -> int:
        async with await config.new_client_from_config(str(cluster.kubeconfig)) as api_client:
            with pytest.raises(client.ApiException) as raised:
                await ClusterApi(api_client).apply_status(
                    observed, {"conditions": [drained]}, lambda: None
                )
        return int(raised.value.status)

    assert asyncio.run(write_late()) == 409
    assert said(kubectl, namespace).get("status") != "True"


THOUSAND = [f"mp-{number}" for number in range(1000)]


async def speak(kubeconfig: Path, window: dict[str, Any], *, register: bool) -> tuple[float, float]:
    """They report as processes do, a hundred a second.

    Gives seconds: from the last until Drained, and of a look at all of them here and now.
    """
    async with puppets(kubeconfig, window["metadata"]["namespace"]) as processes:
        if register:
            await processes.all(THOUSAND, "register")
        for some in (THOUSAND[i : i + 10] for i in range(0, 1000, 10)):
            began = time.perf_counter()
            await processes.all(some, "say", acknowledgement(window))
            await asyncio.sleep(began + 0.1 - time.perf_counter())
        last, name = time.perf_counter(), window["metadata"]["name"]
        while condition(await processes.window(name), "Drained").get("status") != "True":
            assert time.perf_counter() < last + 60
            await asyncio.sleep(0.02)
        drained = time.perf_counter()
        looked = [read_process(item) for item in await processes.list()]
        assert len(looked) == len(THOUSAND)
        return drained - last, time.perf_counter() - drained


def test_of_a_thousand_processes_the_last_moves_the_condition_within_a_second(
    cluster: Cluster, kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """The operator keeps up with them.

    Who shares the machine may delay it, but not each time; and by no more than a few looks.
    """
    for number in range(3):
        apply_window(kubectl, f"upgrade-{number}", namespace, start=PAST)
        window = get_window(kubectl, f"upgrade-{number}", namespace)
        elapsed, look = asyncio.run(speak(cluster.kubeconfig, window, register=number == 0))
        print(f"Drained {elapsed:.2f} s after the last report of 1,000; a look takes {look:.2f} s")
        if elapsed < (limit := max(1.0, 5 * look)):
            break
    assert elapsed < limit
    window = get_window(kubectl, f"upgrade-{number}", namespace)
    assert window["status"]["processes"]["enforcing"] == 1000
