"""The operator refuses to start where it can't work, and says what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from fastapi_maintenance_operator.rights import CLUSTER, ELECTION, WORK
from tests.chart import NAMESPACE
from tests.controlplane import ports
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.pki import write_kubeconfig
from tests.controlplane.target import own
from tests.leash import Leashed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.install import Operator
    from tests.controlplane.target import Cluster


def start(kubeconfig: Path | str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "fastapi_maintenance_operator",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            *options,
        ],
        env=os.environ | {"KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_without_rights_it_names_the_missing_rule(service_account: ServiceAccounts) -> None:
    ended = start(service_account("bare").kubeconfig)
    assert ended.returncode == 1
    assert "rights are missing: " in ended.stderr
    for right in (*WORK, *CLUSTER, *ELECTION):
        assert right.rule() in ended.stderr
    assert "Traceback" not in ended.stderr


def test_one_that_stands_for_election_elsewhere_than_who_acts_warns_of_two_writers(
    cluster: Cluster, operator: Operator
) -> None:
    """Each would take itself for the only one, as each has its own Lease."""
    assert operator.running
    kubeconfig = cluster.kubeconfig
    beside = start(kubeconfig, "--check", "--lease-namespace", "default").stderr
    assert f"holds a Lease fastapi-maintenance-operator in namespace {NAMESPACE}" in beside
    assert f"end one of them, or stand by for it: --lease-namespace {NAMESPACE}" in beside
    for lease in (("--lease-namespace", NAMESPACE), ("--namespace", "default")):
        assert "holds a Lease" not in start(kubeconfig, "--check", *lease).stderr


def test_without_a_cluster_it_says_where_it_looked(tmp_path: Path) -> None:
    ended = start(tmp_path / "absent")
    assert ended.returncode == 1
    assert "set KUBECONFIG" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_while_the_api_server_is_away_it_is_alive_and_not_ready(tmp_path: Path) -> None:
    """A kubelet that killed it would only have it come back later than the API server."""
    kubeconfig, port = tmp_path / "kubeconfig", ports.free_port()
    nobody = {"server": f"http://127.0.0.1:{ports.free_port()}"}
    write_kubeconfig(kubeconfig, cluster=nobody, user={}, namespace="default")
    operator = Leashed(
        [sys.executable, "-m", "fastapi_maintenance_operator", "--port", str(port)],
        log=tmp_path / "log",
        env=os.environ | {"KUBECONFIG": str(kubeconfig)},
    )
    try:
        operator.wait_for(lambda: get(port, "/healthz") == 200, 60, "a sign of life")
        assert get(port, "/readyz") == 404
        said = "the API server is not ready: "
        operator.wait_for(lambda: said in operator.log.read_text(), 60, said)
    finally:
        assert operator.stop(30) == 0


def get(port: int, path: str) -> int | None:
    """The status code; None where nobody listens."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


@pytest.mark.owns_control_plane
def test_without_the_crd_it_says_how_to_install_it(cluster: Cluster, tmp_path: Path) -> None:
    with ControlPlane(tmp_path) as control_plane:
        ended = start(own(control_plane).kubeconfig)
    assert ended.returncode == 1
    assert "kubectl apply --server-side -f crds/" in ended.stderr
    assert "Traceback" not in ended.stderr
