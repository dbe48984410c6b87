"""A configuration service, served by uvicorn in a thread, that may also behave badly."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.controlplane.ports import free_port
from tests.waiting import wait_for


class ConfigService:
    """Keeps one switch at ``/maintenance``; a context manager that runs it."""

    def __init__(self) -> None:
        self.active: Any = False
        self.delay = 0.0
        """Seconds before each answer."""
        self.status = 200
        self.asked = self.running = self.most = 0
        """How often it was asked, how many wait for its answer, and the most that ever did."""
        self.keys: list[str | None] = []
        """The keys that clients sent."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve, from the same address each time."""
        app = Starlette(routes=[Route("/maintenance", self._answer, methods=["GET", "POST"])])
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=self.port,
            lifespan="off",
            log_level="critical",
            timeout_graceful_shutdown=1,
        )
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=server.run)
        self._thread.start()
        wait_for(lambda: server.started, what="the configuration service")

    def stop(self) -> None:
        """Be gone."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join()
        self._server = self._thread = None

    def __enter__(self) -> ConfigService:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _answer(self, request: Request) -> Response:
        self.asked += 1
        self.keys.append(request.headers.get("Authorization"))
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(self.delay)
        self.running -= 1
        if self.status != 200:
            return Response(status_code=self.status)
        if request.method == "POST":
            self.active = (await request.json())["active"]
        return JSONResponse({"active": self.active})
