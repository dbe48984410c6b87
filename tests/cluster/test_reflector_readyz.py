"""The readiness check of the documentation, on a real API server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from fastapi_maintenance.backends.kubernetes import identity
from tests.cluster.following import ROLE
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.cluster import ControlPlane
    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.target import Cluster

PAGE = Path(__file__).parents[2] / "docs" / "kubernetes.md"


@pytest.mark.owns_control_plane
def test_a_process_is_ready_once_it_has_listed_and_stays_so(
    cluster: Cluster,
    control_plane: ControlPlane,
    service_account: ServiceAccounts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not while it may not list; then, also while the API server is frozen."""
    account = service_account("orders")
    server = urlsplit(cluster.endpoint["server"])
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(server.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    monkeypatch.setattr(identity, "MOUNT", account.folder)
    code = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[0]
    names: dict[str, Any] = {"__name__": "documented"}
    exec(compile(code, "documented.py", "exec", dont_inherit=True), names)
    names["backend"].sync_timeout = 0.5
    with TestClient(names["app"]) as client:
        first = client.get("/readyz")
        assert (first.status_code, first.json()["synced"]) == (503, False)
        # Within the half second that the start waits, the API server need not have answered.
        wait_for(lambda: "403" in client.get("/readyz").json()["last_error"], what="the refusal")
        account.bind(ROLE)
        wait_for(lambda: client.get("/readyz").status_code == 200, 60, "it to be ready")
        control_plane.apiserver.pause()
        assert client.get("/readyz").json()["synced"]
        assert client.get("/readyz").status_code == 200
        control_plane.apiserver.resume()  # else the test's namespace is asked to go in vain
