"""An application of several processes: each follows windows, and says what it has in flight.

Where the windows come from is a setting here, so that the same image shows every way:
`MAINTENANCE_SOURCE` is `maintenancewindow`, `configmap`, or the path of a mounted plan.
"""

import os
import sqlite3
from contextlib import closing

from fastapi import FastAPI, Request, Response

from fastapi_maintenance import K8sBackend, LocalFileBackend, MaintenanceModeMiddleware

APP = os.environ.get("FASTAPI_MAINTENANCE_APP", "orders")
SOURCE = os.environ.get("MAINTENANCE_SOURCE", "maintenancewindow")
DATABASE = os.environ.get("DATABASE", ":memory:")

if SOURCE.startswith("/"):
    backend = LocalFileBackend(SOURCE, app=APP)
else:
    backend = K8sBackend(APP, source=SOURCE)

app = FastAPI()
app.add_middleware(MaintenanceModeMiddleware, backend=backend)


@app.get("/orders")
async def orders() -> dict[str, str]:
    """Who answered: the Pod's name."""
    return {"pod": os.environ.get("HOSTNAME", "")}


@app.post("/import")
async def receive(request: Request) -> dict[str, int]:
    """A request that lasts as long as its sender takes, windows or not: it was let in before."""
    return {"bytes": sum([len(chunk) async for chunk in request.stream()])}


@app.get("/stock")
def stock() -> dict[str, int]:
    """How many books there are, by the schema that this version of the application knows."""
    column = os.environ.get("STOCK_COLUMN", "amount")
    with closing(sqlite3.connect(DATABASE)) as database:
        (amount,) = database.execute(f"select {column} from stock").fetchone()
    return {"books": amount}


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """For the liveness probe: the process answers."""
    return {"status": "ok"}


@app.get("/readyz")
async def readyz(response: Response) -> dict[str, bool]:
    """For the readiness probe: windows have been listed once."""
    health = backend.health() if isinstance(backend, K8sBackend) else None
    if health is not None and not health.synced:
        response.status_code = 503
    return {"ready": response.status_code != 503}
