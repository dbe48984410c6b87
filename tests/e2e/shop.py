"""The shop: the example's application in a namespace, once for each way of following windows."""

from __future__ import annotations

import copy
import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import yaml

from tests.chart import ROOT
from tests.e2e.client import Client

if TYPE_CHECKING:
    from tests.controlplane.kubectl import Kubectl

EXAMPLE = ROOT / "examples" / "03-pods"
PLAN = "/etc/maintenance/windows.json"
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Application:
    """One application: its name is that of its Deployment, its Service, and in windows."""

    name: str
    source: str = "maintenancewindow"  # of K8sBackend, or the path of a mounted plan
    replicas: int = 2
    account: bool = True  # whether it has a token of its ServiceAccount
    token_seconds: int = 0  # how long that lives; 0: as long as the cluster has it

    def manifests(self, image: str) -> list[Manifest]:
        """The example's objects, for this application."""
        objects = list(yaml.safe_load_all((EXAMPLE / "orders.yaml").read_text()))
        found = json.loads(json.dumps(objects).replace('"orders', f'"{self.name}'))
        for item in found:
            if item["kind"] == "Deployment":
                self._set(item["spec"], image)
        return [it for it in found if self.account or it["kind"] in ("Deployment", "Service")]

    def _set(self, spec: Manifest, image: str) -> None:
        spec["replicas"] = self.replicas
        pod, container = spec["template"]["spec"], spec["template"]["spec"]["containers"][0]
        container["image"] = image
        # On a busy machine a proxy hears late that a Pod is to go.
        container["lifecycle"]["preStop"]["sleep"]["seconds"] = 10
        container["env"].append({"name": "MAINTENANCE_SOURCE", "value": self.source})
        if not self.account:
            del pod["serviceAccountName"]
            pod["automountServiceAccountToken"] = False
        if self.source.startswith("/"):
            plan = {"name": "fastapi-maintenance-plan", "optional": True}
            _mount(pod, self.source.rpartition("/")[0], {"configMap": plan})
        if self.token_seconds:
            pod["automountServiceAccountToken"] = False
            _mount(pod, TOKEN, {"projected": {"sources": _token(self.token_seconds)}})


def _mount(pod: Manifest, path: str, volume: Manifest) -> None:
    pod["volumes"] = [{"name": "extra", **volume}]
    pod["containers"][0]["volumeMounts"] = [{"name": "extra", "mountPath": path}]


def _token(seconds: int) -> list[Manifest]:
    """What Kubernetes mounts by itself, but for how long it lives."""
    namespace = {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
    return [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": seconds}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]


class Shop:
    """A namespace with applications, and a client that asks them all the time."""

    def __init__(self, kubectl: Kubectl, image: str, name: str | None = None) -> None:
        self._kubectl, self._image = kubectl, image
        self.namespace = name or f"shop-{secrets.token_hex(3)}"
        self.client = Client(kubectl, self.namespace, image)

    def kubectl(self, *arguments: str, **options: Any) -> str:
        """kubectl in the shop's namespace; what it printed."""
        return self._kubectl("-n", self.namespace, *arguments, **options).stdout

    def open(self, *applications: Application) -> None:
        """Deploy them, and wait until they serve."""
        make_namespace(self._kubectl, self.namespace)
        level = "pod-security.kubernetes.io/enforce=restricted"
        self._kubectl("label", "namespace", self.namespace, level)
        objects = [item for app in applications for item in app.manifests(self._image)]
        self.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(objects))
        for app in applications:
            self.await_rollout(app.name)

    def await_rollout(self, name: str) -> None:
        """Wait until all its Pods are ready.

        Raises:
            AssertionError: they are not after five minutes; with what the cluster says of them.
        """
        try:
            self.kubectl("rollout", "status", f"deployment/{name}", "--timeout=300s")
        except AssertionError as error:
            for kind in ("pods", "events"):
                error.add_note(self.kubectl("get", kind, "--output=wide"))
            raise

    def let_clients_in(self, *applications: Application) -> None:
        """Ask them all the time, from now on."""
        self.client.start({app.name: "/orders" for app in applications})

    def close(self) -> None:
        """Remove all of it."""
        self._kubectl("delete", "namespace", self.namespace, "--wait=false", check=False)

    def apply(self, name: str, *apps: str, **spec: Any) -> str:
        """Apply a window like the example's; its name as `X-Maintenance` has it."""
        window = yaml.safe_load((EXAMPLE / "window.yaml").read_text())
        window["metadata"]["name"] = name
        window["spec"] = copy.deepcopy(window["spec"]) | {"apps": list(apps)} | spec
        self.kubectl("apply", "-f", "-", input=json.dumps(window))
        return f"{self.namespace}/{name}"

    def delete(self, name: str) -> float:
        """Delete a window; when it was asked for: from then on the application may serve."""
        asked = time.time()
        self.kubectl("delete", "mw", name, "--ignore-not-found")
        return asked

    def clear(self) -> None:
        """Delete what a test has left, if it failed."""
        self.kubectl("delete", "mw", "--all")

    def condition(self, name: str, kind: str) -> Manifest:
        """A condition of a window, or nothing."""
        found = json.loads(self.kubectl("get", "mw", name, "-o", "json"))
        conditions = found.get("status", {}).get("conditions", [])
        return next((it for it in conditions if it["type"] == kind), {})

    def await_condition(self, name: str, kind: str, timeout: int = 120) -> float:
        """Wait as `kubectl wait` does; when it was met."""
        self.kubectl("wait", f"--for=condition={kind}", f"mw/{name}", f"--timeout={timeout}s")
        return time.time()

    def pods(self, app: str) -> list[Manifest]:
        """The Pods of an application."""
        found = json.loads(self.kubectl("get", "pods", "-l", f"app={app}", "-o", "json"))
        items: list[Manifest] = found["items"]
        return items

    def restarts(self, app: str) -> int:
        """How often containers of an application were started again."""
        statuses = [it for pod in self.pods(app) for it in pod["status"]["containerStatuses"]]
        return sum(status["restartCount"] for status in statuses)

    def ready(self, app: str) -> bool:
        """Whether all its Pods are ready, and it has some."""
        pods = self.pods(app)
        statuses = [it for pod in pods for it in pod["status"].get("containerStatuses", [])]
        return bool(statuses) and all(status["ready"] for status in statuses)


def make_namespace(kubectl: Kubectl, name: str) -> None:
    """Make it, complete with the account that Pods have by default."""
    kubectl("create", "namespace", name)
    kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=120s")


def moment(seconds: float) -> str:
    """The instant so many seconds from now, as manifests have it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
