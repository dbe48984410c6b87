"""When a full maintenance begins, live WebSockets and event streams end; everything else runs out.

Spoken in plain ASGI here, message by message; `tests/servers` does it with real servers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from fastapi import WebSocket
from starlette.requests import HTTPConnection
from starlette.types import Message

from fastapi_maintenance import MaintenanceModeMiddleware, _connections, maintenance_mode_on
from fastapi_maintenance.windows import OFF, Match
from tests.unit.gated import ON, WRITES
from tests.unit.making import Held, open_since_2026
from tests.unit.streaming import Client, accepted, listens, shop, talks

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("endpoint", [listens, talks])
async def test_a_websocket_is_closed_with_1012(endpoint: Callable[..., Awaitable[None]]) -> None:
    held = Held(OFF)
    client = Client(shop(endpoint, backend=held), "websocket", "/talk")
    await client.sees(accepted)
    held.held = ON
    await client.closes(1012)


async def test_a_websocket_whose_endpoint_sleeps_is_closed_too() -> None:
    async def sleeps(socket: WebSocket) -> None:
        await socket.accept()
        await asyncio.sleep(3600)

    held = Held(OFF)
    client = Client(shop(sleeps, backend=held), "websocket", "/talk")
    await client.sees(accepted)
    held.held = ON
    await client.sees(lambda sent: sent[-1] == {"type": "websocket.close", "code": 1012})
    client.task.cancel()
    await asyncio.gather(client.task, return_exceptions=True)


async def test_a_socket_whose_handler_takes_long_is_closed_once() -> None:
    """A second change of the state meanwhile once made two ends, of which one was never told."""
    may_answer = asyncio.Event()

    async def exempts(connection: HTTPConnection) -> bool:
        await may_answer.wait()
        return False

    held = Held(OFF)
    client = Client(shop(listens, backend=held, exempt_handler=exempts), "websocket", "/talk")
    await client.sees(accepted)
    for state in (ON, open_since_2026(), ON):
        held.held = state
        await asyncio.sleep(0.25)
    may_answer.set()
    await client.closes(1012)
    assert [message["type"] for message in client.sent].count("websocket.close") == 1


async def test_a_socket_stays_whose_maintenance_ended_while_its_handler_was_asked() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def exempts(connection: HTTPConnection) -> bool:
        asked.set()
        await may_answer.wait()
        return False

    held = Held(OFF)
    client = Client(shop(talks, backend=held, exempt_handler=exempts), "websocket", "/talk")
    await client.sees(accepted)
    held.held = ON
    await asked.wait()
    held.held = OFF
    may_answer.set()
    seen = len(client.sent)
    await client.sees(lambda sent: len(sent) > seen + 30)
    client.task.cancel()
    await asyncio.gather(client.task, return_exceptions=True)


async def test_a_socket_in_a_task_group_ends_without_an_error() -> None:
    async def in_group(socket: WebSocket) -> None:
        await socket.accept()
        async with anyio.create_task_group() as group:
            group.start_soon(socket.receive_text)

    held = Held(OFF)
    client = Client(shop(in_group, backend=held), "websocket", "/talk")
    await client.sees(accepted)
    held.held = ON
    await client.closes(1012)


async def test_two_who_wait_for_messages_are_both_told() -> None:
    told: list[str] = []

    async def twice(socket: WebSocket) -> None:
        async def wait() -> None:
            told.append((await socket.receive())["type"])

        await socket.accept()
        await asyncio.gather(wait(), wait(), return_exceptions=True)

    held = Held(OFF)
    client = Client(shop(twice, backend=held), "websocket", "/talk")
    await client.sees(accepted)
    await asyncio.sleep(0)
    held.held = ON
    await client.closes(1012)
    assert told[0] == "websocket.disconnect"


async def test_a_window_for_sockets_alone_ends_them() -> None:
    held = Held(OFF)
    client = Client(shop(listens, backend=held), "websocket", "/talk")
    await client.sees(accepted)
    held.held = open_since_2026(match=Match(methods=("WEBSOCKET",)))
    await client.closes(1012)


async def test_slow_handlers_and_hooks_hold_up_nobodys_end() -> None:
    over = asyncio.Event()

    async def slow() -> None:
        await over.wait()

    async def exempts(connection: HTTPConnection) -> bool:
        if "slow" in connection.url.path:
            await over.wait()
        return False

    held = Held(OFF)
    app = shop(listens, backend=held, on_start=slow, exempt_handler=exempts)
    app.add_api_websocket_route("/slow", listens)
    held_up = Client(app, "websocket", "/slow")
    await held_up.sees(accepted)
    for state in (ON, OFF, ON):
        client = Client(app, "websocket", "/talk")
        if held.held is OFF:
            await client.sees(accepted)
            held.held = state
            await client.closes(1012)
        else:
            held.held = state
            client.task.cancel()
            await asyncio.gather(client.task, return_exceptions=True)
    over.set()
    await held_up.closes(1012)


async def test_of_several_backends_an_exempt_socket_is_asked_about_once() -> None:
    asked: list[str] = []

    def exempts(connection: HTTPConnection) -> bool:
        asked.append(connection.url.path)
        return True

    held = Held(OFF)
    app = shop(listens, backend=[held, Held(OFF)], exempt_handler=exempts)
    client = Client(app, "websocket", "/talk")
    await client.sees(accepted)
    held.held = ON
    with anyio.fail_after(10):
        while not asked:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.4)  # several looks
    assert len(asked) == 1
    client.task.cancel()
    await asyncio.gather(client.task, return_exceptions=True)


async def test_what_is_neither_http_nor_websocket_nor_lifespan_passes() -> None:
    met: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        met.append(scope["type"])

    gate: Any = MaintenanceModeMiddleware(app, enable_maintenance=True)
    await gate({"type": "mqtt"}, None, None)
    assert met == ["mqtt"]


@pytest.mark.parametrize(
    ("state", "options"),
    [
        (WRITES, {}),
        (ON, {"exempt_paths": ["/talk", "/events"]}),
        (ON, {"exempt_handler": lambda request: request.url.path != "/nothing"}),
        (open_since_2026(apps=("another",)), {}),
    ],
)
async def test_what_would_not_be_refused_goes_on(state: Any, options: dict[str, Any]) -> None:
    held = Held(OFF)
    app = shop(talks, backend=held, **options)
    clients = [Client(app, "websocket", "/talk"), Client(app, "http", "/events")]
    for client in clients:
        await client.sees(lambda sent: len(sent) > 3)
    held.held = state
    for client in clients:
        seen = len(client.sent)
        await client.sees(lambda sent, seen=seen: len(sent) > seen + 30)  # type: ignore[misc]
        client.task.cancel()
    await asyncio.gather(*(client.task for client in clients), return_exceptions=True)


async def test_a_block_ends_streams_as_well() -> None:
    held = Held(OFF)
    client = Client(shop(listens, backend=held), "websocket", "/talk")
    await client.sees(accepted)
    async with maintenance_mode_on(held):
        await client.closes(1012)


async def test_an_end_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the log nor for the server."""
    caplog.set_level(logging.WARNING)
    held = Held(OFF)
    app = shop(talks, backend=held)
    clients = [Client(app, "websocket", "/talk"), Client(app, "http", "/events", "2.4")]
    for client in clients:
        await client.sees(lambda sent: len(sent) > 3)
    held.held = ON
    for client in clients:
        with anyio.fail_after(10):
            await client.task
    assert caplog.records == []


async def test_a_server_that_does_not_take_the_close_holds_nobody_up() -> None:
    held = Held(OFF)
    app = shop(listens, backend=held)
    stuck, other = Client(app, "websocket", "/talk"), Client(app, "websocket", "/talk")
    await stuck.sees(accepted)
    await other.sees(accepted)

    async def hangs(message: Message) -> None:
        await asyncio.sleep(3600)

    stuck._send = hangs  # type: ignore[method-assign]
    held.held = ON
    await other.closes(1012)
    with anyio.fail_after(10):
        await stuck.task


@pytest.mark.parametrize("path", ["/talk", "/events"])
async def test_no_endpoint_ends_before_its_client_is_told(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server would close a socket by itself then, without our code (granian)."""
    monkeypatch.setattr(_connections, "_PATIENCE", 30.0)
    held = Held(OFF)
    app = shop(talks, backend=held)
    client = Client(app, "websocket" if path == "/talk" else "http", path, "2.4")
    await client.sees(lambda sent: len(sent) > 3)
    send, done_while_told = client._send, []

    async def slow(message: Message) -> None:
        if message["type"] == "websocket.close" or message.get("more_body") is False:
            await asyncio.sleep(0.3)
            done_while_told.append(client.task.done())
        await send(message)

    client._send = slow  # type: ignore[method-assign]
    held.held = ON
    with anyio.fail_after(10):
        await client.task
    assert done_while_told == [False]


async def test_nothing_runs_beside_requests_that_end(caplog: pytest.LogCaptureFixture) -> None:
    app = shop(backend=Held(OFF))
    before = len(asyncio.all_tasks())
    await Client(app, "http", "/lines").task
    assert len(asyncio.all_tasks()) == before
