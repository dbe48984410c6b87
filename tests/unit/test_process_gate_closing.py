"""R2: a request counts while anything of it runs, and a closed gate lets in nobody uncounted."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from fastapi_maintenance import MaintenanceModeMiddleware
from fastapi_maintenance.backends.kubernetes.report import Account
from tests.unit.counted import Reported, Shop, until

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("counting_ends")]


@pytest.mark.parametrize("path", ["/export/1", "/handed/1"], ids=["anyio", "asyncio"])
async def test_r2_a_request_whose_thread_outlives_its_cancellation_stays_counted(path: str) -> None:
    """A timeout, or a server that shuts down, cancels the task; the thread writes on."""
    shop = Shop()
    async with shop.running("POST", path) as task:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.done()
        assert shop.count() == 1
        assert shop.account.in_flight() == 1
    await until(lambda: shop.count() == 0)
    assert shop.account.in_flight() == 0


async def test_r2_a_timeout_within_the_application_hides_no_thread_either() -> None:
    """The gate sees an ordinary answer."""
    shop = Shop()

    class Timeout:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            try:
                async with asyncio.timeout(None) as limit:
                    ending = asyncio.create_task(self.end(limit))
                    await self.app(scope, receive, send)
                    await ending
            except TimeoutError:
                await send({"type": "http.response.start", "status": 504, "headers": []})
                await send({"type": "http.response.body", "body": b""})

        async def end(self, limit: asyncio.Timeout) -> None:
            """Once a thread is at work."""
            await shop.has_begun()
            limit.reschedule(0.0)

    app = MaintenanceModeMiddleware(Timeout(routes_of(shop)), backend=shop.backend)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://shop"
    ) as client:
        assert (await client.post("/export/1")).status_code == 504
    assert shop.begun.is_set()
    assert shop.count() == 1
    shop.go_on.set()
    await until(lambda: shop.count() == 0)


def routes_of(shop: Shop) -> Any:
    """The application without its gate."""
    bare = FastAPI()
    bare.router.routes.extend(shop.app.router.routes)
    return bare


async def test_r2_work_that_was_cancelled_before_a_thread_took_it_does_not_count_for_ever() -> None:
    """All threads are busy: it waits for its turn, and never gets it."""
    shop = Shop()
    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = 1
    try:
        async with shop.running("POST", "/export/1"), shop.client() as client:
            waiting = asyncio.create_task(client.post("/export/2"))
            await until(lambda: shop.count() == 2)
            waiting.cancel()
            await asyncio.wait([waiting])
            del waiting
            gc.collect()
            await until(lambda: shop.count() == 1)
    finally:
        limiter.total_tokens = 40


class Closing(Reported):
    """Is closed between the moment that a request is let come and that at which it is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[bool] = []
        self.waits: list[int] = []
        self.account = Account(self, "orders")

    @property
    def ready(self) -> bool:  # type: ignore[override]
        return self.answers.pop(0) if self.answers else True

    async def wait_until_ready(self) -> None:
        self.waits.append(self.account.in_flight())


def test_r2_a_closed_gate_lets_nobody_in_who_is_not_counted_anew() -> None:
    """Counted first, then checked whether anybody is still told."""
    backend, counts = Closing(), []
    app = FastAPI()

    @app.post("/loop")
    def loop() -> None:
        counts.append(backend.account.in_flight())

    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    with TestClient(app) as client:
        backend.waits.clear()
        backend.answers = [True, False]
        assert client.post("/loop").status_code == 200
    assert backend.waits == [0], "it is not counted while it waits"
    assert counts == [1]
