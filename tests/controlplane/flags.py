"""The command lines of the control plane's parts. Paths are relative to the daemon's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.pki import Pki

HOST = "127.0.0.1"
NOWHERE = "192.0.2.1"  # RFC 5737: an address to advertise, which nobody uses
# Of the controllers, those without which objects do not behave; the rest are about Pods.
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)
# Sockets instead of ports: nobody else can take them or talk to etcd. Relative: a socket's path
# must be shorter than some hundred characters, which checkouts and temporary folders may exceed.
CLIENTS, PEERS = "unix://etcd.sock", "unix://peer.sock"


Values = dict[str, object]


def etcd() -> list[str]:
    """etcd, alone and careless: a test's data need not survive a power cut."""
    return line(
        {
            "name": "etcd",
            "data-dir": "data",
            "unsafe-no-fsync": "true",
            "listen-client-urls": CLIENTS,
            "advertise-client-urls": CLIENTS,
            "listen-peer-urls": PEERS,
            "initial-advertise-peer-urls": PEERS,
            "initial-cluster": f"etcd={PEERS}",
        }
    )


def apiserver(pki: Pki, port: int, **other: object) -> list[str]:
    """kube-apiserver, on loopback, with RBAC; `other` settings add to these or replace them."""
    values: Values = {
        "etcd-servers": CLIENTS,
        "bind-address": HOST,
        "secure-port": port,
        # Without these two it looks for the machine's address, which may have none, and
        # refuses to publish 127.0.0.1 as the address of the service `kubernetes`.
        "advertise-address": NOWHERE,
        "endpoint-reconciler-type": "none",
        "tls-cert-file": pki.server.certificate,
        "tls-private-key-file": pki.server.key,
        "client-ca-file": pki.ca,
        "cert-dir": "apiserver-certificates",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": pki.service_accounts,
        "service-account-signing-key-file": pki.service_accounts,
        "service-cluster-ip-range": "10.0.0.0/24",
        "authorization-mode": "RBAC",
        # At 0, the default, a polite stop waits a minute for watches to end by themselves.
        "shutdown-watch-termination-grace-period": "1s",
    }
    return line(values | {name.replace("_", "-"): value for name, value in other.items()})


def controller_manager(pki: Pki, kubeconfig: Path, **other: object) -> list[str]:
    """kube-controller-manager, with what namespaces, owners and accounts need."""
    values: Values = {
        "kubeconfig": kubeconfig,
        "controllers": ",".join(CONTROLLERS),
        # Each controller acts with the rights of its own; the common user has next to none.
        "use-service-account-credentials": "true",
        "service-account-private-key-file": pki.service_accounts,
        "root-ca-file": pki.ca,
        "leader-elect": "false",
        "secure-port": 0,
    }
    return line(values | {name.replace("_", "-"): value for name, value in other.items()})


def line(values: Values) -> list[str]:
    """Settings as arguments."""
    return [f"--{name}={value}" for name, value in values.items()]
