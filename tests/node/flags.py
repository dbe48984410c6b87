"""The command lines and the configuration of the node's parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.controlplane import flags

if TYPE_CHECKING:
    from pathlib import Path

    from tests.node.debian import Programs
    from tests.node.pki import NodePki

NAME = "node"
ADDRESS = "10.123.0.1"
PODS, SERVICES, FIRST_SERVICE = "10.123.8.0/22", "10.123.16.0/22", "10.123.16.1"
PORT = 6443
SERVER = f"https://{ADDRESS}:{PORT}"
SERVICE = "kubernetes.default.svc"
SERVER_NAMES = (
    *("127.0.0.1", "localhost", ADDRESS, FIRST_SERVICE),
    *("kubernetes", "kubernetes.default", SERVICE, f"{SERVICE}.cluster.local"),
)
SOCKET = "/run/containerd/containerd.sock"
PAUSE = "docker.io/fastapi-maintenance/pause:1"


def apiserver(pki: NodePki) -> list[str]:
    """kube-apiserver: that of the plain control plane, which also speaks to kubelets."""
    return flags.apiserver(
        pki.control,
        PORT,
        bind_address="0.0.0.0",
        advertise_address=ADDRESS,
        endpoint_reconciler_type="lease",
        service_cluster_ip_range=SERVICES,
        authorization_mode="Node,RBAC",
        enable_admission_plugins="NodeRestriction",
        allow_privileged="true",
        kubelet_client_certificate=pki.apiserver_to_kubelet.certificate,
        kubelet_client_key=pki.apiserver_to_kubelet.key,
        kubelet_certificate_authority=pki.control.ca,
        kubelet_preferred_address_types="InternalIP",
    )


def controller_manager(pki: NodePki, kubeconfig: Path) -> list[str]:
    """kube-controller-manager, with all its controllers."""
    return flags.controller_manager(pki.control, kubeconfig, controllers="*")


def scheduler(kubeconfig: Path) -> list[str]:
    """kube-scheduler."""
    values: flags.Values = {"kubeconfig": kubeconfig, "leader-elect": "false", "secure-port": 0}
    return flags.line(values)


def kubelet(folder: Path, kubeconfig: Path) -> list[str]:
    """kubelet; `folder` has its configuration."""
    return flags.line(
        {
            "config": folder / "kubelet.json",
            "kubeconfig": kubeconfig,
            "hostname-override": NAME,
            "node-ip": ADDRESS,
        }
    )


def write_kubelet(folder: Path, pki: NodePki, cgroup: str) -> None:
    """Write kubelet's configuration."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    _write(
        folder / "kubelet.json",
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": ADDRESS,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki.control.ca)},
            },
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{cgroup}",
            "clusterDomain": "cluster.local",
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            # The machine's disk is shared with whatever else it does: no Pod is evicted for that.
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%"},
            "failCgroupV1": False,
            "failSwapOn": False,
            "imageGCHighThresholdPercent": 100,
            "resolvConf": str(folder / "resolv.conf"),
            # A ConfigMap in a volume follows within 8 s; at the default it takes a minute.
            "syncFrequency": "5s",
            "tlsCertFile": str(pki.kubelet_server.certificate),
            "tlsPrivateKeyFile": str(pki.kubelet_server.key),
        },
    )


def proxy(folder: Path) -> list[str]:
    """kube-proxy; `folder` has its configuration."""
    return flags.line({"config": folder / "kube-proxy.json"})


def write_proxy(folder: Path, kubeconfig: Path) -> None:
    """Write kube-proxy's configuration."""
    _write(
        folder / "kube-proxy.json",
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(kubeconfig)},
            "clusterCIDR": PODS,
            # These limits are the whole machine's.
            "conntrack": {"maxPerCore": 0, "min": 0},
            "healthzBindAddress": f"{ADDRESS}:10256",
            "hostnameOverride": NAME,
            "mode": "nftables",
        },
    )


def containerd(folder: Path) -> list[str]:
    """containerd; `folder` has its configuration."""
    return ["--config", str(folder / "containerd.toml")]


def write_containerd(folder: Path, programs: Programs) -> None:
    """Write containerd's configuration, and the network that it gives to Pods."""
    cri, runc = 'plugins."io.containerd.grpc.v1.cri"', "containerd.runtimes.runc"
    tables: dict[str, dict[str, Any]] = {
        "grpc": {"address": SOCKET},
        cri: {
            "sandbox_image": PAUSE,
            # To lower it takes CAP_SYS_RESOURCE, which this machine may withhold.
            "restrict_oom_score_adj": True,
            "disable_apparmor": True,
        },
        f"{cri}.cni": {"bin_dir": str(programs.cni), "conf_dir": str(folder / "cni")},
        f"{cri}.{runc}": {"runtime_type": "io.containerd.runc.v2"},
        f"{cri}.{runc}.options": {
            "BinaryName": str(programs.path("runc")),
            "SystemdCgroup": False,
        },
    }
    top = {"version": 2, "root": str(folder / "run/containerd"), "state": "/run/containerd"}
    text = _settings(top) + "".join(f"[{n}]\n{_settings(table)}" for n, table in tables.items())
    (folder / "containerd.toml").write_text(text)
    (folder / "cni").mkdir()
    _write(folder / "cni" / "pods.conflist", _network())


def _settings(table: dict[str, Any]) -> str:
    """Strings, numbers and booleans of TOML are those of JSON."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())


def _network() -> dict[str, Any]:
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1))
