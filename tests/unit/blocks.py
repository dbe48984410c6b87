"""Shops behind a gate and stores of blocks, for tests of blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from fastapi import FastAPI, Request
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response

from fastapi_maintenance import (
    MaintenanceModeMiddleware,
    force_maintenance_mode_off,
    maintenance_mode_on,
)
from fastapi_maintenance.windows import OFF, Opening, switched
from tests.unit.making import Held

ON = switched(Opening())


def is_on(backend: Any) -> bool:
    """What a backend of ours says now, from memory."""
    return bool(backend.decide().reads is not None)


class Store:
    """An async backend of somebody's own, each of whose calls lets others run meanwhile."""

    backend_timeout = 30.0

    def __init__(self, value: Any = False) -> None:
        self.value = value
        self.calls: list[Any] = []
        self.fails: Callable[[Any], bool] = lambda call: False

    async def get_value(self) -> Any:
        await self._pass("get")
        return self.value

    async def set_value(self, value: bool) -> None:
        await self._pass(value)
        self.value = value

    async def _pass(self, call: Any) -> None:
        self.calls.append(call)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if self.fails(call):
            raise ConnectionError(f"no {call}")


def shop(backend: Any, **options: Any) -> FastAPI:
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, backend=backend, **options)
    app.get("/orders")(_order)
    return app


async def _order() -> str:
    return "a book"


def asking(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop")


class Slow:
    """A shop with a request under way, which ends when the test says so."""

    def __init__(
        self, path: str = "/slow", backend: Any = None, count: int = 1, **options: Any
    ) -> None:
        self.backend = backend or Held(OFF)
        self.begun, self.may_end = asyncio.Semaphore(0), asyncio.Event()
        self.events: list[str] = []
        self.app = shop(self.backend, **options)
        self.app.get("/slow")(self.wait)
        self.app.get("/open")(force_maintenance_mode_off(self.wait))
        self.app.get("/healthz")(self.wait)
        self.app.get("/after")(self.after)
        self.app.exception_handler(404)(self.not_found)
        self.client = asking(self.app)
        self._path, self._count = path, count
        self.tasks: list[asyncio.Task[httpx.Response]] = []

    async def wait(self) -> str:
        self.begun.release()
        await self.may_end.wait()
        self.events.append("ended")
        return "done"

    async def after(self) -> Response:
        return JSONResponse("done", background=BackgroundTask(self.wait))

    async def not_found(self, request: Request, error: Exception) -> Response:
        return Response(await self.wait(), 404)

    async def refused(self, request: Request) -> Response:
        return Response(await self.wait(), 503)

    async def __aenter__(self) -> Slow:
        for _ in range(self._count):
            self.tasks.append(asyncio.create_task(self.client.get(self._path)))
            await self.begun.acquire()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.may_end.set()
        await asyncio.gather(*self.tasks)
        await self.client.aclose()


async def drained(backend: Any, timeout: float = 30) -> None:
    async with maintenance_mode_on(backend, wait_for="drained", timeout=timeout):
        pass
