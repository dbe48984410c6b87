"""`make cluster-demo`: the same story on a real API server, with the operator."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from examples.demo.story import EXAMPLES, Visitor, play, say, serve, show
from tests.controlplane.build import build
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.identity import make_identity
from tests.controlplane.install import install, start_operator
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.target import own

EXAMPLE = "02-kubernetes"
NAME = "mw/orders-db-upgrade"


class Typist:
    """Shows each kubectl command, runs it, and shows what it printed."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def __call__(self, line: str, manifest: str | None = None) -> None:
        """Run a command line in the namespace shop."""
        show(f"$ kubectl -n shop {line}")
        show(self._kubectl("-n", "shop", *line.split(), input=manifest).stdout)


def story() -> None:
    """A control plane, the operator, an application; apply, wait, delete; and a schedule."""
    build()
    with tempfile.TemporaryDirectory() as folder:
        say("Starting etcd, kube-apiserver and kube-controller-manager …")
        with ControlPlane(Path(folder)) as control_plane:
            cluster = own(control_plane)
            say("Installing the CRD and the chart's roles, and starting the operator …")
            install(cluster)
            operator = start_operator(cluster)
            try:
                cluster.kubectl("create", "namespace", "shop")
                role = "fastapi-maintenance-application"
                identity = make_identity(cluster, "orders", "shop", cluster_role=role)
                os.environ["FASTAPI_MAINTENANCE_KUBECONFIG"] = str(identity.kubeconfig)
                with serve(EXAMPLE) as visitor:
                    by_hand(Typist(cluster.kubectl), visitor)
                    by_the_clock(Typist(cluster.kubectl), visitor)
            finally:
                operator.stop()
    say("That is all; everything is stopped. For a control plane of your own: make cluster")


def by_hand(kubectl: Typist, visitor: Visitor) -> None:
    """A window that lasts until it is deleted."""
    say("A FastAPI app runs, as a service account that may read windows:")
    visitor.ask_until(200)
    say("A window is applied:")
    kubectl("apply -f -", (EXAMPLES / EXAMPLE / "window.yaml").read_text())
    visitor.ask_until(503)
    kubectl(f"wait --for=condition=Active {NAME}")
    kubectl("get mw")
    say("It is deleted:")
    kubectl(f"delete {NAME}")
    visitor.ask_until(200)


def by_the_clock(kubectl: Typist, visitor: Visitor) -> None:
    """A window that opens and closes by itself."""
    start = datetime.now(UTC) + timedelta(seconds=5)
    manifest = (EXAMPLES / EXAMPLE / "window.yaml").read_text()
    manifest = manifest.replace("2026-01-01T02:00:00Z", f"{start:%FT%TZ}")
    manifest = manifest.replace("  response:", "  duration: 10s\n  response:")
    say("Another one opens in 5 seconds, for 10 seconds:")
    kubectl("apply -f -", manifest)
    kubectl(f"wait --for=condition=Ready {NAME}")
    kubectl("get mw")
    visitor.ask_until(503)
    say("And closes:")
    visitor.ask_until(200)
    kubectl(f"wait --for=condition=Active=false {NAME}")
    kubectl("get events.events.k8s.io")


if __name__ == "__main__":
    play(story)
