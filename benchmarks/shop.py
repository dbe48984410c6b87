"""A real API server of our own, with what benchmarks need of it: accounts, an administrator."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from fastapi_maintenance.windows import API_VERSION, GROUP, KIND, PLURAL, VERSION
from tests.controlplane.build import build
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.identity import Identity, make_identity
from tests.controlplane.install import install
from tests.controlplane.target import Cluster, own

ROLE = "fastapi-maintenance-application"


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A control plane with our CRDs and rights, until the end of the block."""
    build()
    os.environ.pop("KUBECONFIG", None)
    with tempfile.TemporaryDirectory() as folder, ControlPlane(Path(folder)) as control_plane:
        cluster = own(control_plane)
        install(cluster)
        yield cluster


def account(cluster: Cluster, namespace: str) -> Identity:
    """The service account of an application, in a namespace of its own."""
    cluster.kubectl("create", "namespace", namespace)
    return make_identity(cluster, "orders", namespace, cluster_role=ROLE, expiration_seconds=36000)


def pod_environ(cluster: Cluster) -> Mapping[str, str]:
    """What a process in a Pod finds in its environment."""
    host, _, port = cluster.endpoint["server"].removeprefix("https://").partition(":")
    return os.environ | {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}


def administrator(cluster: Cluster, timeout: float = 60.0) -> httpx.Client:
    """A client with an administrator's certificate."""
    return httpx.Client(
        base_url=cluster.endpoint["server"],
        verify=administrators_tls(cluster),
        trust_env=False,
        timeout=timeout,
    )


def administrators_tls(cluster: Cluster) -> ssl.SSLContext:
    """What makes a connection an administrator's."""
    view = cluster.kubectl("config", "view", "--raw", "--flatten", "-o", "json").stdout
    user = json.loads(view)["users"][0]["user"]
    tls = ssl.create_default_context(cafile=cluster.endpoint["certificate-authority"])
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "client.pem"
        both.touch(mode=0o600)
        parts = (user["client-certificate-data"], user["client-key-data"])
        both.write_bytes(b"".join(base64.b64decode(part) for part in parts))
        tls.load_cert_chain(both)
    return tls


def path_of(namespace: str, name: str = "") -> str:
    """Of the windows of a namespace, or of one."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}" + (f"/{name}" if name else "")


def open_window(name: str) -> dict[str, Any]:
    """A window that is open from its creation on."""
    spec = {"apps": ["orders"], "start": "2026-01-01T00:00:00Z"}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}


def load() -> str:
    """How busy the machine is, whoever is to blame."""
    one, five, _ = os.getloadavg()
    return f"load average {one:.1f} (1 min), {five:.1f} (5 min), {os.cpu_count()} cores"


def say(text: str) -> None:
    """Progress, beside what is printed."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
