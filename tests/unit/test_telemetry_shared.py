"""Processes that share their metrics through files, as workers of one server do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert 'fastapi_maintenance_active{mode="Full"} 1.0' in done.stdout
    assert 'fastapi_maintenance_refused_requests_total{mode="Full"} 3.0' in done.stdout
