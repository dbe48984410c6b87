"""Backends of somebody's own, and applications that ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from fastapi_maintenance import MaintenanceModeMiddleware
from fastapi_maintenance.windows import Mode, Opening, switched

ON = switched(Opening())


WRITES = switched(Opening(Mode.READ_ONLY))


def shop(backend: Any, **options: Any) -> FastAPI:
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, backend=backend, **options)

    @app.get("/orders")
    async def orders() -> str:
        return "a book"

    @app.get("/plain")
    def plain() -> str:
        return "a book"

    app.post("/orders")(orders)
    return app


def status(backend: Any, **options: Any) -> int:
    return TestClient(shop(backend, **options)).get("/orders").status_code


@contextmanager
def asking(backend: Any) -> Iterator[TestClient]:
    """A client whose requests share an event loop."""
    with TestClient(shop(backend)) as client:
        yield client


def asking_at_once(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop")


class Answers:
    """Says what the test lets it say; duck-typed."""

    backend_timeout = 30.0
    """No busy machine keeps its thread waiting for so long; tests of one that hangs say less."""

    def __init__(self, value: Any = False) -> None:
        self.value = value
        self.calls: list[Any] = []

    async def get_value(self) -> Any:
        self.calls.append("get")
        value = self.value
        if isinstance(value, BaseException):
            raise value
        return await value() if callable(value) else value

    async def set_value(self, value: bool) -> None:
        self.calls.append(value)
        self.value = value


class AnswersPlainly(Answers):
    def get_value(self) -> Any:
        self.calls.append("get")
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value() if callable(self.value) else self.value

    def set_value(self, value: bool) -> None:  # type: ignore[override]
        self.calls.append(value)
        self.value = value


BOTH = pytest.mark.parametrize("kind", [Answers, AnswersPlainly])


async def hang() -> Any:
    await asyncio.sleep(60)
