"""As whom the command line asks: a Pod's account, one as another, one without rights."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi_maintenance.backends.kubernetes import identity
from tests.cluster.commanding import call
from tests.cluster.windows import get_window

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.cluster.commanding import Cli
    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster


def test_in_a_pod_the_service_account_is_used_and_needs_few_rights(
    cluster: Cluster,
    kubectl: Kubectl,
    namespace: str,
    service_account: ServiceAccounts,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Token, CA, namespace and server are where every Pod has them; no name is looked up."""
    account = service_account("migrate", cluster_role="fastapi-maintenance-migrator")
    server = urlsplit(cluster.endpoint["server"])
    monkeypatch.setattr(identity, "MOUNT", account.folder)
    pod = {
        "HOME": str(tmp_path),
        "KUBECONFIG": None,
        "FASTAPI_MAINTENANCE_KUBECONFIG": None,
        "KUBERNETES_SERVICE_HOST": str(server.hostname),
        "KUBERNETES_SERVICE_PORT": str(server.port),
    }
    words = ["on", "orders", "--duration", "30m", "--name", "release", "--wait", "drained"]
    said = call([*words, "--if-no-processes", "ok"], pod)
    assert "drained: 0 of 0 reporting processes" in said.err
    window = get_window(kubectl, "release", namespace)
    opened_by = window["metadata"]["annotations"]["fastapi-maintenance.io/opened-by"]
    assert opened_by == f"system:serviceaccount:{namespace}:migrate"
    assert "ended" in call(["end", "release"], pod).out


def test_a_missing_right_is_named_with_the_command_that_grants_it(
    cli: Cli, service_account: ServiceAccounts
) -> None:
    account = service_account("nobody")
    said = cli("on", "orders", "--duration", "5m", code=1, KUBECONFIG=str(account.kubeconfig))
    assert "a right is missing: maintenancewindows.fastapi-maintenance.io" in said.err
    grant = (
        f"kubectl -n {cli.namespace} create rolebinding maintenance-migrator "
        "--clusterrole=fastapi-maintenance-migrator "
        f"--serviceaccount={cli.namespace}:nobody"
    )
    assert grant in said.err


def test_the_commands_that_are_told_name_the_cluster_that_was_named(cli: Cli) -> None:
    said = cli(
        *("on", "orders", "--duration", "5m", "--kubeconfig", str(cli.kubectl.kubeconfig)),
        KUBECONFIG="/nowhere",
    )
    place = f"-n {cli.namespace} --kubeconfig {cli.kubectl.kubeconfig}"
    assert f"fastapi-maintenance end orders-on {place}" in said.out


def test_as_another_one_has_the_rights_of_that_one(cli: Cli) -> None:
    """Impersonation, as kubectl's --as has it."""
    said = cli("status", "--as", "jane", code=1)
    assert 'User "jane" cannot list resource' in said.err
    reading = (
        "create rolebinding maintenance-view --clusterrole=fastapi-maintenance-view --user=jane"
    )
    assert reading in said.err
    said = cli("wait", "upgrade", "--as", "jane", code=1)
    assert "create rolebinding maintenance-migrator" in said.err
    flags = ("--kubeconfig", str(cli.kubectl.kubeconfig))
    said = cli("status", "-A", "--as", "jane", *flags, code=1, KUBECONFIG="/nowhere")
    granted = f"kubectl {' '.join(flags)} create clusterrolebinding maintenance-view "
    assert f"-n NAMESPACE; or grant it for all: {granted}" in said.err
    cli("status", "--as", "jane", "--as-group", "system:masters")
