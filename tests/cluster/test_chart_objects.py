"""What an API server says of the chart: its objects, its Pod, and the rights that it gives."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart import NAMESPACE, only, render
from tests.chart import pod as pod_of
from tests.cluster.rights import verbs_of
from tests.controlplane.install import await_served
from tests.snapshots import FOLDER, NAMES
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.identity import Identity, ServiceAccounts
    from tests.controlplane.kubectl import Kubectl

API = "fastapi-maintenance.io"
REFUSED = 'violates PodSecurity "restricted'
OPERATOR = f"system:serviceaccount:{NAMESPACE}:fastapi-maintenance-operator"
WINDOW = {
    "apiVersion": "fastapi-maintenance.io/v1alpha1",
    "kind": "MaintenanceWindow",
    "metadata": {"name": "move"},
    "spec": {"apps": ["orders"], "start": "2026-06-01T22:00:00Z"},
}


@pytest.fixture
def restricted(kubectl: Kubectl, namespace: str) -> str:
    """A namespace that enforces Pod Security `restricted`, and warns of what makes such Pods."""
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    kubectl("label", "namespace", namespace, *levels)
    # Admission knows a namespace by a watch.
    unfit = ("run", "unfit", "--image=none", "--dry-run=server", "-n", namespace)
    wait_for(lambda: REFUSED in kubectl(*unfit, check=False).stderr, what="the level in force")
    return namespace


@pytest.fixture
def pod(kubectl: Kubectl, restricted: str) -> dict[str, Any]:
    """The Pod that the chart's Deployment would make there."""
    objects = render(namespace=restricted)
    account = json.dumps(only(objects, "ServiceAccount"))
    kubectl("-n", restricted, "apply", "-f", "-", input=account)
    template = copy.deepcopy(pod_of(objects))
    template["metadata"]["name"] = "operator"
    return {"apiVersion": "v1", "kind": "Pod", **template}


@pytest.fixture(scope="module")
def monitored(kubectl: Kubectl) -> Iterator[None]:
    """What of the Prometheus operator's API the chart uses: kinds and fields of the same names."""
    crds = Path(__file__).with_name("monitoring.yaml").read_text()
    kubectl("apply", "--server-side", "-f", "-", input=crds)
    names = [f"{plural}.monitoring.coreos.com" for plural in ("servicemonitors", "prometheusrules")]
    await_served(kubectl, names, "v1")
    yield
    kubectl("delete", "-f", "-", input=crds)


@pytest.mark.parametrize("name", NAMES)
def test_every_object_is_accepted_without_a_warning(
    kubectl: Kubectl, restricted: str, name: str, monitored: None
) -> None:
    """All of a release, in restricted namespaces, as a server's dry run; fields checked."""
    values = yaml.safe_load((FOLDER / f"{name}.values.yaml").read_text()) or {}
    objects = render(values, namespace=restricted)
    hook = [item for item in objects if item["kind"] == "Pod"]
    stream = yaml.safe_dump_all(moved(item, restricted) for item in objects if item not in hook)
    dry = ("--dry-run=server", "--server-side", "--force-conflicts", "-f", "-")
    assert kubectl("-n", restricted, "apply", *dry, input=stream).stderr == ""


def moved(item: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The object in a namespace that exists; a dry run makes none."""
    if "namespace" in item["metadata"]:
        item["metadata"]["namespace"] = namespace
    return item


def test_the_pod_of_helm_test_is_accepted_where_pods_are_restricted(
    kubectl: Kubectl, restricted: str
) -> None:
    """Beside the operator, in the namespace of the release."""
    objects = render(namespace=restricted)
    (pod,) = [item for item in objects if item["kind"] == "Pod"]
    name = pod["spec"]["serviceAccountName"]
    kubectl("-n", restricted, "create", "serviceaccount", name)
    kubectl("-n", restricted, "create", "--dry-run=server", "-f", "-", input=json.dumps(pod))


def test_the_operators_pod_is_accepted_where_pods_are_restricted(
    kubectl: Kubectl, restricted: str, pod: dict[str, Any]
) -> None:
    """Enforcement acts on Pods; of Deployments it only warns."""
    kubectl("-n", restricted, "create", "--dry-run=server", "-f", "-", input=json.dumps(pod))


@pytest.mark.parametrize("level", ["Pod", "container"])
def test_without_its_security_context_the_same_pod_is_refused(
    kubectl: Kubectl, restricted: str, pod: dict[str, Any], level: str
) -> None:
    """So the namespace enforces, and both halves of the context are needed."""
    del (pod["spec"] if level == "Pod" else pod["spec"]["containers"][0])["securityContext"]
    dry = ("create", "--dry-run=server", "-f", "-")
    tried = kubectl("-n", restricted, *dry, input=json.dumps(pod), check=False)
    assert REFUSED in tried.stderr


@pytest.fixture
def application(service_account: ServiceAccounts) -> Identity:
    """The ServiceAccount of an application, with the role that the chart has for it."""
    return service_account("orders", cluster_role="fastapi-maintenance-application")


def test_an_application_may_read_windows_and_two_configmaps_and_report(
    kubectl: Kubectl, application: Identity
) -> None:
    """Nothing else, and nothing in another namespace."""
    rights = {
        (API, "maintenancewindows", ""): "get list watch",
        (API, "maintenancewindows/status", ""): "",
        (API, "maintenanceprocesses", ""): "get list create patch delete",
        ("", "configmaps", "fastapi-maintenance"): "get list watch",
        ("", "configmaps", "fastapi-maintenance-plan"): "get list watch",
        ("", "configmaps", "other"): "",
        ("", "configmaps", ""): "",
        ("", "secrets", ""): "",
        ("", "pods", ""): "",
    }
    assert verbs_of(kubectl, application.user, application.namespace, rights) == rights
    assert verbs_of(kubectl, application.user, "default", rights) == dict.fromkeys(rights, "")


@pytest.mark.parametrize("name", ["fastapi-maintenance", "fastapi-maintenance-plan"])
def test_an_application_lists_a_configmap_by_its_name(application: Identity, name: str) -> None:
    """A field selector makes a list of one, which RBAC allows; a list of all it does not."""
    application.kubectl("get", "configmaps", f"--field-selector=metadata.name={name}")
    everything = application.kubectl("get", "configmaps", check=False)
    assert "cannot list resource" in everything.stderr


def test_the_operator_makes_and_changes_its_plan(kubectl: Kubectl, namespace: str) -> None:
    """Server-side apply creates an object under the rights for its name alone."""
    apply = ("apply", "--server-side", "--field-manager=trial", "-f", "-", f"--as={OPERATOR}")
    for text in ("first", "second"):
        plan = configmap("fastapi-maintenance-plan", text)
        # With force, since an operator that runs puts right what is not its own.
        kubectl("-n", namespace, *apply, "--force-conflicts", input=plan)
    refused = kubectl("-n", namespace, *apply, input=configmap("other", "x"), check=False)
    assert "forbidden" in refused.stderr


def test_the_operator_lists_the_plans_of_all_namespaces(kubectl: Kubectl) -> None:
    """By their name; all ConfigMaps it may not list."""
    ask = ("get", "configmaps", "--all-namespaces", f"--as={OPERATOR}")
    kubectl(*ask, "--field-selector=metadata.name=fastapi-maintenance-plan")
    assert "cannot list resource" in kubectl(*ask, check=False).stderr


def test_the_operator_applies_a_status_without_a_right_to_get_it(
    kubectl: Kubectl, namespace: str
) -> None:
    """`patch` on the subresource suffices."""
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(WINDOW))
    now = {"start": "2026-06-01T22:00:00Z"}
    applied = json.dumps({**WINDOW, "spec": None, "status": {"current": now}})
    how = ("--server-side", "--field-manager=trial", "--force-conflicts", "--validate=ignore")
    as_it = ("--subresource=status", f"--as={OPERATOR}")
    kubectl("-n", namespace, "apply", *how, *as_it, "-f", "-", input=applied)
    stored = json.loads(kubectl("-n", namespace, "get", "mw", "move", "-o", "json").stdout)
    assert stored["status"]["current"] == now
    assert stored["spec"]["apps"] == ["orders"]


def configmap(name: str, text: str) -> str:
    """A manifest as text."""
    metadata = {"name": name}
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    return json.dumps({**kind, "metadata": metadata, "data": {"windows.json": text}})
