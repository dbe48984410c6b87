"""An application that turns its own maintenance on and off, told by its environment what to follow.

With ``SEED`` it does so when it starts and when it ends, as is documented for a file.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from fastapi_maintenance import (
    K8sBackend,
    MaintenanceModeMiddleware,
    force_maintenance_mode_off,
    maintenance_mode_on,
    set_maintenance_mode,
)

logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)

source: Any = os.environ.get("SOURCE", "maintenancewindow")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """What the README of 0.0.1 shows."""
    if "SEED" in os.environ:
        await set_maintenance_mode(False)
    yield
    if "SEED" in os.environ:
        await set_maintenance_mode(True)


def make(name: str) -> FastAPI:
    """A shop; constructed before a server forks, if it does so."""
    # A busy machine may take longer to list than an application waits by default.
    backend = K8sBackend(app=name, source=source, sync_timeout=60)
    app = FastAPI(lifespan=lifespan)
    app.state.backend = backend
    app.add_middleware(MaintenanceModeMiddleware, backend=backend, exempt_paths=["/asleep"])

    @app.get("/orders")
    def orders() -> list[str]:
        return ["a book"]

    @app.get("/healthz")
    def healthz() -> int:
        return os.getpid()

    @app.post("/switch/{value}")
    @force_maintenance_mode_off
    async def turn(value: bool) -> None:
        await set_maintenance_mode(value)

    @app.post("/block")
    async def block() -> bool | None:
        async with maintenance_mode_on():
            return backend.block()

    @app.get("/asleep")
    async def asleep(seconds: float) -> int:
        time.sleep(seconds)
        return os.getpid()

    return app


app = make("orders")

several = FastAPI()
"""Two applications of one process, on one connection to the cluster."""
several.get("/healthz")(lambda: os.getpid())
several.mount("/one", app)
several.mount("/two", make("billing"))
