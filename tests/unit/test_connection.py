"""The way to an API server: its addresses."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from fastapi_maintenance.backends.kubernetes.transport import Transport
from tests.unit.tls_server import Account, Request, Wire, serving

pytestmark = pytest.mark.anyio

Address = tuple[str, int]


@contextlib.contextmanager
def black_hole() -> Iterator[Address]:
    """An address from which nothing comes, no refusal either: its queue is full."""
    with contextlib.ExitStack() as sockets:
        hole = sockets.enter_context(socket.socket())
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(hole.getsockname())
        yield hole.getsockname()


async def answering(_: Request, wire: Wire) -> None:
    await wire.answer(200, {"kind": "List"})


async def test_of_several_addresses_one_from_which_nothing_comes_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 8305; else the time for a connection is over before the next one is tried."""
    async with serving(answering, names=("api.example",)) as server:
        port = urlsplit(server.url).port

        async def resolve(*_: Any, **__: Any) -> list[Any]:
            kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            return [(*kind, address) for address in (hole, ("127.0.0.1", port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        account = Account(server)
        account.access_now = replace(account.access_now, server=f"https://api.example:{port}")
        transport = Transport(account)
        try:
            with black_hole() as hole:
                assert await transport.get("/w", {}) == {"kind": "List"}
        finally:
            await transport.close()
