"""A client that speaks plain ASGI with applications which stream, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import anyio
from fastapi import FastAPI, WebSocket
from starlette.responses import StreamingResponse
from starlette.types import Message

from fastapi_maintenance import MaintenanceModeMiddleware


class Client:
    """One connection to an application, as a server holds it."""

    def __init__(
        self,
        app: Any,
        kind: str,
        path: str,
        spec_version: str = "2.3",
        headers: Sequence[tuple[bytes, bytes]] = (),
        method: str = "GET",
    ) -> None:
        self.sent: list[Message] = []
        self.hesitates = False
        """Whether sending takes a moment, as it does on a network."""
        self.scope = {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": spec_version},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"shop.example"), *headers],
            "client": ("192.0.2.1", 1),
            "server": ("shop.example", 80),
            "scheme": "http",
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }
        first = {"type": "websocket.connect"} if kind == "websocket" else {"type": "http.request"}
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._messages.put_nowait(first)
        self._news = asyncio.Event()
        self.task = asyncio.create_task(
            app(self.scope, self._messages.get, lambda message: self._send(message))
        )

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
        self._news.set()
        if self.hesitates:
            await asyncio.sleep(0)

    async def sees(self, what: Callable[[list[Message]], object]) -> None:
        """Wait until what was sent is as it should be."""
        with anyio.fail_after(10):
            while not what(self.sent):
                self._news.clear()
                await self._news.wait()

    async def closes(self, code: int) -> None:
        """Wait for a WebSocket to be closed, and for its endpoint to end."""
        await self.sees(lambda sent: sent[-1]["type"] == "websocket.close")
        assert self.sent[-1]["code"] == code
        with anyio.fail_after(10):
            await self.task


def shop(endpoint: Callable[..., Awaitable[None]] | None = None, **options: Any) -> FastAPI:
    """An application with a stream of events, an ordinary stream, and a WebSocket."""
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, **options)
    app.state.ended = []

    async def ticks() -> AsyncIterator[str]:
        try:
            while True:
                yield "data: tick\n\n"
                await asyncio.sleep(0.01)
        finally:
            app.state.ended.append("ticks")

    async def lines() -> AsyncIterator[str]:
        for line in range(100):
            yield f"{line}\n"
            await asyncio.sleep(0.01)

    @app.get("/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(ticks(), media_type="text/event-stream")

    @app.get("/lines")
    async def export() -> StreamingResponse:
        return StreamingResponse(lines(), media_type="text/plain")

    if endpoint is not None:
        app.add_api_websocket_route("/talk", endpoint)
    return app


async def listens(socket: WebSocket) -> None:
    await socket.accept()
    async for _ in socket.iter_text():
        pass


async def talks(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send_text("tick")
        await asyncio.sleep(0.01)


def accepted(sent: list[Message]) -> object:
    return sent and sent[0]["type"] == "websocket.accept"
