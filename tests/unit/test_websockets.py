"""A refused WebSocket: a 503 at its handshake where the server can, else a close."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Message, Receive, Scope, Send

from fastapi_maintenance import MaintenanceModeMiddleware
from fastapi_maintenance.windows import OFF, Mode, Opening, State, switched
from tests.unit.making import Held, open_since_2026

ON = switched(Opening())


def talking(state: State) -> TestClient:
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, backend=Held(state))

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    app.websocket("/ping")(talk)
    return TestClient(app)


def test_while_it_is_off_a_websocket_is_accepted() -> None:
    with talking(OFF).websocket_connect("/talk") as socket:
        assert socket.receive_text() == "hello"


@pytest.mark.parametrize("state", [ON, switched(Opening(Mode.READ_ONLY)), open_since_2026()])
def test_a_websocket_is_refused_with_503_at_its_handshake(state: State) -> None:
    """Read-only maintenance refuses it too: it may carry writes."""
    with (
        pytest.raises(WebSocketDenialResponse) as caught,
        talking(state).websocket_connect("/talk"),
    ):
        pass
    assert caught.value.status_code == 503
    assert caught.value.json()["detail"].startswith("Service temporarily unavailable")
    assert caught.value.headers["Retry-After"] == "3600"
    assert caught.value.headers["Cache-Control"] == "no-store"


def test_a_websocket_is_no_health_check() -> None:
    """Whatever its path is called."""
    client = talking(open_since_2026())
    with pytest.raises(WebSocketDenialResponse), client.websocket_connect("/ping"):
        pass


async def conversation(extensions: dict[str, Any] | None) -> list[Message]:
    """What a server hears of a refused WebSocket, if it has these extensions."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("not reached")

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "websocket", "path": "/talk", "headers": []}
    if extensions is not None:
        scope["extensions"] = extensions
    await MaintenanceModeMiddleware(app, backend=Held(ON))(scope, receive, send)
    return sent


@pytest.mark.anyio
@pytest.mark.parametrize("extensions", [None, {}, {"http.response.push": {}}])
async def test_a_server_that_cannot_deny_closes_with_1013(extensions: dict[str, Any]) -> None:
    """1013 is "try again later"; before the handshake servers turn it into a 403."""
    assert await conversation(extensions) == [{"type": "websocket.close", "code": 1013}]


@pytest.mark.anyio
async def test_a_server_that_can_deny_gets_an_answer() -> None:
    start, body = await conversation({"websocket.http.response": {}})
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 503)
    assert body["type"] == "websocket.http.response.body"
