"""A backend lives from before start-up completes until shutdown does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from fastapi_maintenance import MaintenanceModeMiddleware
from tests.unit.making import Held


def living(backend: Held, *, fails_at: str = "") -> FastAPI:
    """An application that notes its own start and end among the calls of the backend."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        backend.calls.append("starts")
        if fails_at == "startup":
            raise RuntimeError("no database")
        yield
        backend.calls.append("ends")
        if fails_at == "shutdown":
            raise RuntimeError("no goodbye")

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    return app


def test_the_backend_is_ready_before_the_application_starts_and_closed_after_it_ends() -> None:
    backend = Held()
    with TestClient(living(backend)):
        assert backend.calls == ["ready", "starts"]
    assert backend.calls == ["ready", "starts", "ends", "close"]


@pytest.mark.parametrize(
    ("fails_at", "calls"),
    [
        ("startup", ["ready", "starts", "close"]),
        ("shutdown", ["ready", "starts", "ends", "close"]),
    ],
)
def test_the_backend_is_closed_when_the_application_fails(fails_at: str, calls: list[str]) -> None:
    backend = Held()
    with pytest.raises(RuntimeError), TestClient(living(backend, fails_at=fails_at)):
        pass
    assert backend.calls == calls


def test_an_application_can_be_started_again() -> None:
    backend = Held()
    app = living(backend)
    for _ in range(2):
        with TestClient(app):
            pass
    assert backend.calls == ["ready", "starts", "ends", "close"] * 2


def test_without_lifespan_events_requests_are_answered() -> None:
    backend = Held()
    app = living(backend)
    app.get("/orders")(lambda: "a book")
    assert TestClient(app).get("/orders").status_code == 200
    assert backend.calls == []


@pytest.mark.anyio
async def test_an_application_without_a_lifespan_keeps_its_backend() -> None:
    """Servers go on without one; requests follow."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("only http is spoken here")

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    backend = Held()
    with pytest.raises(ValueError, match="only http"):
        await MaintenanceModeMiddleware(app, backend=backend)({"type": "lifespan"}, receive, send)
    assert "close" not in backend.calls


def test_two_gates_may_share_a_backend() -> None:
    """Each waits for it and closes it."""
    backend = Held()
    app = living(backend)
    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    with TestClient(app):
        pass
    assert backend.calls == ["ready", "ready", "starts", "ends", "close", "close"]
