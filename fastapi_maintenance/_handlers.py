"""The handlers that users give: called only while maintenance is on, and never trusted to work.

The result is looked at, not the function: an object with an async ``__call__``, or a lambda that
returns a coroutine, would otherwise always be true.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ExemptHandler = Callable[[Any], bool | Awaitable[bool]]
"""Takes a `Request`, or an `HTTPConnection` for a WebSocket."""

ResponseHandler = Callable[[Request], Response | Awaitable[Response]]

_NAME = b"x-maintenance"

logger = logging.getLogger(__name__)


class Replay:
    """Keeps what one reads of a body for the one who reads after."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: list[Message] = []

    async def first(self) -> Message:
        """The next message, which is kept."""
        message = await self._receive()
        self._kept.append(message)
        return message

    async def second(self) -> Message:
        """The next message, first of those that were kept."""
        return self._kept.pop(0) if self._kept else await self._receive()


async def exempts(handler: ExemptHandler, scope: Scope, receive: Receive) -> bool:
    """Whether a handler lets a connection pass; one that raises lets nothing pass."""
    is_http = scope["type"] == "http"
    try:
        result = handler(Request(scope, receive) if is_http else HTTPConnection(scope))
        return bool(await result if inspect.isawaitable(result) else result)
    except Exception:
        logger.exception("exempt_handler; the request is refused")
        return False


async def no_body() -> Message:
    """What is left to read of a request that was let in before."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def response_of(handler: ResponseHandler, scope: Scope, receive: Receive) -> Response | None:
    """What a handler answers; None for the default answer, where it raises or answers nothing."""
    try:
        result = handler(Request(scope, receive))
        response = await result if inspect.isawaitable(result) else result
        if not isinstance(response, Response):
            raise TypeError(f"returned {type(response).__name__}, not a starlette Response")
    except Exception:
        logger.exception("response_handler; the default answer is sent")
        return None
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def named(response: ASGIApp, source: str) -> ASGIApp:
    """A response, which may serve several times, with ``X-Maintenance``, where it has none."""
    if not source:
        return response

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, adding(send, _NAME, source.encode("latin-1")))

    return answer


def adding(send: Send, name: bytes, value: bytes) -> Send:
    """A `send` that adds a header (its name in lower case) to a response that has none like it."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ())]
            if all(key.lower() != name for key, _ in headers):
                message = {**message, "headers": [*headers, (name, value)]}
        await send(message)

    return send_on


def telling(send: Send, begins: Callable[[int], None]) -> Send:
    """A `send` that calls `begins` with the status of the response, once that begins."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            begins(message["status"])
        await send(message)

    return send_on
