"""The identity of a Pod, from files as the kubelet mounts them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi_maintenance.backends.kubernetes import K8sBackend, identity
from tests.cluster.windows import apply_window
from tests.waiting import wait_for

if TYPE_CHECKING:
    import pytest

    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster


def test_a_pod_needs_no_configuration(
    kubectl: Kubectl,
    cluster: Cluster,
    namespace: str,
    service_account: ServiceAccounts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Server, CA, token and namespace are found where they are in every Pod."""
    account = service_account("orders", cluster_role="fastapi-maintenance-application")
    server = urlsplit(cluster.endpoint["server"])
    monkeypatch.setattr(identity, "MOUNT", account.folder)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(server.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    backend = K8sBackend(app="orders")
    assert backend.last_sync() is None
    begun = time.time()
    backend.start()
    try:
        apply_window(kubectl, "upgrade", namespace, start="2026-01-01T00:00:00Z")
        wait_for(lambda: backend.state().reads, what="the window to be known")
        health, synced_at = backend.health(), backend.last_sync()
    finally:
        backend.close()
    assert health is not None
    assert (health.synced, health.objects, health.last_error) == (True, 1, None)
    assert synced_at is not None
    assert begun < synced_at <= time.time()
