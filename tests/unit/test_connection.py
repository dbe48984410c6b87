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
from tests.unit.tls_server import Account, Request, Server, Wire, serving

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


def resolve_to(patch: pytest.MonkeyPatch, *addresses: Address) -> None:
    """Let every name have these addresses, in this order."""

    async def resolve(*_: Any, **__: Any) -> list[Any]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, address) for address in addresses]

    patch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)


async def ask(server: Server, name: str) -> None:
    """A request to the server, by a name."""
    account = Account(server)
    url = server.url.replace("127.0.0.1", name)
    account.access_now = replace(account.access_now, server=url)
    transport = Transport(account)
    try:
        assert await transport.get("/w", {}) == {"kind": "List"}
    finally:
        await transport.close()


def address_of(server: Server) -> Address:
    return "127.0.0.1", urlsplit(server.url).port or 0


async def test_of_several_addresses_one_from_which_nothing_comes_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 8305; else the time for a connection is over before the next one is tried."""
    async with serving(answering, names=("api.example",)) as server:
        with black_hole() as hole:
            resolve_to(monkeypatch, hole, address_of(server))
            await ask(server, "api.example")


async def test_a_name_may_end_with_the_dot_that_spares_search_domains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No certificate has it."""
    async with serving(answering, names=("api.example",)) as server:
        resolve_to(monkeypatch, address_of(server))
        await ask(server, "api.example.")
