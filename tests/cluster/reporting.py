"""Applications that report, and what the API server has of them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from fastapi_maintenance.windows import API_VERSION
from tests.controlplane import ports
from tests.controlplane.daemon import Daemon
from tests.controlplane.flags import HOST
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.identity import Identity
    from tests.controlplane.kubectl import Kubectl

POD = {
    "POD_NAME": "orders-1",
    "POD_UID": "5f0e7f2c-0000-4000-8000-000000000001",
    "CONTAINER_NAME": "web",
}
PATIENCE = 60


class Exports(Daemon):
    """tests/cluster/exports.py under a server, as one Pod's container would run it."""

    def __init__(
        self, identity: Identity, folder: Path, *options: str, server: str = "uvicorn"
    ) -> None:
        self.port = ports.free_port()
        self.go_on = folder / "go-on"
        where: tuple[str, ...] = ("--host", HOST, "--port", str(self.port), "--no-access-log")
        if server == "gunicorn":
            where = ("--bind", f"{HOST}:{self.port}", "-k", "uvicorn_worker.UvicornWorker")
        super().__init__(
            [sys.executable, "-m", server, "tests.cluster.exports:app", *where, *options],
            log=folder / "exports.log",
            ready=lambda: self.get("/healthz").status_code == 200,
            env=os.environ
            | {"FASTAPI_MAINTENANCE_KUBECONFIG": str(identity.kubeconfig), "GO_ON": str(self.go_on)}
            | POD,
        )

    def get(self, path: str) -> httpx.Response:
        """Ask on a connection of its own: the next one may be another worker's."""
        with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
            return client.get(f"http://{HOST}:{self.port}{path}")

    def export(self) -> httpx.Response:
        """Ask for an export, and wait for it."""
        with httpx.Client(trust_env=False, timeout=4 * PATIENCE) as client:
            return client.post(f"http://{HOST}:{self.port}/export/4711")


@dataclass(frozen=True)
class Processes:
    """The MaintenanceProcesses of a namespace."""

    kubectl: Kubectl
    namespace: str

    def all(self) -> list[dict[str, Any]]:
        """As they are now."""
        path = f"/apis/{API_VERSION}/namespaces/{self.namespace}/maintenanceprocesses"
        return list(self.kubectl.request("GET", path)["items"])

    def pids(self) -> set[int]:
        """The numbers of all that report."""
        return {item["spec"]["process"]["pid"] for item in self.all()}

    def windows(self) -> list[dict[str, Any]]:
        """What all say of all windows."""
        return windows_of(self.all())

    def await_count(self, count: int) -> list[dict[str, Any]]:
        """Wait until there are so many."""

        items: list[dict[str, Any]] = []

        def enough() -> bool:
            items[:] = self.all()
            return len(items) == count

        wait_for(enough, PATIENCE, f"{count} processes")
        return items

    def await_windows(self, **wanted: Any) -> list[dict[str, Any]]:
        """Wait until every process says this of its window."""

        def said() -> list[dict[str, Any]]:
            items = self.all()
            windows = windows_of(items)
            fits = [all(w.get(name) == v for name, v in wanted.items()) for w in windows]
            return windows if fits and all(fits) and len(fits) == len(items) else []

        return wait_for(said, PATIENCE, f"windows with {wanted}")


def windows_of(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What these say of all windows."""
    return [window for item in items for window in item["spec"].get("windows", ())]
