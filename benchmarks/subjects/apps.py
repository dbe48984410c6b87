"""The applications behind the gates, and what asks them: nothing here but FastAPI, of any version.

A worker in an environment of other packages imports this module too, so it knows none of ours.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.types import ASGIApp, Scope

from .shapes import CHUNKS, FLAT, ONE, STREAM, Shape

UNKNOWN_PATH = "/no/such/route"

BARE, BARE_UNKNOWN = "bare", "bare, unknown path"


@dataclass(frozen=True)
class Subject:
    """An application with the request that is put to it, over and over."""

    name: str
    """Its row."""
    app: ASGIApp
    path: str
    status: tuple[int, ...] = (200,)
    """What the answer must be, so that nothing else is timed by mistake."""
    against: str = BARE
    """The subject of the same worker that its times are divided by; itself where it is bare."""


def make_apps(shape: Shape, count: int) -> Iterator[FastAPI]:
    """Applications of a shape, without any gate.

    All of a process are made before anything else, and handed out by lot: how their routes lie in
    memory makes some percent, and must not depend on what is put in front of them.
    """
    apps = [_make_app(shape) for _ in range(count)]
    random.shuffle(apps)
    return iter(apps)


def _make_app(shape: Shape) -> FastAPI:
    app = FastAPI()
    if shape.kind == STREAM:
        app.get(shape.path)(_stream)
    elif shape.kind == ONE:
        app.get(shape.path)(_plain)
    else:
        pattern = "/r{n}/{{id}}" if shape.kind == FLAT else "/items/{{id}}/part{n}"
        for number in range(shape.routes):
            app.get(pattern.format(n=number))(_by_id)
    return app


def gated(app: FastAPI, middleware: Any, **options: Any) -> FastAPI:
    """The application behind a middleware, added as its users do."""
    app.add_middleware(middleware, **options)
    return app


def bare(apps: Iterator[FastAPI], shape: Shape) -> list[Subject]:
    """What all others are divided by, and the same again: how far off a ratio can be by chance."""
    return [Subject(BARE, next(apps), shape.path), Subject("again", next(apps), shape.path)]


def make_scope(path: str) -> Scope:
    """A GET as uvicorn would describe it, with the headers of a common client."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"orders.example"),
            (b"user-agent", b"benchmark"),
            (b"accept", b"*/*"),
            (b"accept-encoding", b"gzip, deflate"),
            (b"connection", b"keep-alive"),
        ],
        "client": ("192.0.2.1", 50000),
        "server": ("192.0.2.2", 8000),
        "state": {},
    }


async def _plain() -> dict[str, str]:
    return {"order": "a book"}


async def _by_id(id: str) -> dict[str, str]:  # noqa: A002 - the path says {id}
    return {"order": id}


async def _stream() -> StreamingResponse:
    return StreamingResponse(_chunks(), media_type="application/octet-stream")


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield b"0123456789abcdef"
