"""The control plane itself: etcd, kube-apiserver and kube-controller-manager on loopback.

There is no kubelet and no scheduler, so Pods never run. All else is real: RBAC, admission, CEL,
server-side apply, watches, tokens and their expiry, garbage collection, namespace deletion.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane import binaries, flags, ports
from tests.controlplane.daemon import Daemon
from tests.controlplane.parts import Parts
from tests.controlplane.pki import make_pki, write_kubeconfig

if TYPE_CHECKING:
    from collections.abc import Callable

PORT_TRIES = 5


class ControlPlane(Parts):
    """A control plane in `folder`: certificates, kubeconfigs, data and logs are all in there.

    Its parts are `Daemon`s (`etcd`, `apiserver`, `controller_manager`). They may be stopped,
    killed, frozen and started one by one, and find each other again, as on a real node. A restart
    keeps data, port and certificates.

    Raises:
        UnavailableError: the binaries are not there; says what brings them.
    """

    apiserver: Daemon
    controller_manager: Daemon

    def __init__(self, folder: Path) -> None:
        self._binaries = binaries.find()
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A new one each time: etcd removes its socket when it ends, and one that was orphaned a
        # moment ago must not remove ours.
        self._run = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
        self._pki = make_pki(folder / "pki")
        super().__init__(self._pki)
        self.ca = self._pki.ca
        self.admin_kubeconfig = folder / "kubeconfig"
        self.etcd = self._daemon("etcd", flags.etcd(), self._etcd_serves)
        self._listen_on(ports.free_port())

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        """All parts, in the order in which they start."""
        return self.etcd, self.apiserver, self.controller_manager

    def start(self) -> None:
        """Start all parts, and wait until namespaces get their service account."""
        self.etcd.start()
        self._start_apiserver()
        self.controller_manager.start()

    def restart_apiserver(self, **settings: object) -> None:
        """Start it anew with these settings beside its own; with none it is as it was."""
        if self.apiserver.running:
            self.apiserver.kill()
        self.apiserver = self._apiserver(**settings)
        self.apiserver.start()

    def close(self) -> None:
        """End all parts at once, and remove the data; logs and certificates stay."""
        for daemon in reversed(self.daemons):
            if daemon.running:
                daemon.kill()
        shutil.rmtree(self._run, ignore_errors=True)

    def _start_apiserver(self) -> None:
        """Start it; on another port when somebody was quicker to take the chosen one."""
        for _ in range(PORT_TRIES - 1):
            try:
                return self.apiserver.start()
            except AssertionError:
                if "address already in use" not in self.apiserver.process.output():
                    raise
                self._listen_on(ports.free_port())
        return self.apiserver.start()

    def _listen_on(self, port: int) -> None:
        """Settle the API server's port, and make what depends on it."""
        self.port = port
        endpoint = {"server": self.server, "certificate-authority": str(self.ca)}
        write_kubeconfig(self.admin_kubeconfig, cluster=endpoint, user=self._pki.admin.user())
        controllers = write_kubeconfig(
            self.folder / "controller-manager.kubeconfig",
            cluster=endpoint,
            user=self._pki.controller_manager.user(),
        )
        self.apiserver = self._apiserver()
        self.controller_manager = self._daemon(
            "kube-controller-manager",
            flags.controller_manager(self._pki, controllers),
            self._has_account,
        )

    def _apiserver(self, **settings: object) -> Daemon:
        arguments = flags.apiserver(self._pki, self.port, **settings)
        return self._daemon("kube-apiserver", arguments, self._serves)

    def _daemon(self, name: str, arguments: list[str], ready: Callable[[], bool]) -> Daemon:
        command = [str(self._binaries.path(name)), *arguments]
        return Daemon(command, log=self.folder / f"{name}.log", ready=ready, cwd=self._run)
