"""R1: a process registers, then looks, and only then serves."""

from __future__ import annotations

import pytest

from fastapi_maintenance import K8sBackend
from fastapi_maintenance.backends.kubernetes.transport import ApiError
from fastapi_maintenance.backends.kubernetes.watcher import Health
from fastapi_maintenance.windows import make_plan
from tests.unit.making import at, stored
from tests.unit.processes import ProcessServer
from tests.unit.reporting.conftest import Make
from tests.waiting import wait_for

pytestmark = pytest.mark.anyio


def test_it_reports_in_a_pod_only_unless_told_otherwise(server: ProcessServer) -> None:
    """What is tested here is not in one."""
    backend = K8sBackend("orders")
    backend.wait()
    assert not backend.reports
    assert server.processes == {}
    backend.close()


def test_r1_it_registers_then_lists_consistently_and_only_then_serves(
    server: ProcessServer, make: Make
) -> None:
    backend = make()
    backend.wait()
    assert backend.ready
    assert len(server.processes) == 1
    assert "consistent list" in server.order[server.order.index("POST") :]


def test_r1_the_first_list_may_be_older_than_the_registration(
    server: ProcessServer, make: Make
) -> None:
    """Then it does not serve before it knows what the consistent one has."""
    server.too_new_for_caches = [stored("new", apps=["orders"])]
    backend = make(sync_timeout=0.3)
    backend.wait()
    wait_for(lambda: server.consistent_lists > 0)
    assert not backend._reports.allow_serving
    server.too_new_for_caches = []
    wait_for(lambda: backend._reports.allow_serving)


def test_r1_what_fails_by_the_sync_timeout_is_an_error_and_it_serves_outside_the_claim(
    server: ProcessServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuses = ApiError(403, "no")
    backend = make(sync_timeout=0.1)
    backend.start()
    wait_for(lambda: health_of(backend).synced, what="the list")
    wait_for(lambda: health_of(backend).unreported == "403: no", what="a registration to fail")
    backend.wait()
    assert backend.ready
    assert backend.state().writes is not None, "it enforces what it knows"
    assert "not registered as a MaintenanceProcess within 0.1 s" in caplog.text
    server.refuses = None
    wait_for(lambda: health_of(backend).unreported is None)


def health_of(backend: K8sBackend) -> Health:
    health = backend.health()
    assert health is not None
    return health


def test_r1_with_refuse_it_serves_nothing_before_it_is_registered(
    server: ProcessServer, make: Make
) -> None:
    server.windows = []
    server.refuses = ApiError(403, "no")
    backend = make(sync_timeout=0.05, before_first_sync="refuse")
    backend.wait()
    assert backend.state().reads is not None
    server.refuses = None
    wait_for(lambda: backend.state().reads is None, what="the registration")
    assert len(server.processes) == 1


def test_r1_without_the_crd_nobody_can_wait_for_it_and_it_serves_at_once(
    server: ProcessServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """A switch in a ConfigMap needs neither CRDs nor an operator."""
    server.refuses = ApiError(404, "the server could not find the requested resource")
    backend = make(sync_timeout=60.0, before_first_sync="refuse")
    backend.wait()
    assert backend.state().writes is not None
    assert "the CRD MaintenanceProcess is not installed here" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        ApiError(409, 'Operation cannot be fulfilled on resourcequotas "objects"'),
        ApiError(404, 'namespaces "shpo" not found'),
    ],
    ids=["a quota", "a namespace"],
)
def test_r1_what_else_conflicts_or_is_missing_is_not_taken_for_the_crd(
    server: ProcessServer, make: Make, caplog: pytest.LogCaptureFixture, error: ApiError
) -> None:
    """It may be over soon, and until then nobody serves unregistered."""
    server.refuses = error
    backend = make(sync_timeout=0.2, before_first_sync="refuse")
    backend.wait()
    wait_for(lambda: error.message in caplog.text)
    assert not backend._reports.allow_serving
    assert "is not installed" not in caplog.text
    server.refuses = None
    wait_for(lambda: backend._reports.allow_serving)
    assert len(server.processes) == 1


@pytest.mark.parametrize(
    ("plan", "serves"),
    [(None, True), ("", False), ("{]", False), (make_plan((), at("2026-06-01T12:00Z"))[0], True)],
    ids=["absent", "empty", "broken", "without windows"],
)
def test_r1_a_broken_plan_is_not_no_windows(
    server: ProcessServer, make: Make, plan: str | None, serves: bool
) -> None:
    """A namespace that never had a window has none."""
    if plan is not None:
        server.configmaps = {"fastapi_maintenance_plan": {"windows.json": plan}}
    backend = make(source="configmap", sync_timeout=60.0 if serves else 0.3)
    backend.wait()
    assert backend._reports.allow_serving is serves


def test_r1_a_registration_whose_answer_was_lost_is_no_second_process(
    server: ProcessServer, make: Make
) -> None:
    server.loses_answers = True
    backend = make(sync_timeout=0.01)
    backend.wait()
    wait_for(lambda: len(server.processes) == 1)
    server.loses_answers = False
    wait_for(lambda: backend._reports.allow_serving)
    assert len(server.processes) == 1
