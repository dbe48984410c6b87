"""The documented recipe: a Helm release whose upgrade migrates a database that all Pods share."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.chart import ROOT
from tests.e2e.client import Answer, Client, foreign, refusals_only
from tests.e2e.helm import Helm, HelmError
from tests.e2e.shop import make_namespace
from tests.images.build import version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.kubectl import Kubectl
    from tests.e2e.target import Target

CHART = ROOT / "examples" / "04-migration"
RELEASE, WINDOW = "orders", "orders-migration"
NEVER = "select 1 from stock where books < 0"


class Release:
    """The example's chart in a namespace, with a database on the node's disk."""

    def __init__(self, cluster: Target, kubectl: Kubectl) -> None:
        self.namespace = f"migration-{secrets.token_hex(3)}"
        self._kubectl, self._image = kubectl, f"{cluster.images}/orders:1"
        self.helm = Helm(cluster.kubeconfig, self.namespace)
        self.client = Client(kubectl, self.namespace, self._image)
        self.window = f"{self.namespace}/{WINDOW}"
        folder = {"path": f"/var/lib/{self.namespace}", "type": "DirectoryOrCreate"}
        self._values: dict[str, Any] = {
            "image": self._image,
            "replicas": 1,  # an upgrade has two Pods for a while, an old and a new one
            "commandLine": f"{cluster.images}/operator:{version()}",
            "volume": {"hostPath": folder, "persistentVolumeClaim": None},  # None: not the default
        }

    def values(self, schema: str, column: str, check: str = "select 1") -> dict[str, Any]:
        """The chart's values for a release that reads that schema."""
        return {**self._values, "schema": {"version": schema, "column": column, "check": check}}

    def start(self) -> None:
        """Install version 1, and ask it all the time."""
        make_namespace(self._kubectl, self.namespace)
        self._prepare()
        self.helm.install(CHART, RELEASE, self.values("1", "amount"))
        self.client.start({"orders": "/stock"})

    def _prepare(self) -> None:
        """Let everybody write to the folder: a volume's administrator does that elsewhere."""
        volume = {"name": "data", "hostPath": self._values["volume"]["hostPath"]}
        container = {
            "name": "prepare",
            "image": self._image,
            "command": ["python", "-c", "import os; os.chmod('/data', 0o777)"],
            "securityContext": {"runAsUser": 0},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }
        spec = {
            "restartPolicy": "Never",
            "containers": [container],
            "volumes": [volume],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "prepare"}, "spec": spec}
        self._kubectl("-n", self.namespace, "apply", "-f", "-", input=json.dumps(pod))
        done = "--for=jsonpath={.status.phase}=Succeeded"
        self._kubectl("-n", self.namespace, "wait", done, "pod/prepare", "--timeout=120s")

    def state(self) -> str:
        """The state of the window: `Open`, `Finished`, …"""
        path = '{.status.conditions[?(@.type=="Active")].reason}'
        found = ("-n", self.namespace, "get", "mw", WINDOW, "-o", f"jsonpath={path}")
        return self._kubectl(*found).stdout

    def answers(self, since: float) -> list[Answer]:
        """What the application answered since then."""
        return self.client.answers("orders", since)

    def close(self) -> None:
        """Remove all of it."""
        self._kubectl("delete", "namespace", self.namespace, "--wait=false", check=False)


@pytest.fixture
def release(installed: Helm, cluster: Target, kubectl: Kubectl) -> Iterator[Release]:
    """Version 1, which serves."""
    made = Release(cluster, kubectl)
    try:
        made.start()
        made.client.await_service("orders", time.time())
        yield made
    finally:
        made.close()


def test_nobody_meets_a_schema_that_is_not_theirs(release: Release) -> None:
    """A failed migration keeps the window open until the rollback; the next one succeeds."""
    began = time.time()
    with pytest.raises(HelmError):
        release.helm.upgrade(CHART, RELEASE, release.values("2", "books", check=NEVER))
    failed = time.time()
    release.client.await_refusals("orders", release.window, failed)
    assert release.state() == "Open"

    refused = time.time()
    release.helm.rollback(RELEASE)
    release.client.await_service("orders", refused)
    assert release.state() == "Finished"
    while_failed = [it for it in release.answers(failed) if it.sent + it.took < refused]
    assert while_failed
    assert refusals_only(while_failed, release.window) == []

    release.helm.upgrade(CHART, RELEASE, release.values("2", "books"))
    release.client.await_service("orders", time.time())
    answers = release.answers(began)
    assert foreign(answers, release.window) == []
    assert {it.body for it in answers if it.status == 200} == {'{"books":7}'}
    assert any(it.refused_by == release.window for it in answers if it.sent > refused + 1)
