"""Requests to the API server: what is sent, and what may come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from fastapi_maintenance.backends.kubernetes.identity import Access
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Transport, Unreachable

pytestmark = pytest.mark.anyio

CONTEXT = ssl.create_default_context()
Handler = Callable[[httpx.Request], httpx.Response]


class Account:
    """An identity with one token."""

    namespace = "shop"

    def __init__(self, error: Exception | None = None) -> None:
        self.renewed = 0
        self._error = error

    async def access(self) -> Access:
        if self._error:
            raise self._error
        return Access("https://server", CONTEXT, "secret")

    def renew(self) -> None:
        self.renewed += 1


class Wired(Transport):
    """A transport whose requests end at a function."""

    def __init__(self, handler: Handler, account: Account | None = None) -> None:
        super().__init__(account or Account())
        self._wire = httpx.MockTransport(handler)

    def _open(self, access: Access) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self._wire)


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def watched(*chunks: bytes) -> list[dict[str, Any]]:
    transport = Wired(lambda _: httpx.Response(200, content=stream(*chunks)))
    return [event async for event in transport.watch("/w", {}, lambda: None)]


async def test_a_request_carries_token_and_parameters_and_asks_for_plain_json() -> None:
    """Compressed watches break off at the first flush."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"items": []})

    assert await Wired(handler).get("/apis/x", {"resourceVersion": "0"}) == {"items": []}
    (request,) = seen
    assert str(request.url) == "https://server/apis/x?resourceVersion=0"
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.headers["Accept-Encoding"] == "identity"


async def test_a_watch_gives_one_event_a_line_however_the_bytes_come() -> None:
    lines = b'{"n":1}\n\n{"n":2}\n{"n":"\xc3\xbc"}\n'
    pieces = [lines[i : i + 1] for i in range(len(lines))]
    assert await watched(lines) == await watched(*pieces) == [{"n": 1}, {"n": 2}, {"n": "ü"}]


async def test_a_last_line_that_was_cut_off_is_dropped() -> None:
    assert await watched(b'{"n":1}\n{"n":', b"2}") == [{"n": 1}]


async def test_a_line_may_be_far_longer_than_what_is_read_at_once() -> None:
    """An object may have a megabyte; some readers of streams stop at 64 or 128 KiB."""
    line = json.dumps({"n": "x" * 300_000}).encode() + b"\n"
    pieces = [line[i : i + 65536] for i in range(0, len(line), 65536)]
    (event,) = await watched(*pieces)
    assert len(event["n"]) == 300_000


async def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    with pytest.raises(ApiError, match="longer than any Kubernetes object"):
        await watched(*[b"x" * 1024 * 1024] * 9)


@pytest.mark.parametrize("line", [b"<html>\n", b"[1]\n", b"\xff\n"])
async def test_a_watch_of_something_else_than_json_objects_is_an_api_error(line: bytes) -> None:
    with pytest.raises(ApiError, match="not"):
        await watched(line)


@pytest.mark.parametrize(
    ("answer", "message", "retry_after"),
    [
        (httpx.Response(403, json={"message": "no right"}), "403: no right", None),
        (httpx.Response(429, json={}, headers={"Retry-After": "7"}), "429: {}", 7.0),
        (httpx.Response(503, text="<h1>proxy</h1>"), "503: <h1>proxy</h1>", None),
        (httpx.Response(502, headers={"Retry-After": "Fri, 1 Jan"}), "502: Bad Gateway", None),
        (httpx.Response(500, json=["x"]), '500: ["x"]', None),
        (httpx.Response(502, text="<p>" + "x" * 5000), "502: <p>" + "x" * 197, None),
        (httpx.Response(302, headers={"Location": "/login"}), "302: Found", None),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("verb", ["get", "watch"])
async def test_an_answer_without_success_is_told_in_the_servers_own_words(
    verb: str, answer: httpx.Response, message: str, retry_after: float | None
) -> None:
    fresh = httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
    transport = Wired(lambda _: fresh)
    with pytest.raises(ApiError) as caught:
        await ask(transport, verb)
    assert str(caught.value) == message
    assert caught.value.retry_after == retry_after


async def ask(transport: Transport, verb: str) -> None:
    if verb == "get":
        await transport.get("/w", {})
    else:
        async for _ in transport.watch("/w", {}, lambda: None):
            pass


@pytest.mark.parametrize("verb", ["get", "watch"])
async def test_a_token_that_is_not_accepted_is_renewed(verb: str) -> None:
    account = Account()
    transport = Wired(lambda _: httpx.Response(401, json={"message": "Unauthorized"}), account)
    with pytest.raises(ApiError):
        await ask(transport, verb)
    assert account.renewed == 1


@pytest.mark.parametrize("verb", ["get", "watch"])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (httpx.ConnectError("refused"), "refused"),
        (httpx.ReadTimeout(""), "ReadTimeout"),
        (httpx.RemoteProtocolError("broke off"), "broke off"),
    ],
)
async def test_no_answer_is_unreachable(verb: str, error: Exception, message: str) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(Unreachable) as caught:
        await ask(Wired(handler), verb)
    assert str(caught.value) == message


async def test_a_watch_that_breaks_off_is_unreachable_after_its_events() -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b'{"n":1}\n'
        raise httpx.ReadError("reset")

    transport = Wired(lambda _: httpx.Response(200, content=breaking()))
    events = transport.watch("/w", {}, lambda: None)
    assert await anext(events) == {"n": 1}
    with pytest.raises(Unreachable, match="reset"):
        await anext(events)


@pytest.mark.parametrize("error", [FileNotFoundError("token"), ValueError("kubeconfig")])
async def test_credentials_that_cannot_be_read_are_tried_again(error: Exception) -> None:
    """While the kubelet replaces them, or somebody edits a kubeconfig."""
    with pytest.raises(Unreachable, match="credentials can't be read"):
        await Wired(lambda _: httpx.Response(200), Account(error)).get("/w", {})


async def test_a_list_that_is_no_json_object_is_an_api_error() -> None:
    for content in (b"", b"<html>", json.dumps([]).encode()):
        transport = Wired(lambda _, content=content: httpx.Response(200, content=content))  # type: ignore[misc]
        with pytest.raises(ApiError, match="the answer is not"):
            await transport.get("/w", {})


@pytest.mark.parametrize(("status", "calls"), [(200, 1), (403, 0)])
async def test_a_watch_is_open_once_the_server_has_accepted_it(status: int, calls: int) -> None:
    opened: list[bool] = []
    transport = Wired(lambda _: httpx.Response(status, content=stream()))
    with contextlib.suppress(ApiError):
        async for _ in transport.watch("/w", {}, lambda: opened.append(True)):
            pass
    assert len(opened) == calls


class Rotating(Account):
    """An identity whose CA is replaced when the test says so."""

    def __init__(self, server: str) -> None:
        super().__init__()
        self.server = server
        self.context = CONTEXT

    async def access(self) -> Access:
        return Access(self.server, self.context)


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """A server that lists nothing, and tells a watch of one event and then keeps silent."""
    connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[writer] = asyncio.current_task()
        watching = b"watch=true" in await reader.readuntil(b"\r\n\r\n")
        body = b'8\r\n{"n":1}\n\r\n' if watching else b"2\r\n{}\r\n0\r\n\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        yield "http://{}:{}".format(*server.sockets[0].getsockname())
        for writer in connections:
            writer.close()
        await asyncio.gather(*filter(None, connections.values()))


async def test_proxies_of_the_environment_are_not_used(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would capture what stays inside the cluster."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    transport = Transport(Rotating(address))
    assert await transport.get("/w", {}) == {}
    await transport.close()


async def test_when_the_ca_is_replaced_all_move_to_one_new_connection_pool(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two collections share a transport; what one of them opens, the other must not lose."""
    clients: list[httpx.AsyncClient] = []

    class Noted(httpx.AsyncClient):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            clients.append(self)

    monkeypatch.setattr(httpx, "AsyncClient", Noted)
    account = Rotating(address)
    transport = Transport(account)
    events = transport.watch("/w", {}, lambda: None)
    assert await anext(events) == {"n": 1}
    account.context = ssl.create_default_context()
    assert await asyncio.gather(*[transport.get("/w", {}) for _ in range(3)]) == [{}] * 3
    with pytest.raises(Unreachable):
        await anext(events)
    await transport.close()
    assert [client.is_closed for client in clients] == [True, True]
