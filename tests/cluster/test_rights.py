"""What becomes of an application whose service account lacks a right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cluster.application import Application
from tests.cluster.windows import apply_window

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.kubectl import Kubectl


def test_a_missing_right_is_named_once_and_recovered_from(
    kubectl: Kubectl, namespace: str, service_account: ServiceAccounts, tmp_path: Path
) -> None:
    """It serves, logs one error with the command that mends it, and follows once that was run."""
    apply_window(kubectl, "upgrade", namespace, start="2026-01-01T00:00:00Z")
    identity = service_account("orders")
    app = Application(identity, tmp_path / "app.log", SYNC_TIMEOUT="5")
    app.start()
    try:
        app.wait_for_code(200)
        grant = (
            f"kubectl -n {namespace} create rolebinding maintenance "
            f"--clusterrole=fastapi-maintenance-application --serviceaccount={namespace}:orders"
        )
        app.process.wait_for(lambda: grant in app.output(), 30, "the error to be logged")
        kubectl(*grant.split()[1:])
        app.wait_for_code(503, timeout=120)
        assert app.output().count("a right is missing") == 1
        assert 'cannot list resource "maintenancewindows"' in app.output()
    finally:
        app.stop()
