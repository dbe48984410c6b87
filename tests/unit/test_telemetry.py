"""What those who watch an application are told: logs, metrics, traces."""

from __future__ import annotations

import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from starlette.types import ASGIApp, Receive, Scope, Send

from fastapi_maintenance.backends.anyof import AnyOf
from fastapi_maintenance.windows import OFF
from tests.python import python
from tests.unit.gated import ON, WRITES, shop, status
from tests.unit.making import Held, open_since_2026


def sample(name: str, mode: str) -> float:
    return REGISTRY.get_sample_value(f"fastapi_maintenance_{name}", {"mode": mode}) or 0.0


def test_begin_and_end_are_logged_once_each_with_fields(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fastapi_maintenance")
    held = Held(open_since_2026("2999-01-01T00:00Z", name="move"))
    app = shop(backend=held)
    for _ in range(3):
        status(app)
    held.held = OFF
    for _ in range(3):
        status(app)
    began, ended = caplog.records
    assert began.getMessage() == (
        "maintenance has begun: window=shop/move (Full), until 2999-01-01T00:00:00+00:00"
    )
    assert began.__dict__["maintenance_active"] is True
    assert began.__dict__["maintenance_mode"] == "Full"
    assert began.__dict__["maintenance_source"] == "window=shop/move"
    assert ended.getMessage() == "maintenance has ended"
    assert ended.__dict__["maintenance_active"] is False


@pytest.mark.usefixtures("no_other_middlewares")
def test_the_gauge_says_what_holds_at_the_scrape() -> None:
    held = Held(ON)
    app = shop(backend=held)
    status(app)
    assert sample("active", "Full") == 1
    held.held = WRITES
    assert sample("active", "Full") == 0
    assert sample("active", "ReadOnly") == 1
    held.held = OFF
    assert sample("active", "Full") == 0


def test_the_counter_counts_refusals() -> None:
    before = sample("refused_requests_total", "Full")
    app = shop(backend=Held(ON))
    for path in ("/orders", "/orders", "/none"):
        status(app, path)
    assert sample("refused_requests_total", "Full") == before + 2


@pytest.mark.usefixtures("no_other_middlewares")
def test_the_last_sync_is_that_of_the_application_that_heard_longest_ago() -> None:
    """Those that follow nothing say nothing."""
    name = "fastapi_maintenance_last_sync_timestamp_seconds"

    class Following(Held):
        def last_sync(self) -> float | None:
            return self.at

        at: float | None = None

    first, second, third = Following(), Following(), Held()
    apps = [shop(backend=first), shop(backend=AnyOf([third, second]))]
    for app in apps:
        status(app)
    assert REGISTRY.get_sample_value(name) is None
    first.at, second.at = 1_800.0, 1_700.0
    assert REGISTRY.get_sample_value(name) == 1_700.0


def test_the_span_of_a_refused_request_says_why() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    class Traced:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            with provider.get_tracer("test").start_as_current_span(scope["path"]):
                await self.app(scope, receive, send)

    app = shop(backend=Held(open_since_2026(name="move")))
    app.add_middleware(Traced)
    for path in ("/orders", "/healthz"):
        status(app, path)
    refused, served = exporter.get_finished_spans()
    assert refused.attributes is not None
    assert dict(refused.attributes) == {
        "maintenance.mode": "Full",
        "maintenance.source": "window=shop/move",
    }
    assert not served.attributes


def test_without_those_libraries_requests_are_refused_all_the_same() -> None:
    program = """
import sys
sys.modules["prometheus_client"] = sys.modules["opentelemetry"] = None
from starlette.applications import Starlette
from starlette.testclient import TestClient
from fastapi_maintenance import MaintenanceModeMiddleware
app = Starlette()
app.add_middleware(MaintenanceModeMiddleware, enable_maintenance=True)
app.add_route("/orders", lambda request: None)
print(TestClient(app).get("/orders").status_code)
"""
    assert python("-c", program) == "503\n"
