"""When a full maintenance begins, live WebSockets and event streams end; everything else runs out.

Spoken in plain ASGI here, message by message; `tests/servers` does it with real servers.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import anyio
import pytest
from fastapi import FastAPI, WebSocket
from starlette.requests import HTTPConnection
from starlette.responses import StreamingResponse
from starlette.types import Message

from fastapi_maintenance import MaintenanceModeMiddleware, _watch, maintenance_mode_on
from fastapi_maintenance.windows import OFF, Match
from tests.unit.gated import ON, WRITES
from tests.unit.making import Held, open_since_2026

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


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


@pytest.mark.parametrize("spec_version", ["2.0", "2.3", "2.4"])
async def test_a_stream_of_events_is_completed_and_its_generator_ended(spec_version: str) -> None:
    held = Held(OFF)
    app = shop(backend=held)
    client = Client(app, "http", "/events", spec_version)
    await client.sees(lambda sent: len(sent) > 3)
    held.held = ON
    await client.sees(lambda sent: sent[-1].get("more_body") is False)
    assert client.sent[-1]["body"] == b""
    with anyio.fail_after(10):
        await client.task
        while app.state.ended != ["ticks"]:
            await asyncio.sleep(0.01)
    assert client.sent[-1]["more_body"] is False


async def test_generators_end_at_once_and_not_when_garbage_is_collected() -> None:
    """Also one that has an event to send in the very moment in which its stream is ended."""
    more, ended = asyncio.Event(), []

    async def ticks() -> AsyncIterator[str]:
        try:
            while True:
                yield "data: tick\n\n"
                await more.wait()
                more.clear()
        finally:
            ended.append("ticks")

    async def events() -> StreamingResponse:
        return StreamingResponse(ticks(), media_type="text/event-stream")

    app = shop(backend=(held := Held(OFF)))
    app.add_api_route("/ticks", events)
    client = Client(app, "http", "/ticks")
    gc.disable()
    try:
        await client.sees(lambda sent: len(sent) > 1)
        held.held = ON
        await client.sees(lambda sent: sent[-1].get("more_body") is False)
        more.set()
        with anyio.fail_after(10):
            await client.task
        assert ended == ["ticks"]
    finally:
        gc.enable()


async def test_a_generator_that_never_waits_ends_too() -> None:
    """What it sends is the only place where it hears of a cancellation."""

    async def ticks() -> AsyncIterator[str]:
        while True:
            yield "data: tick\n\n"

    async def events() -> StreamingResponse:
        return StreamingResponse(ticks(), media_type="text/event-stream")

    app = shop(backend=(held := Held(OFF)))
    app.add_api_route("/ticks", events)
    client = Client(app, "http", "/ticks")
    client.hesitates = True
    await client.sees(lambda sent: len(sent) > 3)
    held.held = ON
    with anyio.fail_after(10):
        await client.task


def _of_no_stream(app: Any) -> Any:
    """Enough answers to show what an application does."""

    async def ask() -> None:
        for _ in range(300):
            await Client(app, "http", "/openapi.json").task

    return ask()


@pytest.mark.parametrize("accept", [b"text/event-stream", b"application/json"])
async def test_after_many_other_answers_a_stream_of_events_is_still_seen(accept: bytes) -> None:
    """One who asks for events is always looked at, of the others one in a while."""
    held = Held(OFF)
    app = shop(backend=held)
    await _of_no_stream(app)
    clients = []
    for _ in range(1 if accept == b"text/event-stream" else 65):
        clients.append(Client(app, "http", "/events", headers=[(b"accept", accept)]))
        await clients[-1].sees(lambda sent: len(sent) > 1)
    late = Client(app, "http", "/events")
    await late.sees(lambda sent: len(sent) > 1)
    held.held = ON
    seen = clients if accept == b"text/event-stream" else [late]
    for client in seen:
        await client.sees(lambda sent: sent[-1].get("more_body") is False)
    for client in [*clients, late]:
        client.task.cancel()
    await asyncio.gather(*(c.task for c in [*clients, late]), return_exceptions=True)


@pytest.mark.parametrize("made_by", ["response_class", "mounted", "sse_starlette"])
async def test_who_is_made_to_stream_events_is_always_looked_at(
    made_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Events(StreamingResponse):
        media_type = "text/event-stream"

    held = Held(OFF)
    typed, app = FastAPI(), shop(backend=held)
    if made_by == "response_class":
        app.get("/typed", response_class=Events)(lambda: None)
    if made_by == "mounted":
        typed.get("/typed", response_class=Events)(lambda: None)
        app.mount("/below", typed)
    if made_by == "sse_starlette":
        monkeypatch.setitem(sys.modules, "sse_starlette", sys)
    await _of_no_stream(app)
    client = Client(app, "http", "/events")
    await client.sees(lambda sent: len(sent) > 1)
    held.held = ON
    await client.sees(lambda sent: sent[-1].get("more_body") is False)
    with anyio.fail_after(10):
        await client.task


async def test_what_is_always_looked_at_does_not_keep_others_from_being_sampled() -> None:
    held = Held(OFF)
    app = shop(backend=held)
    await _of_no_stream(app)
    clients = []
    for _ in range(80):
        await Client(app, "http", "/nothing", method="POST").task
        clients.append(Client(app, "http", "/events"))
        await clients[-1].sees(lambda sent: len(sent) > 1)
    held.held = ON
    await clients[-1].sees(lambda sent: sent[-1].get("more_body") is False)
    for client in clients:
        client.task.cancel()
    await asyncio.gather(*(client.task for client in clients), return_exceptions=True)


async def test_an_application_that_is_mounted_in_itself_can_be_looked_into() -> None:
    app = shop(backend=Held(OFF))
    app.mount("/again", app)
    await Client(app, "http", "/again/again/openapi.json").task


async def test_streams_that_answer_a_post_are_always_seen() -> None:
    """As those of language models, which no EventSource asks for."""
    held = Held(OFF)
    app = shop(backend=held)
    app.post("/chat")(app.routes[-2].endpoint)  # type: ignore[attr-defined]
    await _of_no_stream(app)
    clients = [Client(app, "http", "/chat", method="POST") for _ in range(5)]
    for client in clients:
        await client.sees(lambda sent: len(sent) > 1)
    held.held = ON
    for client in clients:
        await client.sees(lambda sent: sent[-1].get("more_body") is False)
        with anyio.fail_after(10):
            await client.task


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


async def test_an_ordinary_stream_runs_out() -> None:
    held = Held(OFF)
    client = Client(shop(backend=held), "http", "/lines")
    await client.sees(lambda sent: len(sent) > 3)
    held.held = ON
    with anyio.fail_after(30):
        await client.task
    assert b"".join(m.get("body", b"") for m in client.sent).endswith(b"99\n")


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
async def test_no_endpoint_ends_before_its_client_is_told(path: str) -> None:
    """A server would close a socket by itself then, without our code (granian)."""
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


class TestHooks:
    """They are told when maintenance begins and ends, without any request."""

    async def living(self, app: Any, until: Callable[[], object]) -> None:
        """Run a lifespan until a condition holds."""
        messages: asyncio.Queue[Message] = asyncio.Queue()
        started = asyncio.Event()

        async def send(message: Message) -> None:
            started.set()

        messages.put_nowait({"type": "lifespan.startup"})
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        task = asyncio.create_task(app(scope, messages.get, send))
        await started.wait()
        with anyio.fail_after(10):
            while not until():
                await asyncio.sleep(0.01)
        messages.put_nowait({"type": "lifespan.shutdown"})
        await task

    async def test_plain_and_async_ones_are_called_once_each(self) -> None:
        told: list[str] = []

        async def pause() -> None:
            told.append("paused")

        held = Held(ON)
        app = shop(backend=held, on_start=[pause, lambda: told.append("on")],
                   on_end=lambda: told.append("off"))  # fmt: skip

        def flips() -> bool:
            if told == ["paused", "on"]:
                held.held = OFF
            return "off" in told

        await self.living(app, flips)
        assert told == ["paused", "on", "off"]

    async def test_one_that_fails_keeps_no_other_from_being_called(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        told: list[str] = []

        def fails() -> None:
            raise RuntimeError("no broker")

        app = shop(backend=Held(ON), on_start=[fails, lambda: told.append("on")])
        await self.living(app, lambda: told)
        assert "no broker" in caplog.text

    async def test_they_are_called_one_after_the_other(self) -> None:
        """The end is told when those have ended who were told of the beginning."""
        told: list[str] = []
        held = Held(ON)

        async def pause() -> None:
            told.append("pausing")
            held.held = OFF
            await asyncio.sleep(0.5)
            told.append("paused")

        app = shop(backend=held, on_start=pause, on_end=lambda: told.append("off"))
        await self.living(app, lambda: "off" in told)
        assert told == ["pausing", "paused", "off"]

    async def test_one_that_waits_for_the_end_does_not_wait_for_ever(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As those may who pause their work while maintenance lasts."""
        monkeypatch.setattr(_watch, "_PATIENCE", 0.3)
        told: list[str] = []
        held, over = Held(ON), asyncio.Event()

        async def pause() -> None:
            held.held = OFF
            await over.wait()
            told.append("resumed")

        app = shop(backend=held, on_start=pause, on_end=over.set)
        await self.living(app, lambda: told)
        assert "start a task for what takes long" in caplog.text

    async def test_without_a_change_nobody_is_told(self) -> None:
        told: list[str] = []
        app = shop(backend=Held(OFF), on_start=lambda: told.append("on"),
                   on_end=lambda: told.append("off"))  # fmt: skip
        looks = iter(range(20))
        await self.living(app, lambda: next(looks, None) is None)
        assert told == []
