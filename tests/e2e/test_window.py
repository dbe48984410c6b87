"""A window's life, as the clients of an application meet it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.client import foreign, refusals_only
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.e2e.shop import Shop


def test_a_window_refuses_everywhere_and_drained_waits_for_the_last_request(shop: Shop) -> None:
    """Probes stay green; what was let in before runs to its end, and only then it is drained."""
    began, restarts = time.time(), shop.restarts("orders")
    with shop.client.holding("orders", "/import") as upload:
        window = shop.apply("upgrade", "orders")
        shop.client.await_refusals("orders", window, began)
        enforced = shop.await_condition("upgrade", "Enforced")
        wait_for(lambda: waits_for("POST /import", shop), what="the request to hold it back")
        assert upload.end() == 200
    drained = shop.await_condition("upgrade", "Drained")
    assert shop.ready("orders")
    assert shop.restarts("orders") == restarts

    wait_for(lambda: time.time() > drained + 1, what="a second of it")
    deleted = shop.delete("upgrade")
    served = shop.client.await_service("orders", deleted)
    wait_for(
        lambda: [it for it in shop.client.answers("orders", served) if it.sent > served],
        what="answers after the window",
    )
    answers = shop.client.answers("orders", began)
    while_enforced = [it for it in answers if enforced < it.sent and it.sent + it.took < deleted]
    assert while_enforced
    assert refusals_only(while_enforced, window) == []
    assert foreign(answers, window) == []
    assert all(it.status == 200 for it in answers if it.sent > served)


def waits_for(request: str, shop: Shop) -> bool:
    """Whether the window is not drained, and names that request."""
    held = shop.condition("upgrade", "Drained")
    told = held["status"], held["reason"]
    return told == ("False", "RequestsRunning") and request in held["message"]


@pytest.mark.parametrize("app", ["mounted", "planned"])
def test_the_operators_plan_suffices(shop: Shop, app: str) -> None:
    """With no API rights but a mounted ConfigMap, and with source="configmap"."""
    began = time.time()
    window = shop.apply(f"plan-{app}", app)
    try:
        shop.client.await_refusals(app, window, began)
        assert shop.ready(app)
    finally:
        deleted = shop.delete(f"plan-{app}")
    shop.client.await_service(app, deleted)
    assert foreign(shop.client.answers(app, began), window) == []
    others = shop.client.answers("orders", began)
    assert others
    assert all(answer.status == 200 for answer in others)
