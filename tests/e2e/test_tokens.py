"""Tokens expire. The long form (`E2E=long`): the API issues none for less than ten minutes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.client import foreign
from tests.e2e.shop import Application, Shop
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.kubectl import Kubectl
    from tests.e2e.helm import Helm
    from tests.e2e.target import Target

LIFE = 600  # seconds, the least that the API gives
MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
pytestmark = [
    pytest.mark.skipif(os.environ.get("E2E") != "long", reason="takes 12 minutes: E2E=long"),
    pytest.mark.timeout(3 * LIFE),
]


@pytest.fixture
def shop(installed: Helm, cluster: Target, kubectl: Kubectl) -> Iterator[Shop]:
    """A shop whose Pods have tokens of ten minutes."""
    opened = Shop(kubectl, f"{cluster.images}/orders:1")
    try:
        orders = Application("orders", token_seconds=LIFE)
        opened.open(orders)
        opened.let_clients_in(orders)
        yield opened
    finally:
        opened.close()


def test_a_process_outlives_its_token(shop: Shop) -> None:
    """The kubelet renews the file, and the watch, reports and writes go on with the new one."""
    pods = [pod["metadata"]["name"] for pod in shop.pods("orders")]
    first = [token(shop, pod) for pod in pods]
    began = time.time()

    def all_renewed() -> bool:
        return all(token(shop, pod) != old for pod, old in zip(pods, first, strict=True))

    wait_for(all_renewed, LIFE, "the tokens to be renewed", interval=5)
    wait_for(lambda: time.time() > began + LIFE + 60, 2 * LIFE, "the old ones to have expired")
    assert shop.restarts("orders") == 0
    applied = time.time()
    window = shop.apply("upgrade", "orders")
    shop.await_condition("upgrade", "Drained")
    refused = shop.client.await_refusals("orders", window, applied)
    assert refused - applied < 5
    deleted = shop.delete("upgrade")
    shop.client.await_service("orders", deleted)
    assert foreign(shop.client.answers("orders", began), window) == []


def token(shop: Shop, pod: str) -> str:
    """The token that a Pod has now."""
    code = f"print(open('{MOUNT}/token').read())"
    return shop.kubectl("exec", pod, "--", "python", "-c", code)
