"""What the control plane and the node of `tests/node` have in common."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from http.client import HTTPSConnection
from typing import TYPE_CHECKING

from fastapi_maintenance.proof.processes import PLURAL as PROCESSES
from fastapi_maintenance.windows import API_VERSION, PLURAL
from tests.controlplane import flags

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from tests.controlplane.daemon import Daemon
    from tests.controlplane.pki import Pki


SERVED = "?resourceVersion=0&labelSelector=asked-by=nobody"
"""Behind the path of a kind: what is answered once the API server has filled its cache of it.

It opens the storage of a kind of a CRD by the first request, and refuses lists and watches until
then (429, "storage is (re)initializing"); but not `kubectl get`, whose pages it reads from etcd.
"""
OURS = [f"/apis/{API_VERSION}/{plural}{SERVED}" for plural in (PLURAL, PROCESSES)]


class Parts(ABC):
    """Daemons that start and end together, with an API server at `port` of this machine."""

    folder: Path
    port: int
    etcd: Daemon

    def __init__(self, pki: Pki) -> None:
        self._trust = ssl.create_default_context(cafile=pki.ca)
        self._trust.load_cert_chain(pki.admin.certificate, pki.admin.key)

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return f"https://{flags.HOST}:{self.port}"

    @property
    @abstractmethod
    def daemons(self) -> tuple[Daemon, ...]:
        """All parts."""

    @abstractmethod
    def start(self) -> None:
        """Start all parts, and wait until they are ready."""

    @abstractmethod
    def close(self) -> None:
        """End all parts at once; logs stay."""

    def heal(self) -> None:
        """Bring back whatever was stopped, killed or frozen, and wait until it is ready."""
        for daemon in self.daemons:
            if daemon.running:
                daemon.resume()
            daemon.start()

    def answers(self, path: str) -> bool:
        """Whether the API server answers an administrator's GET with 200.

        Raises:
            OSError: it does not answer at all.
        """
        return self.ask("GET", path, timeout=5)[0] == 200

    def ask(
        self, method: str, path: str, body: str | None = None, timeout: float = 30
    ) -> tuple[int, str]:
        """What the API server answers an administrator: status code and text.

        Raises:
            OSError: it does not answer at all.
        """
        connection = HTTPSConnection(flags.HOST, self.port, timeout=timeout, context=self._trust)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def _serves(self) -> bool:
        """Whether it is ready, and can list our kinds where it has them."""
        return self.answers("/readyz") and all(
            self.ask("GET", path, timeout=5)[0] in (200, 404) for path in OURS
        )

    def _has_account(self) -> bool:
        """Whether namespaces get their service account: the controller-manager's work."""
        return self.answers("/api/v1/namespaces/default/serviceaccounts/default")

    def _etcd_serves(self) -> bool:
        return "ready to serve client requests" in self.etcd.process.output()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
