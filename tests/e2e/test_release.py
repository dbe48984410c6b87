"""The release itself: uninstalled, installed over what an older one left, upgraded."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chart import CHART, NAMESPACE, RELEASE
from tests.e2e.client import foreign, refusals_only
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.kubectl import Kubectl
    from tests.e2e.helm import Helm
    from tests.e2e.shop import Shop

# The chart as it was before; from the next release on, the one that was released last.
PREVIOUS = Path(__file__).with_name("previous-chart")
KINDS = ("maintenancewindows", "clustermaintenancewindows", "maintenanceprocesses")


@pytest.fixture
def release(installed: Helm, values: dict[str, object]) -> Iterator[Helm]:
    """The release, which a test may remove; afterwards it is there again."""
    yield installed
    installed.ensure(CHART, RELEASE, values)


def test_uninstalling_leaves_windows_and_applications_go_on(
    release: Helm, kubectl: Kubectl, shop: Shop
) -> None:
    """The CRDs stay, and with them what users wrote; deleting a window hangs on nobody."""
    began = time.time()
    window = shop.apply("upgrade", "orders")
    shop.await_condition("upgrade", "Drained")
    shop.client.await_refusals("orders", window, began)
    without = time.time()
    release.uninstall(RELEASE)
    for kind in KINDS:
        assert kubectl("get", "crd", f"{kind}.fastapi-maintenance.io", "-o", "name").stdout
    assert kubectl("get", "deployments", "-n", NAMESPACE, "-o", "name").stdout == ""
    wait_for(lambda: len(shop.client.answers("orders", without)) > 20, what="some answers")
    assert refusals_only(shop.client.answers("orders", without), window) == []
    shop.kubectl("delete", "mw", "upgrade", "--timeout=60s")


def test_upgrading_from_the_previous_chart_keeps_windows_in_force(
    release: Helm, values: dict[str, object], kubectl: Kubectl, shop: Shop
) -> None:
    """CRDs, rights and operator are replaced under an open window; nobody gets through."""
    release.uninstall(RELEASE)
    release.install(PREVIOUS, RELEASE, values)
    began = time.time()
    window = shop.apply("upgrade", "orders")
    shop.await_condition("upgrade", "Drained")
    shop.client.await_refusals("orders", window, began)
    enforced = time.time()
    release.upgrade(CHART, RELEASE, values)
    assert refusals_only(shop.client.answers("orders", enforced), window) == []
    shop.apply("upgrade", "orders", response={"message": "Upgraded"})
    wait_for(lambda: observed(shop, "upgrade"), 120, "the new operator to take up an edit")
    assert shop.condition("upgrade", "Drained")["status"] == "True"
    answers = shop.client.answers("orders", enforced)
    assert len(answers) > 20
    assert refusals_only(answers, window) == []
    deleted = shop.delete("upgrade")
    shop.client.await_service("orders", deleted)
    assert foreign(shop.client.answers("orders", began), window) == []


def observed(shop: Shop, name: str) -> bool:
    """Whether the status speaks of the latest edit."""
    found = json.loads(shop.kubectl("get", "mw", name, "-o", "json"))
    return bool(found["status"].get("observedGeneration") == found["metadata"]["generation"])
