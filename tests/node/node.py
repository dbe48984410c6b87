"""The node: control plane, scheduler, kubelet, proxy and containerd in namespaces of their own."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane import binaries, build, flags, ports
from tests.controlplane.binaries import UnavailableError
from tests.controlplane.daemon import Daemon
from tests.controlplane.keeping import use
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.parts import Parts
from tests.controlplane.pki import write_kubeconfig
from tests.leash import Leashed
from tests.node import debian, machine
from tests.node import flags as settings
from tests.node.holder import Holder
from tests.node.pause_image import write_pause
from tests.node.pins import NODE
from tests.node.pki import make_node_pki

if TYPE_CHECKING:
    from collections.abc import Callable

FORWARD = Path(__file__).with_name("forward.py")


class Node(Parts):
    """A node in `folder`, which is emptied of nothing: give it a new one.

    Its parts are `Daemon`s, which may be stopped, killed and started one by one. This machine
    reaches the API server at `server`; all else is reached from `inside`.

    Raises:
        UnavailableError: something is missing; says what brings it.
    """

    def __init__(self, folder: Path) -> None:
        machine.check()
        self._control, self._programs = binaries.find(), debian.find()
        self._own = build.built_by(NODE)
        use(self._own)
        if NODE.missing(self._own):
            raise UnavailableError("the node is not built yet: `python -m tests.node build`")
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._pki = make_node_pki(folder / "pki")
        super().__init__(self._pki.control)
        self._closing = ExitStack()
        self.holder = Holder(folder, settings.ADDRESS, self._own / "pause")
        self._closing.callback(self.holder.close)
        self._write_configuration()
        self._make_daemons()

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as an administrator, from this machine."""
        return Kubectl(self.kubeconfig)

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        """All parts."""
        control = (self.etcd, self.apiserver, self.controller_manager, self.scheduler)
        return (*control, self.containerd, self.kubelet, self.proxy)

    def start(self) -> None:
        """Start all parts, and wait until the node is ready for Pods."""
        self._forward()
        self.containerd.spawn()
        self.etcd.start()
        self.apiserver.start()
        for daemon in (self.controller_manager, self.scheduler, self.proxy):
            daemon.spawn()
        self.containerd.wait_ready()
        self.load(write_pause(self._own / "pause", self.folder / "pause.tar"))
        self.kubelet.spawn()
        for daemon in (self.controller_manager, self.proxy, self.kubelet):
            daemon.wait_ready()

    def load(self, image: Path) -> None:
        """Take an image from an archive; its name is in there."""
        ctr = (str(self._programs.path("ctr")), "-a", settings.SOCKET, "-n", "k8s.io")
        command = self.inside([*ctr, "images", "import", str(image)])
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def inside(self, command: list[str]) -> list[str]:
        """The command that runs `command` in the node's namespaces."""
        return self.holder.inside(command, Path("/"))

    def revive(self) -> None:
        """Start an API server that was killed.

        The node's own clients would wait for up to half a minute before they look again.
        """
        self.apiserver.start()
        for daemon in (self.controller_manager, self.scheduler, self.proxy, self.kubelet):
            daemon.kill()
            daemon.spawn()
        self.kubelet.wait_ready()

    def close(self) -> None:
        """End everything at once; logs stay."""
        self._closing.close()
        for daemon in self.daemons:
            if daemon.started:
                daemon.process.wait(30)

    def _forward(self) -> None:
        self.port = ports.free_port()
        words = [str(self.holder.pid), str(self.port), settings.ADDRESS, str(settings.PORT)]
        command = [sys.executable, "-IS", str(FORWARD), *words]
        forward = Leashed(command, log=self.folder / "forward.log")
        self._closing.callback(forward.kill)
        self.kubeconfig = write_kubeconfig(
            self.folder / "kubeconfig",
            cluster={"server": self.server, "certificate-authority": str(self._pki.control.ca)},
            user=self._pki.control.admin.user(),
        )

    def _write_configuration(self) -> None:
        settings.write_kubelet(self.folder, self._pki, self.holder.cgroup)
        settings.write_containerd(self.folder, self._programs)
        settings.write_proxy(self.folder, self._kubeconfig("kube-proxy"))

    def _kubeconfig(self, name: str) -> Path:
        return self._pki.kubeconfig(name, self.folder, settings.SERVER)

    def _make_daemons(self) -> None:
        controllers = self._kubeconfig("kube-controller-manager")
        kubelet = settings.kubelet(self.folder, self._kubeconfig("kubelet"))
        self.etcd = self._daemon("etcd", flags.etcd(), self._etcd_serves)
        self.apiserver = self._daemon("kube-apiserver", settings.apiserver(self._pki), self._serves)
        self.controller_manager = self._daemon(
            "kube-controller-manager",
            settings.controller_manager(self._pki, controllers),
            self._has_account,
        )
        self.scheduler = self._daemon(
            "kube-scheduler", settings.scheduler(self._kubeconfig("kube-scheduler")), lambda: True
        )
        self.proxy = self._daemon("kube-proxy", settings.proxy(self.folder), lambda: True)
        self.kubelet = self._daemon("kubelet", kubelet, self._node_ready)
        self.containerd = self._daemon(
            "containerd", settings.containerd(self.folder), self._containerd_serves
        )

    def _daemon(self, name: str, arguments: list[str], ready: Callable[[], object]) -> Daemon:
        command = self.holder.inside([self._path(name), *arguments], self.holder.run)
        environment = self._programs.environment()
        return Daemon(command, log=self.folder / f"{name}.log", ready=ready, env=environment)

    def _path(self, name: str) -> Path:
        if name in NODE.names:
            return self._own / name
        return self._programs.path(name) if name == "containerd" else self._control.path(name)

    def _containerd_serves(self) -> bool:
        return "containerd successfully booted" in self.containerd.process.output()

    def _node_ready(self) -> bool:
        """By the API server's word, which is believed for a while; so the kubelet is asked, too."""
        ready = '{.status.conditions[?(@.type=="Ready")].status}'
        asked = self.kubectl("get", "node", settings.NAME, "-o", f"jsonpath={ready}", check=False)
        return asked.stdout == "True" and self.answers(
            f"/api/v1/nodes/{settings.NAME}/proxy/healthz"
        )
