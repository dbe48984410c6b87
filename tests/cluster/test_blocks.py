"""maintenance_mode_on() on a real API server: others see it, and it goes with its process."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fastapi_maintenance import K8sBackend, maintenance_mode_on
from tests.cluster.application import Application
from tests.leash import Leashed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.identity import Identity
    from tests.controlplane.kubectl import Kubectl

ROOT = Path(__file__).parents[2]

LASTS = 12.0
BLOCK = f"""
import logging, sys, threading
from fastapi_maintenance import K8sBackend, maintenance_mode_on
from fastapi_maintenance.backends.kubernetes import blocks, objects
logging.basicConfig()
objects.BLOCK_LASTS = blocks.BLOCK_LASTS = {LASTS}
blocks._RENEW_EVERY = (1.0, 1.5)
with maintenance_mode_on(K8sBackend("orders", kubeconfig=sys.argv[1])):
    print("begun", flush=True)
    threading.Event().wait()
"""
"""A process with a block that lasts a fifth of the usual time without a renewal."""


@pytest.fixture
def app(writer: Identity, tmp_path: Path) -> Iterator[Application]:
    """Another process of the application."""
    with ExitStack() as ending:
        app = Application(writer, tmp_path / "app.log")
        ending.callback(app.stop)
        app.start()
        yield app


def begin(writer: Identity, log: Path) -> Leashed:
    command = [sys.executable, "-c", BLOCK, str(writer.kubeconfig)]
    process = Leashed(command, log=log, cwd=ROOT, env=os.environ)
    process.wait_for(lambda: "begun" in process.output(), what="the block")
    return process


def windows(kubectl: Kubectl, namespace: str) -> list[str]:
    return kubectl("get", "mw", "-n", namespace, "-o", "name").stdout.split()


def test_a_killed_process_leaves_no_maintenance_behind(
    kubectl: Kubectl, writer: Identity, app: Application, tmp_path: Path
) -> None:
    """Renewed while it lives; after `kill -9` over as soon as what it renewed last has ended."""
    process = begin(writer, tmp_path / "block.log")
    began = time.monotonic()
    refused = app.wait_for_code(503)
    assert refused.headers["X-Maintenance"].startswith(f"window={writer.namespace}/orders-block-")
    assert int(refused.headers["Retry-After"]) <= LASTS
    while time.monotonic() < began + LASTS + 2:  # longer than it lasts unrenewed
        assert app.get().status_code == 503
        time.sleep(0.01)
    process.kill()
    killed = time.time()
    (left,) = windows(kubectl, writer.namespace)
    end = kubectl("get", left, "-n", writer.namespace, "-o", "jsonpath={.spec.end}").stdout
    ends = datetime.fromisoformat(end).timestamp()
    assert ends <= killed + LASTS
    answers = list(app.ask_until(lambda answer: answer.code == 200))
    assert not any(answer.contradicts(0, ends) for answer in answers)
    kubectl("delete", left, "-n", writer.namespace)


def test_a_process_that_ends_its_block_deletes_the_window(
    kubectl: Kubectl, writer: Identity, app: Application, tmp_path: Path
) -> None:
    process = begin(writer, tmp_path / "block.log")
    app.wait_for_code(503)
    os.kill(process.pid, signal.SIGINT)  # KeyboardInterrupt, in the block
    process.wait(60)
    assert windows(kubectl, writer.namespace) == []
    app.wait_for_code(200)


def test_an_operators_word_lets_the_block_begin(
    kubectl: Kubectl, writer: Identity, tmp_path: Path
) -> None:
    """What counts is a condition that stands in etcd, for the occurrence that is open now."""
    backend = K8sBackend("orders", kubeconfig=writer.kubeconfig)
    with (
        pytest.raises(TimeoutError, match="not drained by all processes in time"),
        maintenance_mode_on(backend, wait_for="drained", timeout=1),
    ):
        raise AssertionError
    assert windows(kubectl, writer.namespace) == []
    watching = [sys.executable, "-c", SAYING, str(writer.cluster.kubeconfig), writer.namespace]
    with Leashed(watching, log=tmp_path / "said.log", cwd=ROOT, env=os.environ):
        with maintenance_mode_on(backend, wait_for="drained", timeout=60):
            (name,) = windows(kubectl, writer.namespace)
            shown = kubectl("get", name, "-n", writer.namespace, "-o", "json").stdout
            conditions = json.loads(shown)["status"]["conditions"]
        assert ("Drained", "True") in [(c["type"], c["status"]) for c in conditions]


SAYING = """
import json, pathlib, sys, time
from tests.controlplane.kubectl import Kubectl

kubectl, place = Kubectl(pathlib.Path(sys.argv[1])), ("-n", sys.argv[2])
while not (items := json.loads(kubectl("get", "mw", *place, "-o", "json").stdout)["items"]):
    time.sleep(0.05)
(item,) = items
condition = {
    "type": "Drained", "status": "True", "reason": "Drained", "message": "0 requests",
    "lastTransitionTime": item["spec"]["start"], "observedGeneration": 1,
}
status = {"conditions": [condition], "current": {"start": item["spec"]["start"]}}
body = {
    "apiVersion": item["apiVersion"], "kind": item["kind"],
    "metadata": {"name": item["metadata"]["name"]}, "status": status,
}
how = ("--server-side", "--subresource=status", "--field-manager=test", "--force-conflicts")
kubectl("apply", *how, *place, "-f", "-", input=json.dumps(body))
"""
"""What stands for an operator that proves drains."""
