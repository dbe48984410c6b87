"""What users' handlers may look like, do to a request, and do wrong."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, WebSocket
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Message

from fastapi_maintenance import MaintenanceModeMiddleware, force_maintenance_mode_on
from fastapi_maintenance.windows import OFF, Opening, switched
from tests.unit.making import Held, open_since_2026

ON = switched(Opening())
MEBIBYTE = 1024 * 1024


def shop(**options: Any) -> FastAPI:
    app = FastAPI()

    @app.post("/orders")
    async def order(request: Request) -> dict[str, Any]:
        body = await request.body()
        return {"bytes": len(body), "start": body[:4].decode(), **request.state._state}

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_json(dict(socket.state._state))
        await socket.close()

    app.add_middleware(MaintenanceModeMiddleware, **{"backend": Held(ON), **options})
    return app


def client(**options: Any) -> TestClient:
    return TestClient(shop(**options), follow_redirects=False)


def _is_staff(connection: HTTPConnection) -> bool:
    return connection.headers.get("x-staff") == "yes"


async def _is_staff_async(connection: HTTPConnection) -> bool:
    return _is_staff(connection)


class Checks:
    """Handlers as methods and as objects."""

    def __call__(self, request: Request) -> bool:
        return _is_staff(request)

    def method(self, request: Request) -> bool:
        return _is_staff(request)

    async def async_method(self, request: Request) -> bool:
        return _is_staff(request)

    @classmethod
    def of_class(cls, request: Request) -> bool:
        return _is_staff(request)

    @staticmethod
    async def of_nobody(request: Request) -> bool:
        return _is_staff(request)


class ChecksLater:
    async def __call__(self, request: Request) -> bool:
        return _is_staff(request)


def _compare(name: str, request: Request) -> bool:
    return request.headers.get(name) == "yes"


async def _compare_async(request: Request, *, name: str) -> bool:
    return request.headers.get(name) == "yes"


EXEMPT: dict[str, Callable[[Any], Any]] = {
    "function": _is_staff,
    "async function": _is_staff_async,
    "object": Checks(),
    "async object": ChecksLater(),
    "method": Checks().method,
    "async method": Checks().async_method,
    "class method": Checks.of_class,
    "async static method": Checks.of_nobody,
    "lambda": lambda request: _is_staff(request),
    "lambda of a coroutine": lambda request: _is_staff_async(request),
    "partial": functools.partial(_compare, "x-staff"),
    "async partial": functools.partial(_compare_async, name="x-staff"),
    "partial of an async object": functools.partial(ChecksLater()),
    "truthy": lambda request: request.headers.get("x-staff"),
}


@pytest.mark.parametrize("handler", EXEMPT.values(), ids=EXEMPT)
def test_an_exempt_handler_of_any_shape(handler: Callable[[Any], Any]) -> None:
    asking = client(exempt_handler=handler)
    assert asking.post("/orders", headers={"x-staff": "yes"}).status_code == 200
    assert asking.post("/orders").status_code == 503


def _page(request: Request) -> Response:
    return HTMLResponse(f"closed: {request.url.path}", 503)


async def _page_async(request: Request) -> Response:
    return _page(request)


class Pages:
    def __call__(self, request: Request) -> Response:
        return _page(request)

    async def method(self, request: Request) -> Response:
        return _page(request)


class PagesLater:
    async def __call__(self, request: Request) -> Response:
        return _page(request)


RESPONSE: dict[str, Callable[[Any], Any]] = {
    "function": _page,
    "async function": _page_async,
    "object": Pages(),
    "async object": PagesLater(),
    "async method": Pages().method,
    "lambda": lambda request: _page(request),
    "lambda of a coroutine": lambda request: _page_async(request),
    "partial": functools.partial(_page),
    "async partial": functools.partial(_page_async),
}


@pytest.mark.parametrize("handler", RESPONSE.values(), ids=RESPONSE)
def test_a_response_handler_of_any_shape(handler: Callable[[Any], Any]) -> None:
    refused = client(response_handler=handler).post("/orders")
    assert (refused.status_code, refused.text) == (503, "closed: /orders")


def test_handlers_are_not_called_while_maintenance_is_off() -> None:
    def never(request: Request) -> Any:
        raise AssertionError("called")

    asking = client(backend=Held(OFF), exempt_handler=never, response_handler=never)
    assert asking.post("/orders").status_code == 200
    assert asking.get("/nothing").status_code == 404


def test_handlers_are_not_asked_about_what_no_route_serves() -> None:
    asked: list[str] = []
    asking = client(exempt_handler=lambda request: asked.append(request.url.path))
    assert asking.get("/nothing").status_code == 404
    assert asking.put("/orders").status_code == 405
    assert asked == []


@pytest.mark.parametrize("held", [ON, OFF])
def test_an_exempt_handler_opens_no_route_that_is_forced_on(held: Any) -> None:
    """As published: forced on wins over everything."""
    app = shop(backend=Held(held), exempt_handler=lambda request: True)
    app.get("/never")(force_maintenance_mode_on(lambda: "never"))
    assert TestClient(app).get("/never").status_code == 503


# The body: what a handler has read is still there for those who read after it.


async def _reads_json(request: Request) -> bool:
    return bool((await request.json())["staff"])


async def _reads_body(request: Request) -> bool:
    return b"staff" in await request.body()


async def _reads_the_first_piece(request: Request) -> bool:
    async for piece in request.stream():
        return b"staff" in piece
    return False


@pytest.mark.parametrize("handler", [_reads_json, _reads_body, _reads_the_first_piece])
def test_an_exempt_handler_may_read_the_body(handler: Callable[[Any], Any]) -> None:
    asking = client(exempt_handler=handler)
    assert asking.post("/orders", content=b'{"staff": 1}').json() == {"bytes": 12, "start": '{"st'}
    assert asking.post("/orders", content=b'{"reader": 1}').status_code == 503


class Wire:
    """A request whose body comes in pieces, and the answer."""

    def __init__(self, *pieces: bytes, path: str = "/orders", breaks: bool = False) -> None:
        more: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
        ]
        self.waiting: list[Message] = more
        self.waiting.append(
            {"type": "http.disconnect"}
            if breaks
            else {"type": "http.request", "body": b"", "more_body": False}
        )
        self.received = 0
        self.sent: list[Message] = []
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [],
            "client": ("192.0.2.1", 1),
            "server": ("shop", 80),
            "state": {},
        }

    async def receive(self) -> Message:
        self.received += 1
        return self.waiting.pop(0) if self.waiting else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


@pytest.mark.anyio
@pytest.mark.parametrize("reads", ["nothing", "a piece", "all", "all twice"])
async def test_a_mebibyte_in_pieces_arrives_whole(reads: str) -> None:
    async def handler(request: Request) -> bool:
        if reads == "a piece":
            await anext(request.stream())
        for _ in range({"all": 1, "all twice": 2}.get(reads, 0)):
            assert len(await request.body()) == MEBIBYTE
        return True

    wire = Wire(*[b"x" * 4096] * 256)
    await shop(exempt_handler=handler)(wire.scope, wire.receive, wire.send)
    assert wire.status == 200
    assert b'"bytes":1048576' in wire.body


@pytest.mark.anyio
async def test_what_no_handler_reads_is_not_read() -> None:
    wire = Wire(*[b"x" * 4096] * 256)
    await shop(exempt_handler=lambda request: False)(wire.scope, wire.receive, wire.send)
    assert (wire.status, wire.received) == (503, 0)


@pytest.mark.anyio
async def test_the_order_of_the_pieces_stays() -> None:
    seen: list[bytes] = []
    app = FastAPI()

    @app.post("/orders")
    async def order(request: Request) -> None:
        seen.extend([piece async for piece in request.stream()])

    async def handler(request: Request) -> bool:
        stream = request.stream()
        return [await anext(stream), await anext(stream)] == [b"1", b"2"]

    app.add_middleware(MaintenanceModeMiddleware, backend=Held(ON), exempt_handler=handler)
    wire = Wire(b"1", b"2", b"3", b"4")
    await app(wire.scope, wire.receive, wire.send)
    assert seen == [b"1", b"2", b"3", b"4", b""]


@pytest.mark.anyio
async def test_a_client_that_leaves_while_a_handler_reads_is_refused() -> None:
    wire = Wire(b"1", breaks=True)
    await shop(exempt_handler=_reads_body)(wire.scope, wire.receive, wire.send)
    assert wire.status == 503


@pytest.mark.anyio
async def test_an_application_hears_of_a_disconnect_that_a_handler_has_seen() -> None:
    async def handler(request: Request) -> bool:
        with pytest.raises(ClientDisconnect):
            await request.body()
        return True

    left: list[bool] = []
    app = FastAPI()

    @app.post("/orders")
    async def order(request: Request) -> None:
        try:
            await request.body()
        except ClientDisconnect:
            left.append(True)

    app.add_middleware(MaintenanceModeMiddleware, backend=Held(ON), exempt_handler=handler)
    wire = Wire(b"1", breaks=True)
    await app(wire.scope, wire.receive, wire.send)
    assert left == [True]


def test_both_handlers_and_then_nobody_may_read_the_body() -> None:
    async def answer(request: Request) -> Response:
        return JSONResponse({"order": (await request.body()).decode()}, 503)

    asking = client(exempt_handler=_reads_body, response_handler=answer)
    assert asking.post("/orders", content=b"tea").json() == {"order": "tea"}


def test_a_form_may_be_read_twice() -> None:
    async def handler(request: Request) -> bool:
        return b"staff=yes" in await request.body()

    data = {"staff": "yes"}
    assert client(exempt_handler=handler).post("/orders", data=data).json()["bytes"] == 9


# What else a handler touches.


def test_what_an_exempt_handler_notes_reaches_the_application() -> None:
    def handler(connection: HTTPConnection) -> bool:
        connection.state.user = "Dorothea"
        return True

    asking = client(exempt_handler=handler)
    assert asking.post("/orders").json()["user"] == "Dorothea"
    with asking.websocket_connect("/talk") as socket:
        assert socket.receive_json() == {"user": "Dorothea"}


def test_what_an_exempt_handler_notes_reaches_the_response_handler() -> None:
    def exempt(request: Request) -> bool:
        request.state.reason = "not staff"
        return False

    def answer(request: Request) -> Response:
        return JSONResponse({"reason": request.state.reason}, 503)

    asking = client(exempt_handler=exempt, response_handler=answer)
    assert asking.post("/orders").json() == {"reason": "not staff"}


def test_a_websocket_is_a_connection_to_a_handler() -> None:
    seen: list[Any] = []

    def handler(connection: HTTPConnection) -> bool:
        seen.append((type(connection), connection.url.path, connection.query_params["key"]))
        return connection.query_params["key"] == "1"

    asking = client(exempt_handler=handler)
    with asking.websocket_connect("/talk?key=1") as socket:
        assert socket.receive_json() == {}
    with pytest.raises(WebSocketDenialResponse) as refused, asking.websocket_connect("/talk?key=0"):
        pass
    assert refused.value.status_code == 503
    assert set(seen) == {(HTTPConnection, "/talk", "1"), (HTTPConnection, "/talk", "0")}


def test_about_an_open_websocket_a_handler_is_not_asked_all_the_time() -> None:
    """It may ask a database: once when maintenance begins is enough, or at an interval."""
    asked: list[float] = []
    app = FastAPI()

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await asyncio.sleep(1)
        await socket.close()

    def handler(connection: HTTPConnection) -> bool:
        asked.append(time.monotonic())
        return True

    app.add_middleware(MaintenanceModeMiddleware, backend=Held(ON), exempt_handler=handler)
    with TestClient(app).websocket_connect("/talk") as socket:
        assert socket.receive()["code"] == 1000
    assert len(asked) <= 3


def test_a_response_handler_is_not_asked_about_websockets() -> None:
    def never(request: Request) -> Response:
        raise AssertionError("called")

    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client(response_handler=never).websocket_connect("/talk"),
    ):
        pass
    assert refused.value.status_code == 503


# What handlers do wrong.


def _raises(request: Any) -> Any:
    raise ZeroDivisionError("of the handler")


async def _raises_async(request: Any) -> Any:
    raise ZeroDivisionError("of the handler")


@pytest.mark.parametrize("handler", [_raises, _raises_async, lambda: True, lambda request: 1 / 0])
def test_an_exempt_handler_that_raises_exempts_nothing(
    caplog: pytest.LogCaptureFixture, handler: Callable[..., Any]
) -> None:
    assert client(exempt_handler=handler).post("/orders").status_code == 503
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.message == "exempt_handler; the request is refused"
    assert record.exc_info is not None


def test_an_exempt_handler_that_raises_over_a_websocket_exempts_nothing() -> None:
    with (
        pytest.raises(WebSocketDenialResponse),
        client(exempt_handler=_raises).websocket_connect("/talk"),
    ):
        pass


@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        (_raises, "ZeroDivisionError: of the handler"),
        (_raises_async, "ZeroDivisionError: of the handler"),
        (lambda request: None, "returned NoneType, not a starlette Response"),
        (lambda request: "closed", "returned str, not a starlette Response"),
        (lambda request: {"detail": "closed"}, "returned dict, not a starlette Response"),
        (lambda request: Response, "returned type, not a starlette Response"),
    ],
)
def test_a_response_handler_that_gives_no_response_leaves_the_default(
    caplog: pytest.LogCaptureFixture, handler: Callable[..., Any], problem: str
) -> None:
    refused = client(response_handler=handler).post("/orders")
    assert refused.status_code == 503
    assert refused.json() == {"detail": "Service temporarily unavailable due to maintenance"}
    assert refused.headers["Retry-After"] == "3600"
    assert "response_handler; the default answer is sent" in caplog.text
    assert problem in caplog.text


# Responses.


def _pieces() -> Iterator[bytes]:
    yield b"clo"
    yield b"sed"


async def _pieces_async() -> AsyncIterator[bytes]:
    for piece in _pieces():
        yield piece


@pytest.mark.parametrize("pieces", [_pieces, _pieces_async])
def test_a_response_may_be_streamed(pieces: Callable[[], Any]) -> None:
    asking = client(response_handler=lambda request: StreamingResponse(pieces(), 503))
    refused = asking.post("/orders")
    assert (refused.status_code, refused.text) == (503, "closed")
    assert refused.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("response", "cache"),
    [
        (HTMLResponse("closed", 503), "no-store"),
        (JSONResponse({}, 418), "no-store"),
        (RedirectResponse("https://status.example"), "no-store"),
        (HTMLResponse("closed", 503, {"Cache-Control": "max-age=60"}), "max-age=60"),
        (HTMLResponse("closed", 503, {"cache-control": "public"}), "public"),
    ],
)
def test_nobody_stores_a_refusal_unless_it_says_so(response: Response, cache: str) -> None:
    for _ in range(2):  # the same object may answer twice
        refused = client(response_handler=lambda request: response).post("/orders")
        assert refused.status_code == response.status_code
        assert refused.headers.get_list("Cache-Control") == [cache]


def test_a_response_may_do_something_afterwards() -> None:
    done: list[str] = []
    task = BackgroundTask(done.append, "counted")
    refused = client(response_handler=lambda request: Response("closed", 503, background=task))
    assert refused.post("/orders").text == "closed"
    assert done == ["counted"]


def test_a_response_handler_answers_for_a_route_that_is_forced_on() -> None:
    app = shop(backend=Held(OFF), response_handler=_page)
    app.get("/never")(force_maintenance_mode_on(lambda: "never"))
    assert TestClient(app).get("/never").text == "closed: /never"


def test_an_answer_of_ones_own_says_which_window_refuses() -> None:
    """So that a 503 is known as ours, whoever worded it."""
    app = shop(backend=Held(open_since_2026()), response_handler=lambda r: JSONResponse({}, 503))
    assert TestClient(app).post("/orders").headers["X-Maintenance"] == "window=shop/w"


def test_a_response_that_serves_several_times_names_whoever_refuses_now() -> None:
    held = Held(open_since_2026())
    response = JSONResponse({}, 503)
    client = TestClient(shop(backend=held, response_handler=lambda request: response))
    assert client.post("/orders").headers["X-Maintenance"] == "window=shop/w"
    held.held = open_since_2026(name="second")
    assert client.post("/orders").headers["X-Maintenance"] == "window=shop/second"
    held.held = ON
    assert "X-Maintenance" not in client.post("/orders").headers
