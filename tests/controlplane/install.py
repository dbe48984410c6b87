"""Installing what this repository ships into a cluster, and running its operator beside it.

Rights, accounts and settings are the chart's own. Only the Deployment is left out: where no
kubelet runs, the operator is a process of this machine, with the token of its ServiceAccount.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import yaml

from fastapi_maintenance.windows import VERSION
from tests.chart import NAMESPACE, ROOT, is_hook, render
from tests.controlplane import flags, ports
from tests.controlplane.daemon import Daemon
from tests.controlplane.identity import Identity, make_identity
from tests.controlplane.parts import SERVED
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

OPERATOR = "fastapi_maintenance_operator"
LEADER = "fastapi_maintenance_operator_leader"
# CRDs come from their source; nothing here would run a Pod.
LEFT_OUT = {"CustomResourceDefinition", "Deployment"}
DAY = 24 * 60 * 60


def install(cluster: Cluster, values: dict[str, Any] | None = None) -> None:
    """Apply the CRDs from `crds/` and the chart's objects; again and again does no harm."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    crds = [item for path in sorted(ROOT.glob("crds/*.yaml")) for item in _documents(path)]
    objects = [item for item in render(values) if _applies(item)]
    stream = yaml.safe_dump_all([namespace, *crds, *objects])
    cluster.kubectl("apply", "--server-side", "-n", NAMESPACE, "-f", "-", input=stream)
    await_served(cluster.kubectl, [crd["metadata"]["name"] for crd in crds])


def await_served(kubectl: Kubectl, names: Sequence[str], version: str = VERSION) -> None:
    """Wait until the kinds of these CRDs are told of, as kubectl asks, and listed and watched."""
    crds = [f"crd/{name}" for name in names]
    kubectl("wait", "--for=condition=Established", "--timeout=60s", *crds)
    for name in names:
        plural, _, group = name.partition(".")
        wait_for(partial(kubectl, "get", name, "--all-namespaces"), 60, f"{plural} to be told of")
        path = f"/apis/{group}/{version}/{plural}{SERVED}"
        wait_for(partial(kubectl.request, "GET", path), 60, f"{plural} to be served")


def _documents(path: Path) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all(path.read_text()) if item]


def _applies(item: dict[str, Any]) -> bool:
    """Hooks are Helm's to run."""
    return item["kind"] not in LEFT_OUT and not is_hook(item)


class Operator(Daemon):
    """The operator as a process of this machine; can be stopped, killed and frozen."""

    def __init__(
        self, identity: Identity, port: int, *arguments: str, name: str = "operator"
    ) -> None:
        self.identity, self.port = identity, port
        super().__init__(
            [sys.executable, "-m", OPERATOR, "--host", flags.HOST, "--port", str(port), *arguments],
            log=identity.cluster.folder / f"{name}.log",
            ready=lambda: self.answers("/readyz"),
            env=_environment(identity),
        )

    @contextmanager
    def differently(self, module: str = OPERATOR, **variables: str) -> Iterator[None]:
        """Whenever it is started within the block it is that module, with variables beside ours."""
        before = self._command, self._env
        self._command = [sys.executable, "-m", module, *self._command[3:]]
        self._env = {**(self._env or {}), **variables}
        try:
            yield
        finally:
            self._command, self._env = before

    def leads(self) -> bool:
        """Whether it holds the Lease, and has looked at everything since: a standby is ready, too.

        One that was killed has left the Lease behind, and the next one waits until it is over.
        """
        return self.metric(LEADER) == 1 and self.answers("/readyz")

    def answers(self, path: str) -> bool:
        """Whether its own HTTP server answers a GET with 200."""
        return self.get(path)[0] == 200

    def get(self, path: str) -> tuple[int, str]:
        """What its own HTTP server answers to a GET: status code and text."""
        connection = HTTPConnection(flags.HOST, self.port, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        lines = self.get("/metrics")[1].splitlines()
        (value,) = [line.split()[1] for line in lines if line.startswith(f"{name} ")]
        return float(value)


def make_operator(
    cluster: Cluster, *arguments: str, port: int | None = None, name: str = "operator"
) -> Operator:
    """The operator under its ServiceAccount of the chart, not yet started; `name` is its log's."""
    identity = make_identity(cluster, _service_account(), NAMESPACE, expiration_seconds=DAY)
    return Operator(identity, port or ports.free_port(), *arguments, name=name)


def start_operator(
    cluster: Cluster, *arguments: str, port: int | None = None, name: str = "operator"
) -> Operator:
    """The same, running; returns when it is ready."""
    operator = make_operator(cluster, *arguments, port=port, name=name)
    operator.start()
    return operator


def _service_account() -> str:
    """The account that the chart's Deployment runs as."""
    deployment = next(item for item in render() if item["kind"] == "Deployment")
    return str(deployment["spec"]["template"]["spec"]["serviceAccountName"])


def _environment(identity: Identity) -> dict[str, str]:
    """The caller's, with the one kubeconfig; never a cluster that the caller happens to be in."""
    outer = {name: v for name, v in os.environ.items() if not name.startswith("KUBERNETES_SERVICE")}
    return outer | {"KUBECONFIG": str(identity.kubeconfig), "PYTHONUNBUFFERED": "1"}
