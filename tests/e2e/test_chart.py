"""The chart where Pods run: its own test, its policy by tokens that a kubelet mounted, replicas."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fastapi_maintenance.backends.kubernetes import process
from tests.chart import CHART, NAMESPACE, RELEASE
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.kubectl import Kubectl
    from tests.e2e.helm import Helm
    from tests.e2e.shop import Shop

API = "/apis/fastapi-maintenance.io/v1alpha1/namespaces"
ASK = """
import http.client, os, ssl, sys
mount = "/var/run/secrets/kubernetes.io/serviceaccount"
host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
tls = ssl.create_default_context(cafile=f"{mount}/ca.crt")
server = http.client.HTTPSConnection(host, int(port), context=tls)
verb, path, body = sys.argv[1:]
token = open(f"{mount}/token").read()
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
server.request(verb, path, body, headers)
print(server.getresponse().read().decode())
"""
"""A request to the API server, by the token of the Pod in which this runs."""


@pytest.fixture
def restricted(kubectl: Kubectl, installed: Helm) -> Iterator[Helm]:
    """The release, in a namespace that enforces Pod Security `restricted`."""
    label = "pod-security.kubernetes.io/enforce"
    kubectl("label", "namespace", NAMESPACE, f"{label}=restricted", "--overwrite")
    yield installed
    kubectl("label", "namespace", NAMESPACE, f"{label}-")


def test_helm_test_passes_and_leaves_nothing(restricted: Helm, kubectl: Kubectl) -> None:
    """Its Pod runs where Pods are restricted; Pod, account, rights and window are gone."""
    restricted.test(RELEASE)
    kinds = "pods,serviceaccounts,roles,rolebindings,maintenancewindows"
    left = kubectl("-n", NAMESPACE, "get", kinds, "-o", "name").stdout.split()
    assert [name for name in left if name.endswith("-test")] == []


def test_a_standby_comes_and_goes_with_a_value(
    restricted: Helm, kubectl: Kubectl, values: dict[str, object]
) -> None:
    """Two Pods that are restricted, one leader, and a budget that keeps one of them."""
    restricted.upgrade(CHART, RELEASE, {**values, "replicas": 2})
    try:
        ready = "jsonpath={.items[0].status.readyReplicas}"
        where = ("-n", NAMESPACE, "-l", "app.kubernetes.io/component=operator")
        assert kubectl("get", "deployment", *where, "-o", ready).stdout == "2"
        wait_for(
            lambda: kubectl("get", "pdb", *where, "-o", BUDGET).stdout == "1",
            what="the budget to count both",
        )
    finally:
        restricted.upgrade(CHART, RELEASE, values)


BUDGET = "jsonpath={.items[0].status.disruptionsAllowed}"


def pods(shop: Shop) -> list[dict[str, Any]]:
    """The Pods of orders, with what a MaintenanceProcess says of one."""
    shown = shop.kubectl("get", "pods", "-l", "app=orders", "-o", "json")
    return [item["metadata"] for item in json.loads(shown)["items"]]


def ask(shop: Shop, pod: str, verb: str, path: str, body: str = "") -> dict[str, Any]:
    """What the API server answers the Pod."""
    words = ("exec", pod, "--", "python", "-c", ASK, verb, path, body)
    answer: dict[str, Any] = json.loads(shop.kubectl(*words))
    return answer


def test_a_pod_can_neither_forge_nor_remove_what_its_neighbour_says(shop: Shop) -> None:
    """By the token that the kubelet gave it; its own it may."""
    one, other = pods(shop)[:2]
    path = f"{API}/{shop.namespace}/maintenanceprocesses"
    items = ask(shop, one["name"], "GET", path)["items"]
    (theirs, *_) = [i for i in items if i["spec"]["pod"]["uid"] == other["uid"]]
    refused = ask(shop, one["name"], "DELETE", f"{path}/{theirs['metadata']['name']}")
    assert "may change and delete only its own MaintenanceProcesses" in refused["message"]
    item = process_of(other)
    refused = ask(shop, one["name"], "POST", path, json.dumps(item))
    assert "may write only what it says of itself" in refused["message"]
    made = ask(shop, one["name"], "POST", path, json.dumps(process_of(one)))
    assert made["metadata"]["name"] == "trial"
    assert ask(shop, one["name"], "DELETE", f"{path}/trial")["status"] == "Success"


def process_of(pod: dict[str, Any], app: str = "orders") -> dict[str, Any]:
    """An object that speaks for a process of that Pod, heard of long ago."""
    who = process.Self(app, process.Pod(pod["name"], pod["uid"], None))
    heard = datetime.now(UTC) - timedelta(hours=1)
    return process.new_object("trial", who, process.Report(()), heard)


def test_the_operators_pod_removes_what_a_dead_pod_has_left(shop: Shop, kubectl: Kubectl) -> None:
    """The policy, by which no Pod removes another's, lets this one; while a window waits for it."""
    pod = {"name": "no-such-pod", "uid": "0c0ffee0-0000-4000-8000-000000000000"}
    gone = process_of(pod, app="closed")
    kubectl("-n", shop.namespace, "create", "-f", "-", input=json.dumps(gone))
    shop.apply("trial", "closed")
    try:
        shop.kubectl("wait", "--for=delete", "mp/trial", "--timeout=120s")
    finally:
        shop.delete("trial")
