"""Maintenance on a laptop: a window's manifest in a file, and no cluster."""

import os

from fastapi import FastAPI

from fastapi_maintenance import LocalFileBackend, MaintenanceModeMiddleware

backend = LocalFileBackend(os.environ.get("MAINTENANCE_FILE", "maintenance.yaml"), app="orders")

app = FastAPI()
app.add_middleware(MaintenanceModeMiddleware, backend=backend)


@app.get("/orders")
def orders() -> list[str]:
    """What was ordered."""
    return ["a book"]
