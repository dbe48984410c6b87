"""The ConfigMap switch: without the CRD, without the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.chart import render
from tests.cluster.application import Application
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.identity import make_identity
from tests.controlplane.target import own

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.kubectl import Kubectl

ROLE = "fastapi-maintenance-application"


@pytest.mark.owns_control_plane
def test_a_configmap_flips_an_application_in_a_bare_cluster(
    cluster: object, tmp_path: Path
) -> None:
    """`kubectl create configmap` and `kubectl patch` are all it takes, with the role alone."""
    with ControlPlane(tmp_path) as control_plane:
        bare = own(control_plane)
        role = next(i for i in render() if i["metadata"]["name"] == ROLE)
        bare.kubectl("apply", "-f", "-", input=yaml.safe_dump(role))
        bare.kubectl("create", "namespace", "shop")
        identity = make_identity(bare, "orders", "shop", cluster_role=ROLE)
        app = Application(identity, tmp_path / "app.log", source="configmap")
        app.start()
        try:
            flip(app, bare.kubectl)
        finally:
            app.stop()


def flip(app: Application, kubectl: Kubectl) -> None:
    """On for all, off, on for this app, read-only, and gone."""
    assert app.get().status_code == 200
    name = "configmap/fastapi-maintenance"

    def patch(**data: str) -> None:
        kubectl("patch", name, "-n", "shop", "--type=merge", "-p", yaml.safe_dump({"data": data}))

    kubectl(
        "create", "configmap", "fastapi-maintenance", "-n", "shop", "--from-literal=maintenance=on"
    )
    refused = app.wait_for_code(503)
    assert refused.headers["X-Maintenance"] == "configmap=shop/fastapi-maintenance"
    assert app.client.get("/healthz").status_code == 200
    patch(maintenance="off")
    app.wait_for_code(200)
    patch(**{"maintenance.orders": "on"})
    app.wait_for_code(503)
    patch(**{"maintenance.orders": "read-only"})
    app.wait_for_code(200)
    assert app.client.post("/orders").status_code == 503
    kubectl("delete", name, "-n", "shop")
    app.process.wait_for(lambda: app.client.post("/orders").status_code == 200, 30, "writes")
