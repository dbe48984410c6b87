"""One HTTP/1.1 connection (RFC 9112), over TLS and through a proxy where they are asked for.

httptools and asyncio's streams, since a watch is one long answer: through a general HTTP client an
event costs several times the CPU.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from .answer import Answer, Head, ProtocolError
from .identity import Access

_READ_SIZE = 256 * 1024
_PORTS = {"https": 443, "http": 80}
_NEXT_ADDRESS_AFTER = 0.25
"""Seconds until the next address of a name is tried beside the first (RFC 8305, 5)."""
_UNFIT = re.compile(r"[\0\r\n]|[^\0-\xff]")
"""What no line of a head may hold (RFC 9110, 5.5)."""

Headers = list[tuple[str, str]]


class _Reader(asyncio.StreamReader):
    """Knows how much has come that nobody has read."""

    unread = 0

    def feed_data(self, data: Any) -> None:
        """Take what came."""
        self.unread += len(data)
        super().feed_data(data)

    async def read(self, n: int = -1) -> bytes:
        """Give what came."""
        data = await super().read(n)
        self.unread -= len(data)
        return data


Streams = tuple[_Reader, asyncio.StreamWriter]


class Connection:
    """Requests to one server, one after the other.

    Everything here raises OSError where the other side, or the way to it, is at fault;
    TimeoutError and `ProtocolError` are OSErrors.
    """

    def __init__(self, streams: Streams, access: Access) -> None:
        self.access = access
        self.used_at = time.monotonic()
        self._reader, self._writer = streams
        self._host = urlsplit(access.server).netloc.rpartition("@")[2]
        self._answer: Answer | None = None
        """Of the last request, or of the one that is being answered."""

    @classmethod
    async def open(cls, access: Access, timeout: float) -> Connection:
        """Connect, within `timeout` seconds."""
        async with asyncio.timeout(timeout):
            return cls(await _open(access), access)

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        last = self._answer
        idle = last is None or (last.is_complete and last.leaves_open)
        # What has come since would be taken for the answer to the next request.
        silent = not self._reader.unread and not self._reader.at_eof()
        return idle and silent and not self._writer.is_closing()

    async def send(self, method: str, target: str, headers: Headers, body: bytes = b"") -> Head:
        """Send a request; returns when the head of the answer has come."""
        length = [("Content-Length", str(len(body)))] if body else []
        self._answer = Answer()
        self._writer.write(
            _request(method, target, [("Host", self._host), *headers, *length]) + body
        )
        await self._writer.drain()
        return await _read_head(self._reader, self._answer)

    async def body(self, idle: float | None = None, at_first: float = 0.0) -> AsyncIterator[bytes]:
        """The answer's body as it comes; what came together is given together.

        Raises:
            TimeoutError: nothing came for `idle` seconds, or `at_first` where that is longer.
        """
        answer = self._answer
        assert answer is not None, "the head is read first"
        limit = _Patience(self._reader, idle, at_first) if idle else contextlib.nullcontext()
        with limit as patience:
            while True:
                if part := answer.take():
                    if patience is not None:
                        patience.heard()
                    yield part
                if answer.is_complete:
                    break
                answer.feed(await self._reader.read(_READ_SIZE))
        self.used_at = time.monotonic()

    async def close(self) -> None:
        """Let go of it at once: nothing is said to a server that may not listen any more."""
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class _Patience:
    """Lets a reader fail to which nothing has come for so many seconds.

    One timer that looks now and then: one for each event would cost more than all else about it.
    """

    def __init__(self, reader: asyncio.StreamReader, seconds: float, at_first: float) -> None:
        self._reader, self._seconds = reader, seconds
        self._loop = asyncio.get_running_loop()
        self._at_first = max(seconds, at_first)
        self._until = self._loop.time() + self._at_first

    def __enter__(self) -> _Patience:
        self._look()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def heard(self) -> None:
        """Something has come."""
        self._until = self._loop.time() + self._seconds
        if self._at_first:
            self._at_first = 0.0
            self._timer.cancel()
            self._look()

    def _look(self) -> None:
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look)
        else:
            waited = self._at_first or self._seconds
            self._reader.set_exception(TimeoutError(f"nothing came for {waited:.3g} s"))


def _request(method: str, target: str, headers: Headers) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if bad := [line for line in lines if _UNFIT.search(line)]:
        name = bad[0].partition(":")[0]  # what comes then may be a secret
        raise ProtocolError(f"a line break, or a letter that no header may have, in {name!r}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _read_head(reader: asyncio.StreamReader, answer: Answer) -> Head:
    while answer.head is None:
        answer.feed(await reader.read(_READ_SIZE))
    return answer.head


async def _open(access: Access) -> Streams:
    server = urlsplit(access.server)
    if server.scheme not in _PORTS or not server.hostname:
        raise OSError(f"server: {access.server} is no URL: write https://{access.server}")
    host, port = server.hostname, _port(server)
    tls: dict[str, Any] = {}
    if server.scheme == "https":
        name = access.tls_server_name or host.removesuffix(".")
        tls = {"ssl": access.ssl_context, "server_hostname": name}
    if access.proxy is None:
        return await _open_to(host, port, **tls)
    return await _open_through(urlsplit(access.proxy), host, port, tls)


async def _open_to(host: str, port: int, **options: Any) -> Streams:
    try:
        return await _connect(host, port, **options)
    except RuntimeError:
        # The process ends: no executor takes work any more, which is how asyncio resolves names.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]) for each in found]
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return await _connect(address, port, **options)
    return await _connect(addresses[-1], port, **options)


async def _connect(host: str, port: int, **options: Any) -> Streams:
    """As `asyncio.open_connection`, with a reader of ours."""
    loop, reader = asyncio.get_running_loop(), _Reader(limit=_READ_SIZE)
    protocol = asyncio.StreamReaderProtocol(reader)
    # A name may have several; uvloop, which a policy may bring, tries them in turn.
    if not _is_address(host) and isinstance(loop, asyncio.BaseEventLoop):
        options["happy_eyeballs_delay"] = _NEXT_ADDRESS_AFTER
    transport, _ = await loop.create_connection(lambda: protocol, host, port, **options)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()


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
    reader: _Reader, writer: asyncio.StreamWriter, target: str, proxy: SplitResult
) -> None:
    lines = [("Host", target)]
    if proxy.username is not None:
        user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        basic = base64.b64encode(user.encode()).decode()
        lines.append(("Proxy-Authorization", f"Basic {basic}"))
    writer.write(_request("CONNECT", target, lines))
    head = await _read_head(reader, Answer())
    if not head.is_success:
        raise ConnectionError(f"the proxy answered {head.status} {head.reason}")


def _port(url: SplitResult) -> int:
    return url.port or _PORTS.get(url.scheme, 0)
