"""What others offer, each as its own documentation tells to use it.

Nothing of ours is used here: `fastapi_maintenance` is the published package where it is installed.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .apps import Subject, bare, gated, make_apps
from .shapes import STREAM, Shape

OFF, ON = "off", "on"
CONVENIENT = "an empty `BaseHTTPMiddleware`"
FLOOR_OFF = "an empty ASGI middleware"
FLOOR_ON = "an ASGI middleware with a constant 503"

PUBLISHED = "0.0.5"


class _Convenient(BaseHTTPMiddleware):
    """What any middleware built on this class costs before it does anything."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)


class _Empty:
    """What one more call costs: no gate can be cheaper while it is off."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class _Constant(_Empty):
    """What two sends cost, after what FastAPI does before any middleware: the cheapest refusal."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = [(b"content-length", b"2"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})


def convenient(app: FastAPI, shape: Shape) -> Subject:
    """The application behind a middleware of Starlette's convenient kind."""
    return Subject(CONVENIENT, gated(app, _Convenient), shape.path)


def floor_off(app: FastAPI, shape: Shape) -> Subject:
    """The application behind a middleware that does nothing."""
    return Subject(FLOOR_OFF, gated(app, _Empty), shape.path)


def floor_on(app: FastAPI, shape: Shape) -> Subject:
    """The application behind a middleware that refuses all."""
    return Subject(FLOOR_ON, gated(app, _Constant), shape.path, status=(503,))


def published(shape: Shape, kinds: list[str], folder: Path) -> list[Subject]:
    """The package of our name that is on PyPI."""
    package: Any = importlib.import_module("fastapi_maintenance")
    if version("fastapi-maintenance") != PUBLISHED or sys.prefix not in package.__file__:
        raise RuntimeError(f"{package.__file__} is imported in place of version {PUBLISHED}")
    backends: Any = importlib.import_module("fastapi_maintenance.backends")

    def gate(app: FastAPI, word: str) -> ASGIApp:
        os.environ[f"PUBLISHED_{word}"] = word
        backend = backends.EnvVarBackend(var_name=f"PUBLISHED_{word}")
        return gated(app, package.MaintenanceModeMiddleware, backend=backend)

    return _off_and_on(shape, lambda app: gate(app, "off"), lambda app: gate(app, "on"))


def waygate(shape: Shape, kinds: list[str], folder: Path) -> list[Subject]:
    """A library that controls routes at run time, maintenance of all of them among it."""
    package: Any = importlib.import_module("waygate")
    adapter: Any = importlib.import_module("waygate.fastapi")
    off, on = package.make_engine(), package.make_engine()

    def gate(app: FastAPI, engine: Any) -> ASGIApp:
        return gated(app, adapter.WaygateMiddleware, engine=engine)

    return _off_and_on(shape, lambda app: gate(app, off), lambda app: _Switched(gate(app, on), on))


class _Switched:
    """An engine can be turned on only in an event loop: before its application's start-up."""

    def __init__(self, app: ASGIApp, engine: Any) -> None:
        self._app, self._engine = app, engine
        self.measured = app
        """What is timed, so that this wrapper adds nothing to a request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._engine.enable_global_maintenance(reason="a benchmark")
        await self._app(scope, receive, send)


def _off_and_on(
    shape: Shape, off: Callable[[FastAPI], ASGIApp], on: Callable[[FastAPI], ASGIApp]
) -> list[Subject]:
    """A streaming endpoint is refused like any other, so there it is only let through."""
    apps = make_apps(shape, 4)
    found = [*bare(apps, shape), Subject(OFF, off(next(apps)), shape.path)]
    if shape.kind != STREAM:
        found.append(Subject(ON, on(next(apps)), shape.path, status=(503,)))
    return found
