"""The operator beside thousands of windows on a real API server."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from kubernetes_asyncio import client, config

from fastapi_maintenance.windows import GROUP, PLURAL, VERSION, format_instant
from tests.cluster.windows import apply_window, in_seconds, manifest, wait_for_condition
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

MANY, PLACES = int(os.environ.get("MANY", "1000")), 50
"""How many windows, and in how many namespaces; `make many` has the 5,000 that are promised."""
SOON = timedelta(seconds=1 if "MANY" in os.environ else 5)
"""What is promised is shown by `make many`; where other tests run side by side, all is late."""
LOOKS = "fastapi_maintenance_reconcile_duration_seconds_count"


async def make_many(kubeconfig: Path, places: list[str]) -> None:
    """Create many windows of the far future, spread over namespaces; 16 requests at a time."""
    settings = client.Configuration()
    await config.load_kube_config(str(kubeconfig), client_configuration=settings)
    async with client.ApiClient(settings) as api_client:
        api, limit = client.CustomObjectsApi(api_client), asyncio.Semaphore(16)

        async def make(number: int) -> None:
            place = places[number % len(places)]
            body = manifest(f"w{number}", place, start="2990-01-01T00:00:00Z")
            async with limit:
                await api.create_namespaced_custom_object(GROUP, VERSION, place, PLURAL, body)

        await asyncio.gather(*(make(number) for number in range(MANY)))


def scheduled(kubectl: Kubectl, token: str) -> int:
    """How many of them have their status, as kubectl shows it to people."""
    lines = kubectl("get", "mw", "--all-namespaces", "--no-headers").stdout.splitlines()
    return sum(f"m-{token}-" in line and " Scheduled " in line for line in lines)


@pytest.fixture
def crowded(cluster: Cluster, kubectl: Kubectl, operator: Operator) -> Iterator[None]:
    """A cluster with many windows that all have their status."""
    token = secrets.token_hex(3)
    places = [f"m-{token}-{number}" for number in range(PLACES)]
    items = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in places]
    kubectl("create", "-f", "-", input="\n---\n".join(map(json.dumps, items)))
    try:
        asyncio.run(make_many(cluster.kubeconfig, places))
        wait_for(lambda: scheduled(kubectl, token) == MANY, 300, f"{MANY} statuses", interval=1)
        operator.restart()  # so that the look at all windows every five minutes is not due soon
        yield
    finally:
        kubectl("delete", "namespace", *places, "--wait=false")


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("crowded")
def test_07_a_window_beside_thousands_opens_and_closes_within_a_second(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    """By the operator's own clock, which stands in its Events; it looks at no other at an edge."""
    start = in_seconds(15)
    end = start + timedelta(seconds=3)
    apply_window(kubectl, "upgrade", namespace, start=start, end=format_instant(end))
    wait_for_condition(kubectl, "upgrade", namespace, "Ready")
    before = operator.metric(LOOKS)

    def told() -> dict[str, datetime]:
        command = ("get", "events.events.k8s.io", "-n", namespace, "-o", "json")
        items = json.loads(kubectl(*command).stdout)["items"]
        return {item["reason"]: datetime.fromisoformat(item["eventTime"]) for item in items}

    wait_for(lambda: len(told()) == 2, 60, "both Events")
    assert timedelta(0) <= told()["WindowOpened"] - start < SOON
    assert timedelta(0) <= told()["WindowClosed"] - end < SOON
    assert 0 < operator.metric(LOOKS) - before < 20
