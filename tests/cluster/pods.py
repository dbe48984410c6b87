"""Pods as the API server knows them, which no kubelet runs, and who they are to it.

A token that is bound to a Pod is what the kubelet mounts into it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fastapi_maintenance.backends.kubernetes import process
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.pki import write_kubeconfig

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.identity import Identity


@dataclass(frozen=True)
class InPod:
    """A Pod; `kubectl` asks with its token, and `mount` has the files that it would find."""

    name: str
    uid: str
    namespace: str
    mount: Path
    kubectl: Kubectl


def make_pod(identity: Identity, name: str) -> InPod:
    """Create a Pod of this account, and have a token made that is bound to it."""
    admin, where = identity.cluster.kubectl, ("-n", identity.namespace)
    created = admin(
        *where, "create", "-f", "-", "-o", "json", input=json.dumps(manifest(identity, name))
    )
    uid = json.loads(created.stdout)["metadata"]["uid"]
    bound = ("--bound-object-kind=Pod", f"--bound-object-name={name}", f"--bound-object-uid={uid}")
    token = admin(*where, "create", "token", identity.name, *bound).stdout.strip()
    mount = _mount(identity, name, token)
    user = {"tokenFile": str(mount / "token")}
    endpoint = dict(identity.cluster.endpoint)
    config = write_kubeconfig(
        mount / "kubeconfig", cluster=endpoint, user=user, namespace=identity.namespace
    )
    return InPod(name, uid, identity.namespace, mount, Kubectl(config))


def _mount(identity: Identity, name: str, token: str) -> Path:
    mount = identity.folder / name
    mount.mkdir(mode=0o700, exist_ok=True)
    (mount / "token").touch(mode=0o600)
    (mount / "token").write_text(token)
    for file in ("namespace", "ca.crt"):
        if (identity.folder / file).exists():
            (mount / file).write_bytes((identity.folder / file).read_bytes())
    return mount


def manifest(identity: Identity, name: str) -> dict[str, Any]:
    """A Pod that satisfies Pod Security `restricted`."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "web", "image": "none", "securityContext": security}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": identity.namespace},
        "spec": {
            "serviceAccountName": identity.name,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }


def of_pod(name: str, pod: str | None, uid: str = "") -> str:
    """The MaintenanceProcess of a process in a Pod, as a manifest."""
    where = process.Pod(pod, uid, None) if pod else None
    report = process.Report(())
    item = process.new_object(name, process.Self("orders", where), report, datetime.now(UTC))
    return json.dumps(item)
