"""An HTTP server on TLS that does what a test says, byte by byte: what no real server would do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

from fastapi_maintenance.backends.kubernetes.identity import Access

AUTHORITY = trustme.CA()
Object = dict[str, Any]


@dataclass
class Request:
    """What was asked."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def watches(self) -> bool:
        return self.params.get("watch") == "true"


class Wire:
    """The way back to who asks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def raw(self, content: bytes) -> None:
        self._writer.write(content)
        await self._writer.drain()

    async def answer(self, status: int, body: bytes | Object = b"", **headers: str) -> None:
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        head = "\r\n".join(
            [f"HTTP/1.1 {status} Words", f"Content-Length: {len(content)}", *lines, "", ""]
        )
        await self.raw(head.encode("latin-1") + content)

    async def open(self, status: int = 200) -> None:
        """The head of an answer whose end is open."""
        await self.raw(f"HTTP/1.1 {status} OK\r\nTransfer-Encoding: chunked\r\n\r\n".encode())

    async def chunk(self, content: bytes) -> None:
        await self.raw(b"%x\r\n%s\r\n" % (len(content), content))

    async def events(self, *events: Object) -> None:
        """In one chunk."""
        await self.chunk(b"".join(json.dumps(event).encode() + b"\n" for event in events))

    async def end(self) -> None:
        await self.raw(b"0\r\n\r\n")

    async def silence(self) -> None:
        """Say nothing more, until the other side has gone."""
        with contextlib.suppress(OSError):
            await self._reader.read()

    def close(self) -> None:
        """Politely."""
        self._writer.close()

    def cut(self) -> None:
        """As a crash would."""
        self._writer.transport.abort()


Handler = Callable[[Request, Wire], Awaitable[None]]


@dataclass
class Server:
    """What runs, and what it was asked."""

    url: str
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    trust: ssl.SSLContext = field(
        default_factory=lambda: ssl.create_default_context(
            cadata=AUTHORITY.cert_pem.bytes().decode()
        )
    )


@contextlib.asynccontextmanager
async def serving(
    handler: Handler, *, names: tuple[str, ...] = ("127.0.0.1",), tls: bool = True
) -> AsyncIterator[Server]:
    """A server, until the end of the block; connections that are open then are cut."""
    server = Server("")
    tasks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        writers.add(writer)
        server.connections += 1
        ends = (asyncio.IncompleteReadError, asyncio.CancelledError, OSError)
        with contextlib.suppress(*ends):
            while True:
                request = await _read(reader)
                server.requests.append(request)
                await handler(request, Wire(reader, writer))

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=_tls(names) if tls else None)
    scheme = "https" if tls else "http"
    server.url = "{}://{}:{}".format(scheme, *listening.sockets[0].getsockname())
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _tls(names: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    return context


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    url = urlsplit(target)
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    params = {name: values[0] for name, values in parse_qs(url.query).items()}
    return Request(method, url.path, params, headers, body)


class Account:
    """An identity with one token, until it is given another."""

    key = "account"
    namespace = "shop"

    def __init__(self, server: Server, token: str = "secret") -> None:
        self.access_now = Access(server.url, server.trust, f"Bearer {token}")
        self.refused: list[Access] = []

    async def access(self) -> Access:
        return self.access_now

    def renew(self, refused: Access) -> None:
        self.refused.append(refused)
