"""An application that reports: one endpoint runs until a file appears, another answers at once."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from fastapi import FastAPI

from fastapi_maintenance import K8sBackend, MaintenanceModeMiddleware
from fastapi_maintenance.backends.kubernetes import report_thread

logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)

GO_ON = Path(os.environ["GO_ON"])
# A busy machine may take longer to register, and to leave, than an application waits by default.
report_thread._PATIENCE = 10.0
SYNC_TIMEOUT = float(os.environ.get("SYNC_TIMEOUT", "60"))
backend = K8sBackend(app="orders", report=True, sync_timeout=SYNC_TIMEOUT)

app = FastAPI()
app.add_middleware(MaintenanceModeMiddleware, backend=backend)


@app.post("/export/{number}")
def export(number: int) -> int:
    """A long one, in a thread."""
    GO_ON.with_name("begun").touch()
    while not GO_ON.exists():
        time.sleep(0.01)
    return number


@app.get("/pid")
async def pid() -> int:
    """Which process answers."""
    return os.getpid()


@app.get("/healthz")
def healthz() -> str:
    return "ok"
