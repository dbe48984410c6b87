"""The application under test: the README's ten lines, told by its environment what to follow."""

from __future__ import annotations

import logging
import os
from typing import Any

from fastapi import FastAPI

from fastapi_maintenance import K8sBackend, MaintenanceModeMiddleware

logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
logging.getLogger("httpx").setLevel(logging.WARNING)

source: Any = os.environ.get("SOURCE", "maintenancewindow")
# A busy machine may take longer to list than an application waits by default.
SYNC_TIMEOUT = float(os.environ.get("SYNC_TIMEOUT", "60"))
backend = K8sBackend(app="orders", source=source, sync_timeout=SYNC_TIMEOUT)

app = FastAPI()
app.add_middleware(MaintenanceModeMiddleware, backend=backend)


@app.get("/orders")
def orders() -> list[str]:
    return ["a book"]


@app.post("/orders")
def order() -> str:
    return "ordered"


@app.get("/healthz")
def healthz() -> str:
    return "ok"
