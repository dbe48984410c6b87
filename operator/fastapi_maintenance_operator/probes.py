"""``/healthz`` and ``/readyz`` for the kubelet."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from .controller import Controller

_TOO_LONG = 60.0
"""Seconds without a round of the loop after which the process is of no use."""


@asynccontextmanager
async def serve_probes(controller: Controller, host: str, port: int) -> AsyncIterator[None]:
    """Answer probes as long as the block lasts."""

    async def healthz(_: web.Request) -> web.Response:
        age = time.monotonic() - controller.last_round
        return _answer(age < _TOO_LONG, f"last round {age:.1f} s ago")

    async def readyz(_: web.Request) -> web.Response:
        return _answer(controller.ready, "all windows were looked at once")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


def _answer(good: bool, fact: str) -> web.Response:
    word, status = ("ok", 200) if good else ("not so", 503)
    return web.Response(status=status, text=f"{word}: {fact}\n")
