"""From the write of a window to what it changes, beside a raw watch of the same server.

Three clocks start just before the write and stop when, in the same process,

- raw: a bare watch (a TLS socket, no HTTP library) has read the event's line,
- state: `K8sBackend.state()` refuses,
- request: a request through the middleware is answered 503.

Run it with `make bench`; it prints Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import ssl
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI

from fastapi_maintenance import K8sBackend, MaintenanceModeMiddleware
from fastapi_maintenance.windows import API_VERSION, GROUP, KIND, PLURAL, VERSION
from tests.controlplane.build import build
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.identity import Identity, make_identity
from tests.controlplane.install import install
from tests.controlplane.target import own

ROLE = "fastapi-maintenance-application"
NAMESPACE = "shop"
PATH = f"/apis/{GROUP}/{VERSION}/namespaces/{NAMESPACE}/{PLURAL}"


@dataclass
class Flips:
    """Milliseconds from the write, one of each kind for each flip."""

    raw: list[float] = field(default_factory=list)
    state: list[float] = field(default_factory=list)
    request: list[float] = field(default_factory=list)


class RawWatch:
    """A watch with nothing around it: notes when each window's first event has been read."""

    def __init__(self, identity: Identity, server: str) -> None:
        self._url = urlsplit(server)
        self._token = identity.token_file.read_text()
        self._tls = ssl.create_default_context(cafile=str(identity.folder / "ca.crt"))
        self._seen: dict[str, float] = {}
        self._changed = threading.Condition()
        threading.Thread(target=lambda: asyncio.run(self._watch()), daemon=True).start()

    def wait_for(self, name: str) -> float:
        """When the window's event was read."""
        with self._changed:
            if not self._changed.wait_for(lambda: name in self._seen, 30):
                raise TimeoutError(f"the raw watch did not see {name}")
            return self._seen[name]

    async def _watch(self) -> None:
        host, port = str(self._url.hostname), self._url.port
        reader, writer = await asyncio.open_connection(host, port, ssl=self._tls, limit=2**22)
        writer.write(
            f"GET {PATH}?watch=true HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {self._token}\r\nAccept-Encoding: identity\r\n\r\n".encode()
        )
        async for line in reader:
            if line.startswith(b'{"type":"ADDED"'):
                now = time.perf_counter()
                name = json.loads(line)["object"]["metadata"]["name"]
                with self._changed:
                    self._seen[name] = now
                    self._changed.notify_all()


async def measure(cluster: Any, identity: Identity, flips: int) -> Flips:
    """Apply and delete windows, one after the other."""
    raw = RawWatch(identity, cluster.endpoint["server"])
    backend = K8sBackend(app="orders", kubeconfig=identity.kubeconfig)
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    app.get("/orders")(lambda: "ordered")
    taken = Flips()
    transport = httpx.ASGITransport(app)
    async with (
        _admin(cluster) as api,
        httpx.AsyncClient(transport=transport, base_url="http://app") as visitor,
    ):
        assert (await visitor.get("/orders")).status_code == 200
        for number in range(flips):
            name = f"w{number}"
            began = time.perf_counter()
            (await api.post(PATH, json=_window(name))).raise_for_status()
            while (await visitor.get("/orders")).status_code != 503:
                await asyncio.sleep(0)
            taken.request.append((time.perf_counter() - began) * 1000)
            taken.raw.append((await asyncio.to_thread(raw.wait_for, name) - began) * 1000)
            await _clear(api, name, backend)
            taken.state.append(await _time_state(api, f"s{number}", backend))
            await _clear(api, f"s{number}", backend)
    backend.close()
    return taken


async def _time_state(api: httpx.AsyncClient, name: str, backend: K8sBackend) -> float:
    """Milliseconds until the backend refuses, seen by a thread that does nothing else."""
    began = time.perf_counter()
    post = asyncio.create_task(api.post(PATH, json=_window(name)))
    while backend.state().reads is None:
        await asyncio.sleep(0)
    taken = (time.perf_counter() - began) * 1000
    (await post).raise_for_status()
    return taken


async def _clear(api: httpx.AsyncClient, name: str, backend: K8sBackend) -> None:
    (await api.delete(f"{PATH}/{name}")).raise_for_status()
    while backend.state().reads is not None:
        await asyncio.sleep(0.001)


def _window(name: str) -> dict[str, Any]:
    spec = {"apps": ["orders"], "start": "2026-01-01T00:00:00Z"}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}


def _admin(cluster: Any) -> httpx.AsyncClient:
    """An administrator, by the client certificate of its kubeconfig."""
    view = cluster.kubectl("config", "view", "--raw", "--flatten", "-o", "json").stdout
    user = json.loads(view)["users"][0]["user"]
    tls = ssl.create_default_context(cafile=cluster.endpoint["certificate-authority"])
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "client.pem"
        both.touch(mode=0o600)
        parts = (user["client-certificate-data"], user["client-key-data"])
        both.write_bytes(b"".join(base64.b64decode(part) for part in parts))
        tls.load_cert_chain(both)
    return httpx.AsyncClient(base_url=cluster.endpoint["server"], verify=tls, trust_env=False)


def report(taken: Flips) -> str:
    """A Markdown table, each kind against the raw watch."""
    rows = [
        "| from the write to | p50 ms | p99 ms | p50 / raw | p99 / raw |",
        "|---|---|---|---|---|",
    ]
    base = _quantiles(taken.raw)
    for name, values in (
        ("a raw watch has the event", taken.raw),
        ("the backend refuses", taken.state),
        ("a request is answered 503", taken.request),
    ):
        p50, p99 = _quantiles(values)
        rows.append(
            f"| {name} | {p50:.1f} | {p99:.1f} | {p50 / base[0]:.2f} | {p99 / base[1]:.2f} |"
        )
    return "\n".join(rows)


def _quantiles(values: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[98]


def main() -> None:
    """Build what is needed, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flip", description=__doc__)
    parser.add_argument("--flips", type=int, default=200, help="windows of each kind: %(default)s")
    flips = parser.parse_args().flips
    build()
    os.environ.pop("KUBECONFIG", None)
    with tempfile.TemporaryDirectory() as folder, ControlPlane(Path(folder)) as control_plane:
        cluster = own(control_plane)
        install(cluster)
        cluster.kubectl("create", "namespace", NAMESPACE)
        identity = make_identity(cluster, "orders", NAMESPACE, cluster_role=ROLE)
        print(report(asyncio.run(measure(cluster, identity, flips))))


if __name__ == "__main__":
    main()
