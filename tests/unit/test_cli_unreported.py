"""A name by which nobody reports is told, with the one that may have been meant."""

from __future__ import annotations

from typing import Any

import pytest

from fastapi_maintenance.cli._seen import Seen, see
from fastapi_maintenance.cli._unreported import mend_of, unreported
from tests.unit.making import at, manifest
from tests.unit.proving import NOW, stored_process

ORDERS, PAYMENTS = stored_process("orders-1"), stored_process("pay-1", app="payments")
COMING = {"start": "2026-06-02T00:00:00Z"}


def seen(*apps: str, **spec: Any) -> Seen:
    return see(manifest("move", apps=list(apps), **spec), at(NOW))


@pytest.mark.parametrize("spec", [{}, COMING], ids=["open", "coming"])
def test_a_name_that_nobody_carries_is_told_with_the_nearest(spec: dict[str, Any]) -> None:
    said = unreported(seen("ordrs", **spec), [ORDERS, PAYMENTS])
    assert said == (
        "No process reports for ordrs (did you mean orders?); registered are: orders, payments"
    )
    assert mend_of(seen("ordrs"), said) == (
        "if the name is wrong: kubectl edit maintenancewindow move -n shop"
    )
    assert unreported(seen("orders", "pay*", **spec), [ORDERS, PAYMENTS]) is None


def test_the_name_in_a_child_is_mended_in_its_parent() -> None:
    """What is written into a child is undone."""
    child = seen("ordrs")
    child.item["metadata"]["ownerReferences"] = [
        {"kind": "ClusterMaintenanceWindow", "name": "all"}
    ]
    said = unreported(child, [ORDERS])
    assert said is not None
    assert mend_of(child, said) == "if the name is wrong: kubectl edit clustermaintenancewindow all"


def test_where_nobody_reports_at_all_that_is_news_of_an_open_window_alone() -> None:
    """Its mend is in the application, which may run outside of the cluster."""
    said = unreported(seen("orders"), [])
    assert said == "No process reports for orders; none is registered"
    assert "FASTAPI_MAINTENANCE_KUBECONFIG" in mend_of(seen("orders"), said)
    assert unreported(seen("orders", **COMING), []) is None


@pytest.mark.parametrize("spec", [{"suspend": True}, {"end": "2026-02-01T00:00:00Z"}])
def test_of_a_window_that_does_not_open_nothing_is_said(spec: dict[str, Any]) -> None:
    assert unreported(seen("ordrs", **spec), [ORDERS]) is None
