"""Small applications behind a gate, for tests of the gate."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from fastapi_maintenance import MaintenanceModeMiddleware
from fastapi_maintenance.windows import Mode, Opening, switched
from tests.unit.making import Held

ON = switched(Opening())
WRITES = switched(Opening(Mode.READ_ONLY))


def shop(**options: Any) -> FastAPI:
    """An application with orders, items below them and a health check, behind a gate."""
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, **{"backend": Held(ON), **options})
    for path in ("/orders", "/orders/{number}", "/healthz"):
        app.api_route(path, methods=["GET", "HEAD", "POST"])(lambda: "a book")
    return app


def gate(**options: Any) -> MaintenanceModeMiddleware:
    """A gate around an empty application."""
    return MaintenanceModeMiddleware(FastAPI(), **options)


def status(app: Any, path: str = "/orders", method: str = "GET", **options: Any) -> int:
    """What one request is answered."""
    client: dict[str, Any] = {"client": options.pop("client")} if "client" in options else {}
    return TestClient(app, **client).request(method, path, **options).status_code
