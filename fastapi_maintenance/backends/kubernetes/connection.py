"""One HTTP/1.1 connection (RFC 9112), over TLS and through a proxy where they are asked for.

h11 and asyncio's streams, since a watch is one long answer: through a general HTTP client an event
costs more than twice the CPU.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import h11

from .identity import Access

_READ_SIZE = 256 * 1024
_LARGEST_HEAD = 64 * 1024
_PORTS = {"https": 443, "http": 80}

Headers = list[tuple[str, str]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer begins with."""

    status: int
    reason: str
    headers: dict[str, str]
    """By their names in lower case."""

    @property
    def is_success(self) -> bool:
        """Whether it is what was asked for (RFC 9110, 15.3)."""
        return 200 <= self.status < 300


class Connection:
    """Requests to one server, one after the other.

    Everything here raises OSError or `h11.ProtocolError` where the other side, or the way to it,
    is at fault; TimeoutError is an OSError.
    """

    def __init__(self, streams: Streams, access: Access) -> None:
        self.access = access
        self.used_at = time.monotonic()
        self._reader, self._writer = streams
        self._host = urlsplit(access.server).netloc.rpartition("@")[2]
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)

    @classmethod
    async def open(cls, access: Access, timeout: float) -> Connection:
        """Connect, within `timeout` seconds."""
        async with asyncio.timeout(timeout):
            return cls(await _open(access), access)

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        idle = self._protocol.our_state is h11.IDLE
        return idle and not self._reader.at_eof() and not self._writer.is_closing()

    async def send(self, method: str, target: str, headers: Headers, body: bytes = b"") -> Head:
        """Send a request; returns when the head of the answer has come."""
        length = [("Content-Length", str(len(body)))] if body else []
        lines = [("Host", self._host), *headers, *length]
        request = h11.Request(method=method, target=target, headers=lines)
        # All three give bytes, except for a message that closes the connection.
        parts = [self._protocol.send(request) or b""]
        if body:
            parts.append(self._protocol.send(h11.Data(body)) or b"")
        parts.append(self._protocol.send(h11.EndOfMessage()) or b"")
        self._writer.write(b"".join(parts))
        await self._writer.drain()
        return await self._head()

    async def body(self, idle: float | None = None) -> AsyncIterator[bytes]:
        """The answer's body as it comes; what came together is given together.

        Raises:
            TimeoutError: nothing came for `idle` seconds.
        """
        while True:
            parts: list[bytes] = []
            while isinstance(event := self._protocol.next_event(), h11.Data):
                parts.append(event.data)
            if parts:
                yield b"".join(parts)
            if event is not h11.NEED_DATA:
                break
            await self._receive(idle)
        self.used_at = time.monotonic()
        if self._protocol.our_state is self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()

    async def close(self) -> None:
        """Let go of it at once: nothing is said to a server that may not listen any more."""
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _head(self) -> Head:
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                await self._receive(None)
            elif isinstance(event, h11.Response):
                return _head_of(event)

    async def _receive(self, idle: float | None) -> None:
        try:
            async with asyncio.timeout(idle):
                _feed(self._protocol, await self._reader.read(_READ_SIZE))
        except TimeoutError:
            raise TimeoutError(f"nothing came for {idle:g} s") from None


def _feed(protocol: h11.Connection, data: bytes) -> None:
    answering = protocol.their_state is h11.SEND_RESPONSE
    if not data and answering and not protocol.trailing_data[0]:
        raise ConnectionError("the connection was closed without an answer")
    protocol.receive_data(data)


def _head_of(response: h11.Response) -> Head:
    headers = {name.decode(): value.decode("latin-1") for name, value in response.headers}
    return Head(response.status_code, bytes(response.reason).decode("latin-1"), headers)


async def _open(access: Access) -> Streams:
    server = urlsplit(access.server)
    host, port = str(server.hostname), _port(server)
    tls: dict[str, Any] = {}
    if server.scheme == "https":
        name = access.tls_server_name or host
        tls = {"ssl": access.ssl_context, "server_hostname": name}
    if access.proxy is None:
        return await _open_to(host, port, **tls)
    return await _open_through(urlsplit(access.proxy), host, port, tls)


async def _open_to(host: str, port: int, **options: Any) -> Streams:
    try:
        return await asyncio.open_connection(host, port, limit=_READ_SIZE, **options)
    except RuntimeError:
        # The process ends: no executor takes work any more, which is how asyncio resolves names.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]) for each in found]
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return await asyncio.open_connection(address, port, limit=_READ_SIZE, **options)
    return await asyncio.open_connection(addresses[-1], port, limit=_READ_SIZE, **options)


async def _open_through(proxy: SplitResult, host: str, port: int, tls: dict[str, Any]) -> Streams:
    """A tunnel by CONNECT (RFC 9110, 9.3.6)."""
    if proxy.scheme not in _PORTS:
        raise OSError(f"proxy-url {proxy.scheme}:// is not supported: name an http:// proxy")
    outer = ssl.create_default_context() if proxy.scheme == "https" else None
    reader, writer = await _open_to(str(proxy.hostname), _port(proxy), ssl=outer)
    try:
        await _tunnel(reader, writer, f"{f'[{host}]' if ':' in host else host}:{port}", proxy)
        if tls:
            await writer.start_tls(tls["ssl"], server_hostname=tls["server_hostname"])
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer


async def _tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str, proxy: SplitResult
) -> None:
    lines = [("Host", target)]
    if proxy.username is not None:
        user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        basic = base64.b64encode(user.encode()).decode()
        lines.append(("Proxy-Authorization", f"Basic {basic}"))
    protocol = h11.Connection(h11.CLIENT)
    request = h11.Request(method="CONNECT", target=target, headers=lines)
    writer.write((protocol.send(request) or b"") + (protocol.send(h11.EndOfMessage()) or b""))
    while not isinstance(event := protocol.next_event(), h11.Response):
        if event is h11.NEED_DATA:
            _feed(protocol, await reader.read(_READ_SIZE))
    head = _head_of(event)
    if not head.is_success:
        raise ConnectionError(f"the proxy answered {head.status} {head.reason}")


def _port(url: SplitResult) -> int:
    return url.port or _PORTS.get(url.scheme, 0)
