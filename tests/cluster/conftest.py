"""A real API server for each test run, with our CRDs and rights; a fresh namespace for each test.

Nothing is built here: where the binaries are missing, the tests are skipped, and the reason says
what brings them. On CI (`CI=true`) that is a failure.
"""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.controlplane.binaries import UnavailableError
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.daemon import PATIENCE
from tests.controlplane.identity import Identity, ServiceAccounts, make_identity
from tests.controlplane.install import Operator, install, start_operator
from tests.controlplane.target import Cluster, existing, own
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cluster.commanding import Cli
    from tests.controlplane.kubectl import Kubectl


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The cluster under test, with CRDs and rights installed: our own, or the one named."""
    folder = tmp_path_factory.mktemp("cluster")
    kubeconfig = request.config.getoption("--kubeconfig")
    if kubeconfig:
        target = existing(folder, kubeconfig, request.config.getoption("--context"))
        install(target)
        yield target
        return
    with _control_plane(folder) as control_plane:
        target = own(control_plane)
        install(target)
        yield target


def _control_plane(folder: Path) -> ControlPlane:
    try:
        return ControlPlane(folder)
    except UnavailableError as error:
        reason = str(error)
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def control_plane(cluster: Cluster) -> Iterator[ControlPlane]:
    """The control plane's parts, to stop, kill and freeze; they are brought back afterwards.

    For tests marked `owns_control_plane`.
    """
    assert cluster.control_plane is not None, "mark this test with owns_control_plane"
    yield cluster.control_plane
    cluster.control_plane.heal()


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    """kubectl as an administrator; a failure is an AssertionError with what kubectl said."""
    return cluster.kubectl


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A namespace for one test, complete with its default service account."""
    name, path = f"t-{secrets.token_hex(4)}", "/api/v1/namespaces"
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    kubectl.request("POST", path, made)
    account = f"{path}/{name}/serviceaccounts/default"
    # A controller-manager whose API server was away looks for it again after a minute at most.
    wait_for(lambda: kubectl.request("GET", account), 120, account)
    yield name
    kubectl.request("DELETE", f"{path}/{name}", check=False)


@pytest.fixture
def service_account(cluster: Cluster, request: pytest.FixtureRequest) -> ServiceAccounts:
    """Makes ServiceAccounts with the rights of a ClusterRole, and the files to log in with."""

    def make(
        name: str,
        *,
        cluster_role: str | None = None,
        namespace: str | None = None,
        expiration_seconds: int = 3600,
    ) -> Identity:
        # Only now: a test that names its namespaces itself needs no fresh one.
        place: str = namespace or request.getfixturevalue("namespace")
        return make_identity(
            cluster,
            name,
            place,
            cluster_role=cluster_role,
            expiration_seconds=expiration_seconds,
        )

    return make


@pytest.fixture
def writer(service_account: ServiceAccounts, kubectl: Kubectl) -> Identity:
    """The application orders, which may read and write."""
    account = service_account("orders", cluster_role="fastapi-maintenance-application")
    kubectl(
        *("create", "rolebinding", "writes", "-n", account.namespace),
        "--clusterrole=fastapi-maintenance-writer",
        f"--serviceaccount={account.namespace}:orders",
    )
    wait_for(
        lambda: account.may("create", "maintenancewindows", "fastapi-maintenance.io"),
        what="the right to write",
    )
    return account


@pytest.fixture(scope="session")
def started() -> list[Operator]:
    """The operator of the test run, once a test has asked for it."""
    return []


@pytest.fixture(scope="session")
def running_operator(cluster: Cluster, started: list[Operator]) -> Iterator[Operator]:
    """The one operator of the test run, under the rights of the chart."""
    operator = start_operator(cluster)
    started.append(operator)
    yield operator
    operator.stop()


@pytest.fixture(autouse=True)
def _operator_where_asked_for(request: pytest.FixtureRequest, started: list[Operator]) -> None:
    """Whatever ran before: no operator plans windows, or proves them, for a test without one."""
    if "operator" not in request.fixturenames:
        for operator in started:
            operator.stop()


@pytest.fixture
def operator(running_operator: Operator) -> Operator:
    """The operator, which leads; a test may stop, kill or freeze it, the next one gets it back."""
    if running_operator.running:
        running_operator.resume()
    running_operator.start()
    running_operator.process.wait_for(running_operator.leads, PATIENCE, "the operator to lead")
    return running_operator


@pytest.fixture
def changed(operator: Operator) -> Iterator[Callable[..., None]]:
    """Starts the operator anew as `Operator.differently` says; in the end it is as it was."""
    with ExitStack() as ending:
        ending.callback(operator.restart)

        def change(*module: str, **variables: str) -> None:
            ending.enter_context(operator.differently(*module, **variables))
            operator.restart()

        yield change


@pytest.fixture
def clock(changed: Callable[..., None], tmp_path: Path) -> Path:
    """A file by whose seconds the operator's clock is ahead; none at first."""
    shift = tmp_path / "shift"
    shift.write_text("0")
    changed("tests.cluster.shifted", SHIFT=str(shift))
    return shift


@pytest.fixture
def cli(kubectl: Kubectl, namespace: str) -> Cli:
    """The command line, in the namespace of the test."""
    from tests.cluster.commanding import Cli

    return Cli(kubectl, namespace)
