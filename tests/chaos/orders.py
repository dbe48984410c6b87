"""The application under test. It logs what its watch asks of the API server."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from fastapi import FastAPI

from fastapi_maintenance import K8sBackend, MaintenanceModeMiddleware
from fastapi_maintenance.backends.kubernetes import sharing, watcher
from fastapi_maintenance.backends.kubernetes.transport import Transport
from tests.chaos.settings import ASKED, PACE, REPORT, SOURCE, pace_of

logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
logger = logging.getLogger("chaos")


class LoggedTransport(Transport):
    """Logs what is asked."""

    async def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        logger.info("%s list", ASKED)
        return await super().get(path, params)

    async def watch(
        self, path: str, params: Mapping[str, str], opened: Callable[[], None]
    ) -> AsyncGenerator[list[dict[str, Any]], None]:
        logger.info("%s watch", ASKED)
        async for events in super().watch(path, params, opened):
            yield events


pace = pace_of(os.environ[PACE])
setattr(watcher, "Transport", LoggedTransport)  # noqa: B010
setattr(sharing, "Watcher", functools.partial(watcher.Watcher, pace=pace))  # noqa: B010

source: Any = os.environ[SOURCE]
backend = K8sBackend("orders", source=source, report=os.environ[REPORT] == "yes", sync_timeout=60)
app = FastAPI()
app.add_middleware(MaintenanceModeMiddleware, backend=backend)


@app.api_route("/orders", methods=["GET", "POST"])
async def orders() -> str:
    return "orders"


@app.api_route("/invoices", methods=["GET", "POST"])
async def invoices() -> str:
    return "invoices"


@app.get("/healthz")
async def healthz() -> str:
    return "ok"
