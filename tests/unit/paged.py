"""A shop's windows and processes at an instant, for tests of the page that shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi_maintenance.proof.processes import Process, read_process
from fastapi_maintenance.windows import Window, format_instant
from fastapi_maintenance_operator.page.model import Page, Wish, make_page
from fastapi_maintenance_operator.reconcile import Observed, read
from tests.unit.making import at, stored

NOW = at("2026-03-27T02:14:07Z")
TITLE = "Database upgrade"


def observed(name: str, namespace: str = "shop", status: Any = None, **spec: Any) -> Observed:
    """A window as the operator has it in memory."""
    item = stored(name, **spec)
    item["metadata"] |= {"namespace": namespace, "uid": f"{namespace}-{name}"}
    return read(item | {"status": status or {}})


def conditions(enforced: tuple[str, str], drained: tuple[str, str]) -> dict[str, Any]:
    """A status with what was proven, each a status and a message."""
    pairs = {"Enforced": enforced, "Drained": drained}
    return {
        "conditions": [
            {"type": kind, "status": status, "reason": "Told", "message": message}
            for kind, (status, message) in pairs.items()
        ]
    }


def word(window: Observed, start: str, **changes: Any) -> dict[str, Any]:
    """What a process says of a window."""
    said = {"uid": window.uid, "generation": 1, "occurrence": start, "enforcing": True}
    return {**said, "inFlight": 0, **changes}


def process(app: str, pod: str, *words: dict[str, Any], ago: float = 3, **spec: Any) -> Process:
    """A process that was heard so many seconds ago."""
    renewed = format_instant(NOW - timedelta(seconds=ago))
    metadata = {"name": f"p-{pod}", "uid": f"uid-{pod}", "resourceVersion": "1"}
    told = {"app": app, "pod": {"name": pod, "uid": f"pod-{pod}"}, "renewTime": renewed}
    return read_process(
        {"metadata": metadata, "spec": {"heartbeatSeconds": 10, **told, "windows": words, **spec}}
    )


def a_shop() -> tuple[list[Observed], list[tuple[str, Process]]]:
    """Two windows that are open and overlap, and what is to come, in two namespaces."""
    start = "2026-03-27T02:00:00Z"
    upgrade = observed(
        "orders-db-upgrade",
        status=conditions(
            ("True", "3 of 3 reporting processes refuse requests"),
            ("False", "orders-7d9f-x2x4q: 2 requests, GET /export/{id} since 2026-03-27T02:10:00Z"),
        ),
        apps=["orders", "invoices"],
        start=start,
        end="2026-03-27T04:00:00Z",
        response={"message": "We are making room for more orders. Back at four."},
        description="OPS-4711, ask the database team",
    )
    reports = observed(
        "nightly-reports",
        status=conditions(
            ("True", "3 of 3 reporting processes refuse requests"),
            ("True", "3 of 3 reporting processes refuse requests; no request still runs"),
        ),
        apps=["orders"],
        mode="ReadOnly",
        schedule="0 2 * * *",
        timeZone="Etc/UTC",
        duration="45m",
        exclusions=[
            {"start": "2026-03-29T00:00:00Z", "end": "2026-03-30T00:00:00Z", "reason": "audit"}
        ],
        overrides=[
            {
                "occurrence": "2026-03-31T02:00:00Z",
                "start": "2026-03-31T05:00:00Z",
                "end": "2026-03-31T09:00:00Z",
                "reason": "OPS-4712",
            },
            {"occurrence": "2026-04-01T02:00:00Z", "skip": True},
        ],
    )
    said = [word(upgrade, start), word(reports, start)]
    busy = word(
        upgrade,
        start,
        inFlight=2,
        oldest=[{"method": "GET", "route": "/export/{id}", "since": "2026-03-27T02:10:00Z"}],
    )
    windows = [
        upgrade,
        reports,
        observed(
            "weekend-move",
            apps=["*"],
            start="2026-03-28T18:00:00Z",
            end="2026-03-29T10:00:00Z",
            exclusions=[{"start": "2026-03-28T22:00:00Z", "end": "2026-03-29T01:00:00Z"}],
        ),
        observed("paused", suspend=True),
        observed("mistyped", mood="Full"),
        observed(
            "ledger-close",
            "bank",
            apps=["ledger"],
            schedule="30 22 * * MON-FRI",
            timeZone="Europe/Berlin",
            duration="90m",
        ),
    ]
    processes = [
        ("shop", process("orders", "orders-7d9f-x2x4q", busy, said[1])),
        ("shop", process("orders", "orders-7d9f-8mk2p", *said)),
        ("shop", process("invoices", "invoices-5c8b-lq7zn", said[0], ago=41)),
        ("bank", process("ledger", "ledger-0", ago=7)),
    ]
    return windows, processes


def page_of(*windows: Observed, processes: Any = (), **wish: Any) -> Page:
    """The page of windows, as somebody wishes to see it."""
    return make_page(windows, processes, NOW, Wish(**wish))


def windows_of(page: Page) -> list[Window]:
    return [row.window for row in page.rows]
