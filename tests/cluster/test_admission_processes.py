"""No Pod speaks in another's name: the chart's policy on MaintenanceProcesses, by real tokens."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from fastapi_maintenance.backends.kubernetes import K8sBackend, identity
from tests.chart import NAMESPACE
from tests.cluster.pods import InPod, make_pod, of_pod
from tests.controlplane.identity import Identity, make_identity
from tests.controlplane.install import DAY, install
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

ROLE = "fastapi-maintenance-application"
REFUSED = "ValidatingAdmissionPolicy 'fastapi-maintenance-processes'"
OTHERS = "may change and delete only its own MaintenanceProcesses"
ITS_OWN = "may write only what it says of itself"


@dataclass(frozen=True)
class Neighbours:
    """Two Pods of one application, and their account."""

    account: Identity
    one: InPod
    other: InPod


@pytest.fixture(scope="module")
def both(cluster: Cluster, kubectl: Kubectl) -> Iterator[Neighbours]:
    """Both Pods, in a namespace for all these tests."""
    place = f"t-{secrets.token_hex(4)}"
    kubectl("create", "namespace", place)
    account = make_identity(cluster, "orders", place, cluster_role=ROLE)
    yield Neighbours(account, make_pod(account, "orders-1"), make_pod(account, "orders-2"))
    kubectl("delete", "namespace", place, "--wait=false", "--ignore-not-found")


@pytest.fixture
def pods(both: Neighbours, kubectl: Kubectl) -> Iterator[Neighbours]:
    """Both Pods, while the policy is in force and nothing is registered."""
    forged = of_pod("forged", both.other.name, both.other.uid)
    dry = ("create", "--dry-run=server", "-f", "-")
    wait_for(
        lambda: REFUSED in said_by(both.one, *dry, manifest=forged),
        what="the policy to be in force",
    )
    yield both
    kubectl("-n", both.one.namespace, "delete", "mp", "--all")


def said_by(pod: InPod, *arguments: str, manifest: str | None = None) -> str:
    """What the API server refuses the Pod with; empty where it does as asked."""
    return pod.kubectl(*arguments, input=manifest, check=False).stderr


def test_a_pod_makes_changes_and_deletes_what_it_says_of_itself(pods: Neighbours) -> None:
    """As the application's role permits."""
    pods.one.kubectl("create", "-f", "-", input=of_pod("mine", pods.one.name, pods.one.uid))
    pods.one.kubectl("patch", "mp", "mine", "--type=merge", '-p={"spec":{"stopping":true}}')
    pods.one.kubectl("delete", "mp", "mine")


@pytest.mark.parametrize("whose", ["another's", "another's with my uid", "nobody's"])
def test_a_pod_makes_nothing_in_another_name(pods: Neighbours, whose: str) -> None:
    """Neither of a neighbour, nor of one that does not exist, nor of no Pod at all."""
    uid = pods.one.uid if "my uid" in whose else pods.other.uid
    forged = of_pod("forged", None if whose == "nobody's" else pods.other.name, uid)
    told = said_by(pods.one, "create", "-f", "-", manifest=forged)
    assert REFUSED in told
    assert ITS_OWN in told
    assert f"Pod orders-1 (uid {pods.one.uid})" in told


@pytest.mark.parametrize(
    "verb",
    [
        ("patch", "mp", "theirs", "--type=merge", '-p={"spec":{"stopping":true}}'),
        ("patch", "mp", "theirs", "--type=merge", '-p={"metadata":{"labels":{"a":"b"}}}'),
        ("delete", "mp", "theirs"),
    ],
    ids=["spec", "labels", "delete"],
)
def test_a_pod_leaves_what_its_neighbour_says_as_it_is(
    pods: Neighbours, verb: tuple[str, ...]
) -> None:
    """Deleting it would let a drain be told while the neighbour still works."""
    theirs = of_pod("theirs", pods.other.name, pods.other.uid)
    pods.other.kubectl("create", "-f", "-", input=theirs)
    assert REFUSED in said_by(pods.one, *verb)
    pods.other.kubectl(*verb)


def test_a_refused_deletion_says_who_may(pods: Neighbours) -> None:
    """The operator, or a person by the command line."""
    theirs = of_pod("theirs", pods.other.name, pods.other.uid)
    pods.other.kubectl("create", "-f", "-", input=theirs)
    told = said_by(pods.one, "delete", "mp", "theirs")
    assert OTHERS in told
    assert "fastapi-maintenance processes --remove" in told


def test_people_delete_what_rbac_lets_them(pods: Neighbours, kubectl: Kubectl) -> None:
    """The one who vouches for the death of a process has no Pod to show."""
    pods.one.kubectl("create", "-f", "-", input=of_pod("mine", pods.one.name, pods.one.uid))
    kubectl("-n", pods.one.namespace, "delete", "mp", "mine")


def test_a_token_that_is_bound_to_no_pod_is_a_matter_of_rbac_alone(pods: Neighbours) -> None:
    """As the chart's README says: made by hand, it can't show a Pod."""
    item = of_pod("any", pods.one.name, pods.one.uid)
    pods.account.kubectl("create", "-f", "-", input=item)
    pods.account.kubectl("delete", "mp", "any")


@pytest.fixture
def in_system(cluster: Cluster, kubectl: Kubectl) -> Iterator[list[str]]:
    """Pods of the operator's namespace, by name: removed afterwards."""
    made: list[str] = []
    yield made
    kubectl("-n", NAMESPACE, "delete", "pod", "--grace-period=0", "--force", *made)


def bind_role(kubectl: Kubectl, who: Identity, namespace: str) -> None:
    """Give an account of another namespace the application's role in this one."""
    account = f"--serviceaccount={who.namespace}:{who.name}"
    kubectl(*("create", "rolebinding", who.name, "-n", namespace), f"--clusterrole={ROLE}", account)


def test_the_operators_pod_deletes_what_it_proved_ended_and_writes_nothing(
    pods: Neighbours, cluster: Cluster, kubectl: Kubectl, in_system: list[str]
) -> None:
    """Its user is known; RBAC lets it write no process, and if it did, the policy would not."""
    # It is the account of the operator of the test run too, whose token this renews.
    name = "fastapi-maintenance-operator"
    account = make_identity(cluster, name, NAMESPACE, expiration_seconds=DAY)
    in_system.append("trial-operator")
    operator, namespace = make_pod(account, "trial-operator"), pods.one.namespace
    pods.one.kubectl("create", "-f", "-", input=of_pod("mine", pods.one.name, pods.one.uid))
    operator.kubectl("-n", namespace, "delete", "mp", "mine")
    bind_role(kubectl, account, namespace)
    forged = of_pod("forged", pods.one.name, pods.one.uid)
    create = ("-n", namespace, "create", "-f", "-")
    wait_for(
        lambda: REFUSED in said_by(operator, *create, manifest=forged),
        what="the policy's answer instead of RBAC's",
    )


def test_another_pod_beside_the_operator_is_held_to_the_policy(
    pods: Neighbours, cluster: Cluster, kubectl: Kubectl, in_system: list[str]
) -> None:
    """The exemption is the operator's user's, not its namespace's."""
    account = make_identity(cluster, "trial-other", NAMESPACE)
    in_system.append("trial-other")
    other = make_pod(account, "trial-other")
    bind_role(kubectl, account, pods.one.namespace)
    pods.one.kubectl("create", "-f", "-", input=of_pod("mine", pods.one.name, pods.one.uid))
    delete = ("-n", pods.one.namespace, "delete", "mp", "mine")
    wait_for(lambda: REFUSED in said_by(other, *delete), what="the policy's refusal")
    kubectl("-n", NAMESPACE, "delete", "serviceaccount", "trial-other")


def test_a_user_can_be_exempt_by_a_value(
    pods: Neighbours, cluster: Cluster, kubectl: Kubectl
) -> None:
    """Such as the Pod that restores a backup."""
    forged = of_pod("restored", pods.other.name, pods.other.uid)
    values = {"admission": {"processes": {"exempt": ["it's me", pods.account.user]}}}
    install(cluster, values)
    try:
        wait_for(
            lambda: said_by(pods.one, "create", "-f", "-", manifest=forged) == "",
            what="the exemption to be in force",
        )
    finally:
        install(cluster)


@pytest.fixture
def backend(
    pods: Neighbours, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> Iterator[K8sBackend]:
    """A process of the one Pod, not started yet, without any configuration."""
    server = urlsplit(cluster.endpoint["server"])
    monkeypatch.setattr(identity, "MOUNT", pods.one.mount)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(server.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    for name in ("POD_NAME", "POD_UID", "CONTAINER_NAME"):
        monkeypatch.delenv(name, raising=False)
    made = K8sBackend(app="orders")
    yield made
    made.close()


def test_a_process_in_a_pod_registers_by_what_its_token_says(
    pods: Neighbours, backend: K8sBackend
) -> None:
    """It names the Pod that the policy expects."""
    backend.start()
    (item,) = wait_for(lambda: processes(pods.one), what="it to be registered")
    assert item["spec"]["pod"] == {"name": pods.one.name, "uid": pods.one.uid}


def test_a_process_that_is_told_a_wrong_name_says_what_the_policy_says(
    pods: Neighbours,
    backend: K8sBackend,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No role would mend that, so none is proposed."""
    monkeypatch.setenv("POD_NAME", pods.other.name)
    backend.start()
    wait_for(lambda: ITS_OWN in caplog.text, what="the refusal to be logged")
    assert "put its own name and uid into spec.pod" in caplog.text
    assert "create rolebinding" not in caplog.text
    health = backend.health()
    assert health is not None
    assert ITS_OWN in str(health.unreported)


def processes(pod: InPod) -> list[dict[str, Any]]:
    """All that is registered in the Pod's namespace."""
    found = json.loads(pod.kubectl("get", "mp", "-o", "json").stdout)
    return list(found["items"])


def test_a_namespace_goes_with_all_that_its_pods_have_said(
    pods: Neighbours, kubectl: Kubectl
) -> None:
    """The controllers that delete it are no Pods."""
    pods.one.kubectl("create", "-f", "-", input=of_pod("mine", pods.one.name, pods.one.uid))
    where = ("-n", pods.one.namespace)
    # No kubelet ends them.
    kubectl(*where, "delete", "pod", "--all", "--grace-period=0", "--force")
    kubectl("delete", "namespace", pods.one.namespace, "--timeout=120s")
