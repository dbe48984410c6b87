"""JSON over the client library's connections, as an API server sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from kubernetes_asyncio import client

from fastapi_maintenance_operator.access import FencedClient
from fastapi_maintenance_operator.api import ClusterApi
from fastapi_maintenance_operator.processes_api import ProcessApi
from fastapi_maintenance_operator.proof_rounds import Round, Rounds
from fastapi_maintenance_operator.proof_snapshots import RoundTooOld, Snapshot
from fastapi_maintenance_operator.reconcile import read
from fastapi_maintenance_operator.statuses import Statuses
from fastapi_maintenance_operator.windows import Windows
from fastapi_maintenance_operator.wire import APPLY, Wire, path_to
from tests.unit.making import at, stored
from tests.unit.proving import NOON

pytestmark = pytest.mark.anyio


@dataclass
class Server:
    """Answers each request with a number, once it may."""

    port: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    running: int = 0
    most: int = 0
    may: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            line, *fields = head.decode().strip().split("\r\n")
            headers = {name.lower(): value for name, value in (f.split(": ") for f in fields)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append((line, headers, body))
            self.running += 1
            self.most = max(self.most, self.running)
            await self.may.wait()
            self.running -= 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n" + b'{"n":7}')


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, Wire]]:
    """A server, and requests to it."""
    async with connected() as (server, api_client):
        yield server, Wire(api_client)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Server, client.ApiClient]]:
    """A server, and a client of it."""
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await server.serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as listening:
        server.port = listening.sockets[0].getsockname()[1]
        configuration = client.Configuration(host=f"http://127.0.0.1:{server.port}")
        configuration.api_key["BearerToken"] = "Bearer secret"
        async with FencedClient(configuration, lambda: True) as api_client:
            yield server, api_client


async def test_a_write_is_json_with_the_credentials_and_its_content_type() -> None:
    async with serving() as (server, wire):
        server.may.set()
        answer = await wire.write("PATCH", "/api/v1/x", {"a": "ü"}, {"force": "true"}, APPLY)
    ((line, headers, body),) = server.requests
    assert answer == {"n": 7}
    assert line == "PATCH /api/v1/x?force=true HTTP/1.1"
    assert (headers["content-type"], headers["authorization"]) == (APPLY, "Bearer secret")
    assert json.loads(body) == {"a": "ü"}


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are for other servers than the cluster's own."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with serving() as (server, wire):
        server.may.set()
        assert await wire.get("/api/v1/x", {"limit": 1}) == {"n": 7}
    assert server.requests[0][0] == "GET /api/v1/x?limit=1 HTTP/1.1"


async def test_sixteen_writes_are_under_way_at_most_and_reads_do_not_wait_for_them() -> None:
    async with serving() as (server, wire), asyncio.TaskGroup() as group:
        for _ in range(40):
            group.create_task(wire.write("POST", "/api/v1/x", {}))
        while server.running < 16:
            await asyncio.sleep(0.01)
        group.create_task(wire.get("/api/v1/y"))
        while server.running < 17:
            await asyncio.sleep(0.01)
        server.may.set()
    assert (server.most, len(server.requests)) == (17, 41)


async def test_a_status_whose_turn_comes_when_its_round_is_too_old_is_never_sent() -> None:
    """R6: sixteen other writes may keep it waiting for longer than a round may take."""
    ticks, observed = [0.0], read(stored("lunch"))
    async with connected() as (server, api_client), asyncio.TaskGroup() as group:
        api = ClusterApi(api_client)
        for _ in range(16):
            group.create_task(api.create_event({"metadata": {"namespace": "shop"}}))
        while server.running < 16:
            await asyncio.sleep(0.01)
        taken = Snapshot((), at(NOON), at(NOON), 0.0, lambda: ticks[0])
        statuses = Statuses(api, Windows(), Rounds(ProcessApi(api_client)))
        asked = Round(snapshot=taken)
        writing = asyncio.create_task(statuses.write(observed, {}, asked, at(NOON)))
        await asyncio.sleep(0)
        ticks[0] = 5.0
        server.may.set()
        with pytest.raises(RoundTooOld):
            await writing
    assert [line for line, *_ in server.requests if "PATCH" in line] == []


async def test_a_status_that_is_not_answered_while_its_round_is_young_is_given_up() -> None:
    """R6: what is sent and not taken must not be written seconds later."""
    async with serving() as (server, wire):
        with pytest.raises(TimeoutError):
            await wire.write("PATCH", "/api/v1/x", {}, left=lambda: 0.2)
        server.may.set()
        assert await wire.write("PATCH", "/api/v1/x", {}) == {"n": 7}


@pytest.mark.parametrize(
    ("where", "path"),
    [
        (("api/v1/namespaces",), "/api/v1/namespaces"),
        (("api/v1/pods", "shop", "p"), "/api/v1/namespaces/shop/pods/p"),
        (("apis/x.io/v1/ys", None, "y"), "/apis/x.io/v1/ys/y"),
    ],
)
async def test_a_path_is_as_the_api_has_it(where: tuple[str, ...], path: str) -> None:
    assert path_to(*where) == path
