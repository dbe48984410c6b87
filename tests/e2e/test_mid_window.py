"""What may befall a cluster while a window is open: nobody gets through, nothing is forgotten."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.chart import NAMESPACE
from tests.e2e.client import SETTLED, foreign, refusals_only
from tests.e2e.shop import moment
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.kubectl import Kubectl
    from tests.e2e.shop import Shop
    from tests.node.node import Node

SELECTOR = "app.kubernetes.io/component=operator"
LENGTH = 60 if os.environ.get("E2E") == "long" else 8
"""Seconds of the window that nobody sees but applications."""
LOST_AFTER = 35
"""Seconds without a word from a node that a controller bears in any case: it takes its Pods for
unready after forty."""
OPERATOR = ("-n", NAMESPACE, "-l", SELECTOR)


@pytest.fixture
def window(shop: Shop) -> Iterator[str]:
    """An open window that all processes of `orders` enforce; the test ends with 200s again."""
    began = time.time()
    name = shop.apply("upgrade", "orders")
    shop.await_condition("upgrade", "Enforced")
    shop.client.await_refusals("orders", name, began)
    enforced = time.time()
    yield name
    answers = shop.client.answers("orders", enforced)
    deleted = shop.delete("upgrade")
    assert answers
    assert refusals_only(answers, name) == []
    shop.client.await_service("orders", deleted)


def test_no_request_gets_through_a_rolling_update(shop: Shop, window: str) -> None:
    """New Pods look before they serve, and become ready although a window is open."""
    before = {pod["metadata"]["uid"] for pod in shop.pods("orders")}
    shop.kubectl("rollout", "restart", "deployment/orders")
    shop.await_rollout("orders")

    def replaced() -> bool:
        pods = shop.pods("orders")
        return len(pods) == 2 and not before & {pod["metadata"]["uid"] for pod in pods}

    wait_for(replaced, 120, "the old Pods to be gone")
    wait_for(lambda: processes(shop) == 4, 120, "four processes to be registered")
    assert shop.condition("upgrade", "Drained")["status"] == "True"


def processes(shop: Shop) -> int:
    """How many processes of `orders` say what they do."""
    found = json.loads(shop.kubectl("get", "mp", "-o", "json"))["items"]
    return sum(item["spec"]["app"] == "orders" for item in found)


def test_an_operator_whose_pod_is_deleted_is_replaced_and_says_the_same(
    kubectl: Kubectl, shop: Shop, window: str
) -> None:
    """The new one takes up an edit; what was proven stays."""
    old = kubectl("get", "pods", *OPERATOR, "-o", "name").stdout.strip()
    kubectl("delete", "-n", NAMESPACE, old, "--wait=false")
    kubectl("wait", "-n", NAMESPACE, "--for=delete", old, "--timeout=120s")
    response = {"message": "Still upgrading"}
    shop.apply("upgrade", "orders", response=response)

    def taken_up() -> bool:
        found = json.loads(shop.kubectl("get", "mw", "upgrade", "-o", "json"))
        return bool(found["status"]["observedGeneration"] == found["metadata"]["generation"])

    wait_for(taken_up, 120, "the new operator to take up the edit")
    for kind in ("Enforced", "Drained"):
        assert shop.condition("upgrade", kind)["status"] == "True"


def test_a_kubelet_that_restarts_restarts_no_application(
    node: Node, shop: Shop, window: str
) -> None:
    """Pods run on, and become ready again."""
    restarts = shop.restarts("orders")
    node.kubelet.kill()
    node.kubelet.start()
    again = time.time()
    wait_for(lambda: shop.client.answers("orders", again), 120, "the client's log to be served")
    wait_for(lambda: shop.ready("orders"), 120, "orders to be ready")
    assert shop.restarts("orders") == restarts


def test_a_window_opens_and_closes_on_time_with_the_api_server_down(node: Node, shop: Shop) -> None:
    """What is known needs nobody; when the server is back, so are the reports."""
    began = time.time()
    opens = plan(shop, "planned-upgrade")
    closes = opens + LENGTH
    away = time.time()
    node.apiserver.kill()
    assert time.time() < opens
    wait_for(lambda: time.time() > closes + 3, 120, "the window to be over")
    back = time.time()
    node.revive()
    answers = wait_for(lambda: shop.client.answers("orders", began), 120, "the client's log")
    if back - away > LOST_AFTER:  # then Services are without its Pods until it has spoken again
        answers = [answer for answer in answers if answer.sent < back]
    assert foreign(answers, f"{shop.namespace}/planned-upgrade") == []
    inside = [it for it in answers if opens + 1 < it.sent < closes - 1]
    outside = [it for it in answers if it.sent < opens - 1 or it.sent > closes + 1]
    assert min(len(inside), len(outside)) > 10
    assert refusals_only(inside, f"{shop.namespace}/planned-upgrade") == []
    assert all(answer.status == 200 for answer in outside)

    shop.delete("planned-upgrade")
    wait_for(lambda: shop.ready("orders"), 120, "orders to be ready")
    again = time.time()
    window = shop.apply("next-upgrade", "orders")
    try:
        shop.await_condition("next-upgrade", "Drained", 120)
        shop.client.await_refusals("orders", window, again)
    finally:
        deleted = shop.delete("next-upgrade")
    shop.client.await_service("orders", deleted)


def plan(shop: Shop, name: str) -> float:
    """Plan a window, let all processes know of it, and say when it opens: seconds from now.

    On a slow machine it may be too near; then it is moved.
    """
    for ahead in (15, 30, 60):
        start = moment(ahead)
        opens = datetime.fromisoformat(start).timestamp()
        spec = {"start": start, "duration": f"{LENGTH}s", "announceBefore": "1h"}
        shop.apply(name, "orders", **spec)
        with suppress(AssertionError):
            wait_for(lambda: announced(shop, start), opens - time.time() - 2)  # noqa: B023
            return opens
    raise AssertionError("no process knew of the window in time")


def announced(shop: Shop, start: str) -> bool:
    """Whether every process tells of the window that starts then."""
    last = shop.client.answers("orders", time.time() - 20)[-SETTLED:]
    known = [answer for answer in last if answer.window.startswith(f"starts={start}")]
    return len(known) == SETTLED
