"""``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from aiohttp import web

from .listening import listen
from .metrics import CONTENT_TYPE
from .operating import Operation

_TOO_LONG = 60.0
"""Seconds without a sign of life after which the process is of no use."""


def serve_patience(host: str | None, port: int) -> AbstractAsyncContextManager[None]:
    """Answer ``/healthz`` while the API server is waited for: killing the process mends nothing."""

    async def healthz(_: web.Request) -> web.Response:
        return _answer(True, "waiting for the API server")

    return listen([web.get("/healthz", healthz)], host, port)


@asynccontextmanager
async def serve_probes(
    operation: Operation,
    last_answer: Callable[[], float],
    metrics: Callable[[], bytes],
    host: str | None,
    port: int,
) -> AsyncIterator[None]:
    """Answer probes as long as the block lasts.

    A first round of ten thousand windows may take longer than a probe waits; what the API server
    answers meanwhile (`last_answer`, on the monotonic clock) is a sign of life as good as the
    next round.
    """

    async def healthz(_: web.Request) -> web.Response:
        age = time.monotonic() - max(operation.last_round, last_answer())
        return _answer(age < _TOO_LONG, f"last sign of life {age:.1f} s ago")

    async def readyz(_: web.Request) -> web.Response:
        role = "standing by" if operation.controller is None else "all windows looked at once"
        return _answer(operation.ready, role)

    async def scrape(_: web.Request) -> web.Response:
        # In a thread: forty thousand samples must not hold up the renewal of the Lease.
        text = await asyncio.to_thread(metrics)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})

    routes = [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", scrape),
    ]
    async with listen(routes, host, port):
        yield


def _answer(good: bool, fact: str) -> web.Response:
    word, status = ("ok", 200) if good else ("not so", 503)
    return web.Response(status=status, text=f"{word}: {fact}\n")
