"""Draw docs/images/page.png: the operator's page in a browser; `make pictures`.

The operator is real, and so are API server and windows (`page.yaml`); only its clock stands still,
and what the processes say is said for them. So the same page is drawn each time.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from fastapi_maintenance.backends.kubernetes.process import Pod, Report, Self, new_object
from fastapi_maintenance.backends.ledger import Flight
from tests.browser.chromium import Chromium, Tab
from tests.browser.install import install as install_browser
from tests.cluster.proving import acknowledgement
from tests.controlplane.build import build
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.install import install, make_operator
from tests.controlplane.ports import free_port
from tests.controlplane.target import Cluster, own
from tests.waiting import wait_for

FILE = Path(__file__).parents[1] / "images" / "page.png"
WINDOWS = Path(__file__).with_name("page.yaml")
NOW = datetime(2026, 3, 27, 2, 14, 7, tzinfo=UTC)
ZONE = "Europe/Berlin"
WIDTH, HEIGHT = 960, 1076  # down to the legend of the coming days
WORDS = (
    f"03:14:07, {ZONE}",
    "3 of 3 reporting processes refuse requests",
    "no request from before still runs",
    "still runs 2 requests",
    "still runs 1 request,",
    "weekend-move",
    "ledger-close",
)
"""What is on the page once the operator has worked on everything."""


@dataclass(frozen=True)
class Process:
    """What is said for a process, by its Pod's name."""

    app: str
    windows: tuple[str, ...] = ()
    """Those that it enforces."""
    running: tuple[tuple[str, float], ...] = ()
    """Routes of requests that the first of them waits for, and for how many seconds they ran."""


PROCESSES = {
    "orders-7d9f-x2x4q": Process(
        "orders",
        ("orders-db-upgrade", "nightly-reports"),
        (("/export/{id}", 247), ("/export/{id}", 31)),
    ),
    "orders-7d9f-8mk2p": Process("orders", ("orders-db-upgrade", "nightly-reports")),
    "invoices-5c8b-lq7zn": Process("invoices", ("orders-db-upgrade",), (("/invoices", 64),)),
}


def main() -> None:
    """A control plane, an operator at an instant, a browser."""
    build()
    install_browser()
    with tempfile.TemporaryDirectory() as name, ControlPlane(Path(name) / "plane") as control_plane:
        cluster = own(control_plane)
        install(cluster)
        _fill(cluster)
        with _page(cluster) as address, _tab(Path(name)) as tab:
            tab.look(WIDTH, HEIGHT, zone=ZONE)
            tab.open(f"{address}?zone={ZONE}")
            for words in WORDS:
                wait_for(partial(_shows, tab, words), what=f"{words!r} on the page")
            tab.picture(FILE, HEIGHT)
    print(FILE)


def _fill(cluster: Cluster) -> None:
    """The windows, and processes that enforce those that are open."""
    for namespace in ("shop", "bank"):
        cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl("apply", "-f", str(WINDOWS))
    listed = cluster.kubectl("get", "mw", "-n", "shop", "-o", "json").stdout
    windows = {item["metadata"]["name"]: item for item in json.loads(listed)["items"]}
    processes = [_object(pod, process, windows) for pod, process in PROCESSES.items()]
    stream = yaml.safe_dump_all(processes)
    cluster.kubectl("create", "-n", "shop", "-f", "-", input=stream)


def _object(pod: str, process: Process, windows: dict[str, Any]) -> dict[str, Any]:
    flights = [Flight(NOW.timestamp() - ago, "GET", route) for route, ago in process.running]
    ahead = NOW - datetime.now(UTC)
    said = []
    for name in process.windows:
        mine = flights if name == process.windows[0] else []
        more = {"in_flight": len(mine), "oldest": tuple(mine)}
        said.append(acknowledgement(windows[name], ahead, **more))
    who = Self(process.app, Pod(pod, f"uid-{pod}"))
    return new_object(f"mp-{pod}", who, Report(tuple(said)), NOW - timedelta(seconds=3))


@contextmanager
def _page(cluster: Cluster) -> Iterator[str]:
    """Where the page is, of an operator at the instant."""
    port = free_port()
    operator = make_operator(cluster, "--page=full", f"--page-port={port}")
    with operator.differently("docs.make.still", INSTANT=NOW.isoformat()):
        operator.start()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        operator.stop()


@contextmanager
def _tab(folder: Path) -> Iterator[Tab]:
    browser = Chromium(folder)
    try:
        with browser.tab() as tab:
            yield tab
    finally:
        browser.stop()


def _shows(tab: Tab, words: str) -> bool:
    return words in tab.evaluate("document.body.innerText")


if __name__ == "__main__":
    main()
