"""Processes that share their metrics through files, as workers of one server do."""

from __future__ import annotations

from pathlib import Path

from tests.python import python

PROGRAM = """
from fastapi import FastAPI
from starlette.testclient import TestClient
from fastapi_maintenance import MaintenanceModeMiddleware
app = FastAPI()
app.add_middleware(MaintenanceModeMiddleware, enable_maintenance=True)
app.get("/orders")(lambda: "a book")
for _ in range(3):
    TestClient(app).get("/orders")
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


def test_workers_share_their_metrics(tmp_path: Path) -> None:
    told = python("-c", PROGRAM, PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    assert 'fastapi_maintenance_active{mode="Full"} 1.0' in told
    assert 'fastapi_maintenance_refused_requests_total{mode="Full"} 3.0' in told
