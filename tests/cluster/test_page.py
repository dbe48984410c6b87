"""The page beside a real API server: what is applied, reported and changed is soon on it."""

from __future__ import annotations

import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest
from icalendar import Calendar

from fastapi_maintenance.windows import format_instant
from tests.cluster.windows import apply_window, get_window, in_seconds
from tests.controlplane import flags, ports
from tests.controlplane.install import make_operator, start_operator
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster


class Paged:
    """An operator that serves a page."""

    def __init__(self, operator: Operator, port: int) -> None:
        self.operator, self.port = operator, port

    def get(self, path: str = "/") -> tuple[int, str]:
        connection = HTTPConnection(flags.HOST, self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def paged(cluster: Cluster, namespace: str, operator: Operator) -> Iterator[Paged]:
    """An operator with a page, in place of the one without."""
    operator.stop()
    port = ports.free_port()
    own = start_operator(cluster, "--page=plain", f"--page-port={port}", name=namespace)
    try:
        yield Paged(own, port)
    finally:
        own.stop()
        operator.start()


def test_windows_and_their_calendar_are_on_the_page_as_soon_as_they_are_applied(
    paged: Paged, kubectl: Kubectl, namespace: str
) -> None:
    """Open ones with what was proven, planned ones, and those that are deleted no more."""
    path = f"/?namespace={namespace}"
    apply_window(kubectl, "upgrade", namespace, start=in_seconds(-60), duration="1h")
    apply_window(kubectl, "later", namespace, start=in_seconds(90_000), duration="1h")

    def has_both() -> bool:
        text = paged.get(path)[1]
        said = ("<h3>upgrade</h3>", "none is registered", "<strong>later</strong>")
        return all(part in text for part in said)

    def events() -> int:
        feed = Calendar.from_ical(paged.get(f"/calendar.ics?namespace={namespace}")[1])
        return len(feed.walk("VEVENT"))

    # The page may be older than the operator's word on one of them, and the calendar than the page.
    wait_for(has_both, what="both, and the operator's word")
    wait_for(lambda: events() == 2, what="both in the calendar")
    kubectl("delete", "mw", "upgrade", "-n", namespace)
    wait_for(lambda: "<h3>upgrade</h3>" not in paged.get(path)[1], what="the page without it")


def test_a_process_is_on_the_page_while_it_reports(
    paged: Paged, kubectl: Kubectl, namespace: str
) -> None:
    """What it still runs, and that it has gone."""
    start = in_seconds(-60)
    apply_window(kubectl, "upgrade", namespace, start=start, duration="1h")
    uid = get_window(kubectl, "upgrade", namespace)["metadata"]["uid"]
    kubectl("apply", "-f", "-", input=_process(namespace, uid, format_instant(start)))
    said = "1 request, the oldest GET /export/{id}"
    wait_for(lambda: said in paged.get(f"/?namespace={namespace}")[1], what=said)
    kubectl("delete", "mp", "orders-1", "-n", namespace)
    none = "No process reports here."
    wait_for(lambda: none in paged.get(f"/?namespace={namespace}")[1], what=none)


def test_a_standby_says_that_it_stands_by_until_it_leads(
    paged: Paged, cluster: Cluster, namespace: str
) -> None:
    port = ports.free_port()
    second = make_operator(
        cluster, "--page=plain", f"--page-port={port}", name=f"{namespace}-standby"
    )
    second.start()
    try:
        standby = Paged(second, port)
        status, text = standby.get()
        assert (status, "stands by" in text) == (503, True)
        paged.operator.stop()
        wait_for(lambda: standby.get()[0] == 200, what="the standby to lead")
    finally:
        second.stop()


def _process(namespace: str, uid: str, start: str) -> str:
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    return f"""
apiVersion: fastapi-maintenance.io/v1alpha1
kind: MaintenanceProcess
metadata: {{name: orders-1, namespace: {namespace}}}
spec:
  app: orders
  renewTime: {now}
  heartbeatSeconds: 60
  windows:
    - name: upgrade
      uid: {uid}
      generation: 1
      scope: "1:x"
      occurrence: "{start}"
      enforcing: true
      inFlight: 1
      oldest: [{{method: GET, route: "/export/{{id}}", since: "{now[:-8]}Z"}}]
"""
