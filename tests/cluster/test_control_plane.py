"""The control plane under the other tests is a real one, and breaks and mends as they need it."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.controlplane import ports
from tests.controlplane.binaries import ASSETS
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.pins import read_pins
from tests.controlplane.target import existing
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster


def config_map(name: str, namespace: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **more}


def apply(kubectl: Kubectl, manifest: dict[str, Any], *options: str) -> dict[str, Any]:
    command = ("apply", "--server-side", "-f", "-", "-o", "json", *options)
    applied: dict[str, Any] = json.loads(kubectl(*command, input=json.dumps(manifest)).stdout)
    return applied


def value(kubectl: Kubectl, name: str, namespace: str) -> str:
    command = ("get", "configmap", name, "-n", namespace, "-o", "jsonpath={.data.key}")
    return kubectl(*command).stdout


def test_the_api_server_is_ready(kubectl: Kubectl) -> None:
    """/readyz says ok: etcd answers, and the bootstrap of RBAC is over."""
    assert kubectl("get", "--raw", "/readyz").stdout == "ok"


@pytest.mark.owns_control_plane
@pytest.mark.skipif(bool(os.environ.get(ASSETS)), reason=f"the binaries are those of {ASSETS}")
def test_it_is_the_version_that_go_mod_names(kubectl: Kubectl) -> None:
    """The built API server knows its version; a plain `go build` would say v0.0.0."""
    version = json.loads(kubectl("version", "-o", "json").stdout)["serverVersion"]
    pins = read_pins()
    assert version["gitVersion"] == pins.kubernetes
    assert (version["major"], version["minor"]) == pins.minor


def test_a_bare_service_account_may_nothing(service_account: ServiceAccounts) -> None:
    """RBAC refuses an account that nobody has bound, and says what it refused to whom."""
    bare = service_account("bare")
    denied = bare.kubectl("get", "configmaps", check=False)
    assert denied.returncode == 1
    assert f'User "{bare.user}" cannot list resource "configmaps"' in denied.stderr


def test_a_bound_service_account_may_what_its_role_says(service_account: ServiceAccounts) -> None:
    """A binding gives the rights of its role and no others, until it is replaced or removed."""
    bound = service_account("bound", cluster_role="view")
    assert bound.kubectl("get", "configmaps", "-o", "name").stdout
    assert bound.kubectl("create", "configmap", "new", check=False).returncode == 1
    bound.bind("edit")
    bound.kubectl("create", "configmap", "new")
    bound.unbind()
    wait_for(lambda: not bound.may("get", "configmaps"), what="the rights to be gone")


def test_a_token_is_its_service_accounts(service_account: ServiceAccounts) -> None:
    """The API server takes the holder of the token file for the account in the namespace."""
    account = service_account("somebody")
    assert account.user == f"system:serviceaccount:{account.namespace}:somebody"

    def me() -> str:
        command = ("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
        return account.kubectl(*command).stdout

    assert me() == account.user
    before = account.token_file.read_text()
    account.renew(600)
    assert account.token_file.read_text() != before
    assert me() == account.user


def test_a_named_cluster_is_not_ours(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster from a kubeconfig is used as it is; an inherited KUBECONFIG changes nothing."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "somebody-elses"))
    foreign = existing(tmp_path, cluster.kubeconfig)
    assert not foreign.owned
    assert foreign.endpoint["server"] == cluster.endpoint["server"]
    assert foreign.kubectl("get", "--raw", "/readyz").stdout == "ok"


def test_a_namespace_is_deleted_with_what_it_holds(kubectl: Kubectl, namespace: str) -> None:
    """A namespace comes with a service account and a CA, and goes with all its objects."""
    kubectl("wait", "--for=create", "configmap/kube-root-ca.crt", "-n", namespace, "--timeout=60s")
    kubectl("create", "configmap", "held", "-n", namespace)
    kubectl("delete", "namespace", namespace, "--timeout=120s")
    gone = kubectl("get", "namespace", namespace, check=False)
    assert "NotFound" in gone.stderr


def test_what_is_owned_is_collected(kubectl: Kubectl, namespace: str) -> None:
    """An object goes when its owner is deleted."""
    owner = apply(kubectl, config_map("owner", namespace))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner"}
    reference["uid"] = owner["metadata"]["uid"]
    apply(kubectl, config_map("owned", namespace, metadata={"ownerReferences": [reference]}))
    kubectl("delete", "configmap", "owner", "-n", namespace)
    kubectl("wait", "--for=delete", "configmap/owned", "-n", namespace, "--timeout=120s")


def test_server_side_apply_knows_who_owns_a_field(kubectl: Kubectl, namespace: str) -> None:
    """Applying the same again changes nothing; another manager's value is a conflict."""
    manifest = config_map("shared", namespace, data={"key": "first"})
    once, again = (apply(kubectl, manifest, "--field-manager=one") for _ in range(2))
    assert once["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]
    with pytest.raises(AssertionError, match='conflict with "one"'):
        apply(kubectl, manifest | {"data": {"key": "second"}}, "--field-manager=two")


@pytest.mark.owns_control_plane
@pytest.mark.parametrize("name", ["apiserver", "etcd", "controller_manager"])
def test_a_killed_part_comes_back_where_it_was(
    name: str, control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """A part that was killed and started again has its port and data, and the others find it."""
    apply(kubectl, config_map("kept", namespace, data={"key": name}))
    daemon, server = getattr(control_plane, name), control_plane.server
    before = daemon.pid
    assert daemon.kill() == -9
    assert not daemon.running
    daemon.start()
    assert daemon.pid != before
    assert control_plane.server == server
    wait_for(lambda: value(kubectl, "kept", namespace) == name, what="the data")


@pytest.mark.owns_control_plane
def test_the_api_server_stops_politely_in_time(control_plane: ControlPlane) -> None:
    """Open watches, such as the controller-manager's, do not hold up a polite stop."""
    assert control_plane.apiserver.stop(timeout=90) == 0


@pytest.mark.owns_control_plane
def test_a_frozen_api_server_answers_when_it_is_resumed(
    control_plane: ControlPlane, kubectl: Kubectl
) -> None:
    """A frozen server takes connections and answers nothing; resumed, it goes on."""
    control_plane.apiserver.pause()
    silent = kubectl("get", "--raw", "/readyz", "--request-timeout=1s", check=False)
    assert silent.returncode != 0
    assert control_plane.apiserver.running
    control_plane.apiserver.resume()
    control_plane.apiserver.wait_ready()
    assert kubectl("get", "--raw", "/readyz").stdout == "ok"


@pytest.mark.owns_control_plane
def test_a_port_that_somebody_was_quicker_to_take(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first start moves to another port when the chosen one was taken in between."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy, free = taken.getsockname()[1], ports.free_port()
        choices = iter([busy, free])
        monkeypatch.setattr(ports, "free_port", lambda: next(choices))
        with ControlPlane(tmp_path) as second:
            assert second.port == free
            assert second.answers("/readyz")
    assert not list(tmp_path.glob("run-*"))
    assert not any(daemon.running for daemon in second.daemons)


def test_our_kinds_are_served(kubectl: Kubectl) -> None:
    """The CRDs are installed, and can be listed."""
    kinds = kubectl("api-resources", "--api-group=fastapi-maintenance.io", "-o", "name").stdout
    assert "maintenancewindows.fastapi-maintenance.io" in kinds.split()
    kubectl("get", "maintenancewindows", "--all-namespaces")


def test_the_operator_runs_with_the_rights_of_the_chart(operator: Operator) -> None:
    """The operator gets ready as its own ServiceAccount, after a stop as well."""
    assert operator.answers("/readyz")
    assert operator.identity.may("watch", "maintenancewindows", "fastapi-maintenance.io")
    assert not operator.identity.may("get", "secrets")
    operator.stop()
    assert not operator.running
    operator.start()
    assert operator.answers("/readyz")
