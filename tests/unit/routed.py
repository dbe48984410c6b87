"""Applications whose endpoints say who they are, and what a request really met in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from fastapi_maintenance import needs
from fastapi_maintenance._routes import Routes, Target

ROUTER = "the router itself"
DOCS = "documentation"
OPAQUE = "something unknown"

_seen: list[str] = []


def endpoint(name: str) -> Callable[[Request], Any]:
    """An endpoint, for FastAPI as for Starlette, that needs its own name: so it is told apart."""

    async def answer(request: Request) -> Response:
        _seen.append(name)
        return PlainTextResponse(name)

    answer.__annotations__ = {"request": Request, "return": Response}
    return needs(name)(answer)


def talk(name: str) -> Callable[[WebSocket], Any]:
    """An endpoint for WebSockets."""

    async def answer(socket: WebSocket) -> None:
        _seen.append(name)
        await socket.accept()
        await socket.close()

    answer.__annotations__ = {"socket": WebSocket, "return": None}
    return needs(name)(answer)


def resource(*methods: str, name: str) -> Any:
    """A class with an endpoint for each method, named ``name.method``."""

    def of(method: str) -> Any:
        async def answer(self: HTTPEndpoint, request: Request) -> Response:
            _seen.append(f"{name}.{method}")
            return PlainTextResponse("")

        return needs(f"{name}.{method}")(answer)

    return type(name, (HTTPEndpoint,), {method: of(method) for method in methods})


class Foreign:
    """An application whose routes, if it has any, can't be seen from outside."""

    def __init__(self, app: ASGIApp | None = None) -> None:
        self._inner = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _seen.append(OPAQUE)
        if self._inner is not None:
            await self._inner(scope, receive, send)
        elif scope["type"] == "http":
            await PlainTextResponse("foreign")(scope, receive, send)
        else:
            await send({"type": "websocket.close"})


class Passing:
    """A middleware that does nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class Spy(Passing):
    """A middleware that works out the target, where the gate would, and lets everything pass."""

    def __init__(self, app: ASGIApp, log: list[str]) -> None:
        super().__init__(app)
        self._routes = Routes(app)
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._log.append(told(self._routes.target(scope)))
        await self.app(scope, receive, send)


def told(target: Target) -> str:
    """What a target says, in the words of `met`."""
    if not target.served:
        return ROUTER
    if target.docs:
        return DOCS
    return "+".join(sorted(target.needs)) or OPAQUE


def scope_of(request: str) -> Scope:
    """The scope of a request such as ``GET /orders root=/api host=example.org``."""
    method, path, *rest = request.split()
    options = dict(option.split("=", 1) for option in rest)
    scope: Scope = {
        "type": "websocket" if method == "WS" else "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": options.get("root", ""),
        "headers": [(b"host", options.get("host", "testserver").encode())],
        "server": ("testserver", 80),
        "client": ("192.0.2.1", 50000),
    }
    own: Scope = {"subprotocols": []} if method == "WS" else {"method": method}
    return {**scope, **own}


async def call(app: ASGIApp, scope: Scope) -> tuple[int, bytes]:
    """The status and the body of an answer; 0 for a WebSocket that was closed."""
    sent: list[Message] = []
    waiting: list[Message] = [{"type": "websocket.connect"}]
    if scope["type"] == "http":
        waiting = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    status = next((m["status"] for m in sent if m["type"] == "http.response.start"), 0)
    return status, b"".join(m.get("body", b"") for m in sent)


def met(app: ASGIApp, request: str) -> str:
    """What a request met when the application really got it: an endpoint's name, or a word."""
    _seen.clear()
    try:
        status, body = asyncio.run(call(app, scope_of(request)))
    except Exception:
        return _seen[0] if _seen else OPAQUE
    if _seen:
        return _seen[0]
    if status == 200:
        is_docs = any(word in body for word in (b"openapi", b"oauth2", b"redoc"))
        return DOCS if is_docs else OPAQUE
    assert status in (0, 307, 404, 405), (status, body)
    return ROUTER


def compare(app: Any, *requests: str) -> None:
    """What the resolver says is what really happens, asked outside as well as among middlewares."""
    outside, inside = Routes(app), list[str]()
    if isinstance(app, Starlette) and app.middleware_stack is None:
        app.add_middleware(Spy, log=inside)
    for request in requests:
        said = [told(outside.target(scope_of(request)))]
        really = met(app, request)
        said += inside[-1:]
        assert said == [really] * len(said), f"{request}: told {said}, met {really}"
