"""Who is who on the node: certificates and kubeconfigs besides those of the control plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme

from tests.controlplane.pki import Credentials, Pki, issue, make_pki, write_kubeconfig
from tests.node import flags

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class NodePki:
    """The control plane's, and what a kubelet, a scheduler and a proxy log in with."""

    control: Pki
    apiserver_to_kubelet: Credentials
    kubelet_server: Credentials
    users: dict[str, Credentials]

    def kubeconfig(self, name: str, folder: Path, server: str) -> Path:
        """The file by which the part called `name` finds the API server."""
        endpoint = {"server": server, "certificate-authority": str(self.control.ca)}
        user = self.users[name].user()
        return write_kubeconfig(folder / f"{name}.kubeconfig", cluster=endpoint, user=user)


def make_node_pki(folder: Path) -> NodePki:
    """Make everything new in `folder`."""
    authority = trustme.CA()
    control = make_pki(folder, authority=authority, hosts=flags.SERVER_NAMES)

    def client(name: str, user: str, group: str | None = None) -> Credentials:
        return issue(authority, folder / name, user=user, group=group)

    return NodePki(
        control=control,
        apiserver_to_kubelet=client("apiserver-to-kubelet", "apiserver", "system:masters"),
        kubelet_server=issue(authority, folder / "kubelet-server", flags.ADDRESS, flags.NAME),
        users={
            "kubelet": client("kubelet", f"system:node:{flags.NAME}", "system:nodes"),
            "kube-scheduler": client("kube-scheduler", "system:kube-scheduler"),
            "kube-proxy": client("kube-proxy", "system:kube-proxy"),
            "kube-controller-manager": control.controller_manager,
        },
    )
