"""An application whose requests begin and end when the test says so."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
from fastapi import BackgroundTasks, FastAPI, WebSocket

from fastapi_maintenance import MaintenanceModeMiddleware, force_maintenance_mode_off, needs
from fastapi_maintenance.backends.kubernetes.report import Account
from fastapi_maintenance.windows import Window
from tests.unit.making import Held, at, fixed, window

NOW = at("2026-06-01T12:00Z")


OPEN = fixed(("2026-01-01T00:00Z", None))


class Reported(Held):
    """A backend in memory whose gates count for others."""

    reports = True


class Shop:
    """An application whose requests begin, and end when the test says so."""

    def __init__(self, **options: Any) -> None:
        self.backend = Reported()
        self.app = FastAPI()
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.account = Account(self.backend, "orders")
        self._add_routes()
        self.app.add_middleware(MaintenanceModeMiddleware, backend=self.backend, **options)

    def _add_routes(self) -> None:
        def in_thread() -> str:
            self.begun.set()
            assert self.go_on.wait(20)
            return "done"

        async def in_loop() -> str:
            self.begun.set()
            while not self.go_on.is_set():
                await asyncio.sleep(0.01)
            return "done"

        def with_task(tasks: BackgroundTasks) -> str:
            tasks.add_task(in_thread)
            return "answered"

        async def to_thread() -> str:
            return await asyncio.to_thread(in_thread)

        self.app.post("/handed/{id}")(to_thread)
        self.app.post("/export/{id}")(in_thread)
        self.app.get("/export/{id}")(in_thread)
        self.app.post("/loop")(in_loop)
        self.app.post("/free")(force_maintenance_mode_off(in_loop))
        self.app.post("/needing")(needs("orders-db")(in_loop))
        self.app.post("/tasks")(with_task)

        @self.app.websocket("/feed")
        async def feed(socket: WebSocket) -> None:
            await socket.accept()
            self.begun.set()
            with contextlib.suppress(Exception):
                await socket.receive_text()
            while not self.go_on.is_set():
                await asyncio.sleep(0.01)

    def count(self, **changes: Any) -> int:
        """How many requests a window that is open counts."""
        (report,) = self.account.look([window_for(**changes)], (), NOW, stopping=False).windows
        return report.in_flight

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://shop")

    @contextlib.asynccontextmanager
    async def running(self, method: str, path: str) -> AsyncIterator[asyncio.Task[Any]]:
        """While a request runs."""
        async with self.client() as client:
            task = asyncio.create_task(client.request(method, path))
            await self.has_begun()
            try:
                yield task
            finally:
                self.go_on.set()
                await asyncio.wait([task])

    async def has_begun(self) -> None:
        while not self.begun.is_set():
            await asyncio.sleep(0.005)


def window_for(**changes: Any) -> Window:
    return window(OPEN, **{"apps": ("orders",), "uid": "u", **changes})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)
