"""The applications that the servers run, told by their environment which file to follow.

What an endpoint goes through is written to a journal, for the tests to read: a line is a name that
the client chose, and a word.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from fastapi import BackgroundTasks, FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import StreamingResponse
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fastapi_maintenance import EnvVarBackend, LocalFileBackend, MaintenanceModeMiddleware
from tests.servers import SHOP

logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)

JOURNAL = Path(os.environ["JOURNAL"])
FILE = Path(os.environ["MAINTENANCE_FILE"])

woken: set[str] = set()


def note(name: str, word: object) -> None:
    """Write one line, whole also among several workers."""
    with JOURNAL.open("a") as journal:
        journal.write(f"{name} {word}\n")


async def until_woken(name: str) -> None:
    """Wait without asking the server for anything."""
    while name not in woken:
        await anyio.sleep(0.02)
    woken.discard(name)


def make(*, gate: bool = True, gated_by: dict[str, Any] | None = None, **options: Any) -> FastAPI:
    """The shop, with a gate or without."""
    app = FastAPI(**options)
    app.add_middleware(CORSMiddleware, allow_origins=[SHOP], allow_methods=["GET", "POST"])
    if gate:
        given = {"backend": LocalFileBackend(FILE)} if gated_by is None else gated_by
        app.add_middleware(
            MaintenanceModeMiddleware,
            exempt_paths=["/wake", "/exempt/*"],
            retry_after=120,
            **given,
        )
    _serve_orders(app)
    _serve_streams(app)
    _serve_sockets(app)
    return app


def _serve_orders(app: FastAPI) -> None:
    @app.api_route("/orders", methods=["GET", "HEAD"])
    def orders() -> list[str]:
        return ["a book"]

    @app.post("/orders")
    async def order(request: Request, tasks: BackgroundTasks, name: str = "") -> str:
        body = await request.body()
        if name:
            tasks.add_task(note, name, "delivered")
        return f"ordered {body.decode()}"

    @app.post("/uploads")
    async def upload(request: Request) -> list[str | int]:
        size, digest = 0, hashlib.sha256()
        async for chunk in request.stream():
            size += len(chunk)
            digest.update(chunk)
        return [size, digest.hexdigest()]

    @app.get("/fault")
    def fault() -> None:
        raise RuntimeError("a fault of the application")

    @app.get("/titles/{title:path}")
    def title(title: str, request: Request) -> dict[str, str]:
        return {"title": title, "url": str(request.url_for("title", title="x").path)}

    @app.get("/wake")
    def wake(name: str) -> None:
        woken.add(name)

    @app.get("/slow")
    async def slow(name: str) -> str:
        note(name, "begun")
        await until_woken(name)
        return "at last"


def _serve_streams(app: FastAPI) -> None:
    @app.get("/lines")
    async def lines() -> StreamingResponse:
        async def some() -> AsyncIterator[str]:
            for number in range(100):
                yield f"line {number}\n"
                await anyio.sleep(0)

        return StreamingResponse(some(), media_type="text/plain")

    @app.get("/download")
    async def download(name: str) -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first "
            while name not in woken:
                await anyio.sleep(0.02)
                yield b"."
            yield b" last"

        return StreamingResponse(chunks(), media_type="application/octet-stream")

    async def events(name: str, idle: bool = False, most: int = sys.maxsize) -> StreamingResponse:
        async def each() -> AsyncIterator[str]:
            try:
                for number in range(most):
                    yield f"data: {number}\n\n"
                    await (until_woken(name) if idle else anyio.sleep(0.02))
            finally:
                note(name, "finalised")

        return StreamingResponse(each(), media_type="text/event-stream")

    app.get("/events")(events)
    app.get("/exempt/events")(events)


def _serve_sockets(app: FastAPI) -> None:
    @app.websocket("/echo")
    @app.websocket("/exempt/echo")
    async def echo(socket: WebSocket, name: str) -> None:
        """Idle in `receive`."""
        await socket.accept()
        try:
            while True:
                await socket.send_text(await socket.receive_text())
        except WebSocketDisconnect as gone:
            note(name, gone.code)

    @app.websocket("/asleep")
    async def asleep(socket: WebSocket, name: str) -> None:
        """Neither receives nor sends, until it is woken."""
        await socket.accept()
        note(name, "accepted")
        await until_woken(name)
        try:
            await socket.receive_text()
        except WebSocketDisconnect as gone:
            note(name, gone.code)

    @app.websocket("/ticker")
    async def ticker(socket: WebSocket, name: str) -> None:
        """Only sends."""
        await socket.accept()
        try:
            while True:
                await socket.send_text("tick")
                await anyio.sleep(0.02)
        except WebSocketDisconnect:
            note(name, "disconnected")


@asynccontextmanager
async def living(_: Any) -> AsyncIterator[None]:
    """A lifespan that says that it was there."""
    note("lifespan", "begun")
    yield
    note("lifespan", "ended")


@asynccontextmanager
async def stillborn(_: Any) -> AsyncIterator[None]:
    """A start-up that fails."""
    raise RuntimeError("no database")
    yield


def _hooks(word: str) -> list[Any]:
    async def later() -> None:
        await anyio.sleep(0.01)
        note("async", word)

    return [lambda: note("sync", word), later]


def _hooked() -> dict[str, Any]:
    backend = LocalFileBackend(FILE)
    return {"backend": backend, "on_start": _hooks("begun"), "on_end": _hooks("ended")}


async def _orders(request: Request) -> PlainTextResponse:
    return PlainTextResponse("a book")


async def _function(scope: Scope, receive: Receive, send: Send) -> None:
    """No framework at all, and no lifespan either."""
    if scope["type"] != "http":
        raise RuntimeError("only http is spoken here")
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"6")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"a book"})


def _wrapped(app: Any) -> MaintenanceModeMiddleware:
    return MaintenanceModeMiddleware(app, backend=LocalFileBackend(FILE))


app = make(lifespan=living)
bare = make(gate=False, lifespan=living)
rooted = make(root_path="/shop")
bare_rooted = make(gate=False, root_path="/shop")
hooked = make(lifespan=living, gated_by=_hooked())
failing = make(lifespan=stillborn)
bare_failing = make(gate=False, lifespan=stillborn)
by_environment = make(gated_by={"backend": EnvVarBackend()})
starlette = Starlette(routes=[Route("/orders", _orders)], lifespan=living)
starlette.add_middleware(MaintenanceModeMiddleware, backend=LocalFileBackend(FILE))
function = _wrapped(_function)
wrapped = _wrapped(make(gate=False, lifespan=living))
