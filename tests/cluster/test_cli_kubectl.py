"""As a plugin of a real kubectl, and where the API server lacks what is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.cluster.windows import apply_window, get_window, in_seconds
from tests.controlplane.kubectl import find_kubectl
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.cluster.commanding import Cli
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

BESIDE = Path(sys.executable).parent


def through_kubectl(kubectl: Kubectl, *words: str) -> str:
    """What kubectl prints, with this environment's executables where it looks for plugins."""
    path = f"{BESIDE}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [find_kubectl(), *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"KUBECONFIG": str(kubectl.kubeconfig), "PATH": path, "KUBERC": "off"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_kubectl_runs_it_and_completes_it(cli: Cli, kubectl: Kubectl) -> None:
    """`kubectl maintenance`, and what Tab offers behind it."""
    apply_window(kubectl, "upgrade", cli.namespace, start=in_seconds(-60), duration="1h")
    shown = through_kubectl(kubectl, "maintenance", "status", "-n", cli.namespace)
    assert shown.splitlines()[1].split()[:2] == ["upgrade", "Open"]
    assert "\x1b[" not in shown
    usage = through_kubectl(kubectl, "maintenance", "end", "--help")
    assert usage.startswith("Usage: kubectl maintenance end ")
    tab = ("__complete", "maintenance", "end", "-n", cli.namespace, "up")
    # An API server that takes over two seconds makes it offer nothing: who pressed Tab waits.
    wait_for(lambda: through_kubectl(kubectl, *tab).splitlines() == ["upgrade", ":4"])


def test_where_the_crds_are_missing_the_command_that_brings_them_is_told(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the API server answers of a version that it does not serve."""
    for module in ("_cluster", "_kinds"):
        monkeypatch.setattr(
            f"fastapi_maintenance.cli.{module}.windows_path", path_of_a_version_to_come
        )
    for words in (["status"], ["end", "upgrade"], ["on", "orders", "--duration", "5m"]):
        said = cli(words[0], *words[1:], code=1)
        assert said.err.splitlines() == [
            "error: the CRDs of fastapi-maintenance.io are not installed here",
            "  install them: fastapi-maintenance crds | kubectl apply --server-side -f -",
        ]


def path_of_a_version_to_come(namespace: str, name: str = "") -> str:
    """Where the windows of a version would be that no API server has."""
    return f"/apis/fastapi-maintenance.io/v9/namespaces/{namespace}/x/{name}"


def test_what_is_printed_as_crds_is_what_the_cluster_has(cli: Cli, kubectl: Kubectl) -> None:
    path = ("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-")
    printed = through_kubectl(kubectl, "maintenance", "crds")
    applied = kubectl(*path, input=printed).stdout
    assert applied.count("serverside-applied") == 3
    assert len(list(yaml.safe_load_all(printed))) == 3


def test_the_rights_that_are_printed_are_enough_for_a_migration(cli: Cli, kubectl: Kubectl) -> None:
    """A server-side dry run takes them; the rules are the chart's."""
    printed = through_kubectl(
        kubectl, "maintenance", "rbac", "--for", f"{cli.namespace}:x", "--job", "migrator"
    )
    assert (
        kubectl("apply", "--dry-run=server", "-f", "-", input=printed).stdout.count("created") == 2
    )


def test_a_window_that_a_cluster_window_keeps_is_not_changed_here(
    cli: Cli, kubectl: Kubectl, operator: Operator
) -> None:
    """The operator would undo it; the one to change is named."""
    name = f"all-{cli.namespace}"
    selector = {"matchLabels": {"kubernetes.io/metadata.name": cli.namespace}}
    parent = {
        "apiVersion": "fastapi-maintenance.io/v1alpha1",
        "kind": "ClusterMaintenanceWindow",
        "metadata": {"name": name},
        "spec": {"apps": ["*"], "start": "2026-01-01T00:00:00Z", "namespaceSelector": selector},
    }
    kubectl("apply", "-f", "-", input=json.dumps(parent))
    try:
        wait_for(lambda: get_window(kubectl, name, cli.namespace), 60, "the child")
        said = cli("end", name, code=1)
    finally:
        kubectl("delete", "cmw", name)
    assert f'is kept as clustermaintenancewindow "{name}" has it' in said.err
    assert f"fastapi-maintenance end cmw/{name}" in said.err
