"""What may last behind the gate, and is ended when maintenance begins.

Most requests are short and run out. A WebSocket or an event stream may last for days, so when a
full maintenance begins the gate ends those itself: the client hears it at once and comes back
elsewhere or later, the application sees an ordinary disconnect.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from ._events import is_event_stream

SERVICE_RESTART = 1012
"""WebSocket close code (IANA registry): the server goes; come back."""

_PATIENCE = 1.0
"""Seconds that a server may take to pass on an end: some hang with an idle endpoint."""


class Ended(OSError):
    """What an application gets that sends to a connection which maintenance has ended."""


# As Starlette words it for an application, too.
_DISCONNECTS = (Ended, ClientDisconnect, WebSocketDisconnect)


class Waiting:
    """A message that is waited for, until somebody says that it need not come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._scopes: set[anyio.CancelScope] = set()
        self._told: anyio.Event | None = None

    async def receive(self) -> Message | None:
        """The message; None where it need not come any more."""
        if self._told is None:
            with anyio.CancelScope() as scope:
                self._scopes.add(scope)
                try:
                    return await self._receive()
                finally:
                    self._scopes.discard(scope)
        await self.client_is_told()
        return None

    async def client_is_told(self) -> None:
        """Wait for that, once it need not come: some servers close when an endpoint returns."""
        if self._told is not None:
            await self._told.wait()

    def stop(self) -> None:
        """It need not come. Who waits for it is told when the client has been."""
        self._told = self._told or anyio.Event()
        for scope in self._scopes:
            scope.cancel()

    def tell(self) -> None:
        """The client has been told, as far as that was possible."""
        if self._told is not None:
            self._told.set()


class Lasting:
    """A connection that may last."""

    def __init__(self, scope: Scope, send: Send, waiting: Waiting) -> None:
        self.key = id(scope)
        self.scope = dict(scope)
        """As it came: a mount changes it on the way."""
        self.spared_by: object = None
        """The state under which it was found exempt."""
        self.is_judged = False
        """Whether somebody finds out whether it would be refused."""
        self.over = False
        """Whether maintenance has ended it."""
        self._send = send
        self._waiting = waiting

    async def end(self) -> None:
        """Tell the client, and then the application, that it is over."""
        raise NotImplementedError

    def excuses(self, error: BaseException) -> bool:
        """Whether an error of the application only says that the connection is over."""
        if isinstance(error, BaseExceptionGroup):
            return self.over and error.split(_DISCONNECTS)[1] is None
        return self.over and isinstance(error, _DISCONNECTS)

    async def _end_with(self, message: Message) -> None:
        self.over = True
        # First, since some servers do not send while they receive (granian).
        self._waiting.stop()
        try:
            with anyio.move_on_after(_PATIENCE):
                await self._send(message)
        finally:
            self._waiting.tell()


class EventStream(Lasting):
    """A response of server-sent events."""

    _is_complete = False
    _has_sent_since = False
    """Whether the application has sent something since it is over."""

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a message on; once it is over, do as a server does after a disconnect."""
        if self.over:
            return self._gone()
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._is_complete = True
        return self._send(message)

    async def end(self) -> None:
        """Complete the response, and wake the application with a disconnect."""
        if self._is_complete or self.over:
            return
        await self._end_with({"type": "http.response.body", "body": b"", "more_body": False})

    async def _gone(self) -> None:
        # Whoever is cancelled here leaves its generator where it gave the last event, until garbage
        # is collected. So the first time it goes on, and is cancelled where it waits itself.
        with anyio.CancelScope(shield=not self._has_sent_since):
            self._has_sent_since = True
            await self._waiting.client_is_told()
        version = str(self.scope.get("asgi", {}).get("spec_version", "2.0"))
        if tuple(map(int, version.split("."))) >= (2, 4):
            raise Ended("maintenance has ended this response")


class Socket(Lasting):
    """A WebSocket; its `receive` and `send` are what the application gets."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, accepted: Callable[[Lasting], None]
    ) -> None:
        super().__init__(scope, send, Waiting(receive))
        self._accepted = accepted
        self._last = "websocket.connect"

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if self.over:
            await self._waiting.client_is_told()
            if message["type"] == "websocket.close":
                return
            raise Ended("maintenance has closed this WebSocket")
        await self._send(message)
        if message["type"] in ("websocket.accept", "websocket.close"):
            self._last = message["type"]
        if message["type"] == "websocket.accept":
            self._accepted(self)

    async def receive(self) -> Message:
        """The next message; a disconnect once it is over."""
        message = await self._waiting.receive()
        if message is not None and message["type"] == "websocket.disconnect":
            self._last = message["type"]
        return message or {"type": "websocket.disconnect", "code": SERVICE_RESTART, "reason": ""}

    async def end(self) -> None:
        """Close it, if it is open, and wake the application with a disconnect."""
        if self._last == "websocket.accept" and not self.over:
            await self._end_with({"type": "websocket.close", "code": SERVICE_RESTART})


def http_ends(
    scope: Scope, receive: Receive, send: Send, begun: Callable[[Lasting], None]
) -> tuple[Receive, Send]:
    """What the application gets in the place of `receive` and `send` of an HTTP request.

    Nearly free unless the response turns out to be a stream of events, which `begun` is told of.
    """
    waiting = Waiting(receive)
    came = EventStream(scope, send, waiting)
    stream: EventStream | None = None
    forwards = has_body = False

    def send_on(message: Message) -> Awaitable[None]:
        nonlocal forwards, stream
        if forwards:
            return send(message)
        if stream is not None:
            return stream.send(message)
        if message["type"] == "http.response.start":
            forwards = not is_event_stream(message)
            if not forwards:
                stream = came
                begun(stream)
        return send(message)

    async def receive_on() -> Message:
        nonlocal has_body
        if not has_body:
            message = await receive()
            has_body = not message.get("more_body", False)
            return message
        # All that can come now is a disconnect, after hours perhaps.
        return await waiting.receive() or {"type": "http.disconnect"}

    return receive_on, send_on
